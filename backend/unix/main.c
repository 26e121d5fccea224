/* SPDX-License-Identifier: ISC */
/*
 * The main function of an image, in a file of its own, so that a program of the
 * host which uses the library (tool/fat) can have another.
 */
#include <mirage/platform.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0]
                                                    : "image";

    platform_start(name, (const char *const *)(argv + 1),
                   argc > 0 ? (size_t)argc - 1 : 0);
}
