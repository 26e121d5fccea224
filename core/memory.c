/* SPDX-License-Identifier: ISC */
/* Memory that must be there. On its own, for images that use none. */
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
