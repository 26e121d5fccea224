/* SPDX-License-Identifier: ISC */
/*
 * fat_volume: an empty FAT file system on a disk, for tests that look at the
 * disk as well. The test has included fat_layout.h before.
 */
#ifndef TEST_FAT_VOLUME_H
#define TEST_FAT_VOLUME_H

#include "check.h"
#include <mirage/fat.h>

#define SECTOR 512u

static struct block *disk;
static struct fs *fs;
static struct fat_layout layout;

/* Formats `disk`, of that many sectors, and opens it as fs. */
static void format_disk(uint64_t sectors, const struct fat_options *o)
{
    uint8_t boot[SECTOR];
    const char *why;

    CHECK(fat_format(disk, o) == OK);
    CHECK(block_read(disk, 0, boot, 1) == OK);
    CHECK(fat_layout_parse(boot, sectors, SECTOR, &layout, &why) == OK);
    CHECK(fat_connect(disk, &fs) == OK);
}

static void end(void)
{
    fs_disconnect(fs);
    block_disconnect(disk);
}

#endif
