/* SPDX-License-Identifier: ISC */
/* Prints what its disks begin with. */
#include <mirage.h>
#include <stdio.h>

static void print_start(const char *name, struct block *b)
{
    static _Alignas(4096) char data[4096];
    enum status s = block_read(b, 0, data, 1);

    printf("%s: %.100s\n", name, s == OK ? data : status_text(s));
}

void start(struct block *first, struct block *second, struct block *third)
{
    print_start("first", first);
    print_start("second", second);
    print_start("third", third);
}
