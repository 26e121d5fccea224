/* SPDX-License-Identifier: ISC */
/* require_memory. A file of its own, so that images which do not allocate do
 * not contain malloc. */
#include <mirage/panic.h>
#include <stdlib.h>

void *image_memory(const char *file, int line, size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory)
        image_panic(file, line, "out of memory: %zu bytes were asked for",
                    size);
    return memory;
}
