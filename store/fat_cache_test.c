/* SPDX-License-Identifier: ISC */
/* The buffer cache when memory is scarce. */
#include <stddef.h>
#include <stdlib.h>

static long left = -1; /* calls of malloc that succeed; -1: all */

static void *scarce_malloc(size_t size)
{
    if (left == 0)
        return NULL;
    left -= left > 0;
    return malloc(size);
}

#define malloc scarce_malloc
#include "fat_cache.c"
#undef malloc
#include "check.h"
#include <mirage/fat.h>

static void count_fault(void *ctx, const char *text)
{
    (void)text;
    ++*(int *)ctx;
}

TEST(a_change_that_finds_no_memory_fails_and_changes_nothing)
{
    struct block *disk;
    struct fat_count count;
    struct fs *fs;
    struct fs_stat st;
    int failed = 0, faults = 0;
    enum status s = ERR_NO_MEMORY;

    CHECK(block_ram_connect(4096, 512, &disk) == OK);
    CHECK(fat_format(disk, NULL) == OK);
    CHECK(fat_connect(disk, &fs) == OK);
    /* Each try has one more allocation than the last, until all are there. */
    for (long n = 0; s == ERR_NO_MEMORY && n < 100; n++) {
        CHECK(fs_stat(fs, "a", &st) == ERR_NOT_FOUND);
        fat_forget_all(fat_of(fs));
        left = n;
        s = fs_mkdir(fs, "a");
        left = -1;
        failed += s == ERR_NO_MEMORY;
        CHECK(s == OK || s == ERR_NO_MEMORY);
    }
    CHECK(s == OK && failed >= 3);
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, count_fault, &faults, &count) == OK);
    CHECK(faults == 0 && count.directories == 2);
    fs_disconnect(fs);
    block_disconnect(disk);
}
