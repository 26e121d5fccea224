/* SPDX-License-Identifier: ISC */
/*
 * The image's main, apart from the rest so that a host program which is made
 * of our code (tool/fat) can have its own.
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
