/* SPDX-License-Identifier: ISC */
/* Memory and texts that live until the program ends. */
#include "memory.h"
#include "report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        fprintf(stderr, "mirage: out of memory\n");
        report_failure();
    }
    return p;
}

char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(memory(size), text, size);
}
