/* SPDX-License-Identifier: ISC */
#include "fat_layout.h"
#include "check.h"

static uint8_t boot[FAT_BOOT];
static struct fat_layout layout;
static const char *why;

/* A valid boot sector for a disk of so many sectors. */
static void plan(uint64_t sectors, uint32_t size, int type)
{
    struct fat_options o = {.type = type};

    CHECK(fat_layout_plan(sectors, size, &o, &layout, boot) == OK);
}

static enum status parse(uint64_t sectors, uint32_t size)
{
    return fat_layout_parse(boot, sectors, size, &layout, &why);
}

TEST(a_planned_boot_sector_is_parsed_to_the_same_layout)
{
    static const struct {
        uint64_t sectors;
        uint32_t size;
        int type;
    } disks[] = {
        {9, 512, 12},
        {2880, 512, 12},
        {5000, 1024, 12},
        {40000, 512, 16},
        {9000, 2048, 16},
        {70000, 512, 32},
        {70000, 4096, 32},
        {1 << 20, 512, 0},
        {UINT32_MAX, 512, 0},
        {200000000, 512, 0},
        {4000000, 4096, 0},
        {720, 512, 0},
    };

    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        struct fat_layout planned;

        plan(disks[i].sectors, disks[i].size, disks[i].type);
        planned = layout;
        CHECK(parse(disks[i].sectors, disks[i].size) == OK);
        CHECK(memcmp(&planned, &layout, sizeof layout) == 0);
        CHECK(layout.data + (uint64_t)layout.clusters * layout.cluster <=
              disks[i].sectors);
        CHECK(parse(disks[i].sectors - 1, disks[i].size) == ERR_CORRUPT);
        CHECK_TEXT(why, "it is larger than the disk");
    }
}

TEST(the_number_of_clusters_decides_the_type)
{
    CHECK(fat_layout_plan(100000, 512, &(struct fat_options){.type = 12},
                          &layout, boot) == OK);
    CHECK(layout.type == FAT12 && layout.clusters <= FAT12_MOST);
    CHECK(fat_layout_plan(100000, 512,
                          &(struct fat_options){.cluster_size = 512}, &layout,
                          boot) == OK);
    CHECK(layout.type == FAT32);
    CHECK(fat_layout_plan(20000, 512,
                          &(struct fat_options){.cluster_size = 512}, &layout,
                          boot) == OK);
    CHECK(layout.type == FAT16);
    CHECK(fat_layout_plan(20000, 512,
                          &(struct fat_options){.type = 32}, &layout,
                          boot) == ERR_RANGE);
    CHECK(fat_layout_plan(20000, 512, &(struct fat_options){.type = 13},
                          &layout, boot) == ERR_RANGE);
    CHECK(fat_layout_plan(20000, 512,
                          &(struct fat_options){.cluster_size = 1000}, &layout,
                          boot) == ERR_RANGE);
    CHECK(fat_layout_plan(3, 512, &(struct fat_options){0}, &layout, boot) ==
          ERR_NO_SPACE);
    CHECK(fat_layout_plan((uint64_t)UINT32_MAX + 1, 512,
                          &(struct fat_options){0}, &layout,
                          boot) == ERR_RANGE);
}

TEST(other_formats_are_named_in_the_error)
{
    memset(boot, 0, sizeof boot);
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why, "the first sector is empty");
    boot[0] = 1;
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why, "the first sector is no boot sector");
    memcpy(boot + 3, "NTFS    ", 8);
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why, "it is NTFS");
    memcpy(boot + 3, "EXFAT   ", 8);
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why, "it is exFAT, which is another format");
    memset(boot, 0, sizeof boot);
    boot[510] = 0x55;
    boot[511] = 0xaa;
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why, "the boot sector is not FAT's");
    boot[446 + 4] = 0x0c;
    CHECK(parse(1000, 512) == ERR_FORMAT);
    CHECK_TEXT(why,
               "it is a disk with partitions; a partition of it may be FAT");
    plan(1000, 512, 12);
    CHECK(parse(125, 4096) == ERR_FORMAT);
    CHECK_TEXT(why, "it is made for smaller sectors than the disk's");
}

/* Changes bytes of a valid boot sector, and parses it. */
static enum status with(uint64_t sectors, int type, size_t at, uint32_t value,
                        int bytes)
{
    plan(sectors, 512, type);
    for (int i = 0; i < bytes; i++)
        boot[at + (size_t)i] = (uint8_t)(value >> 8 * i);
    return parse(sectors, 512);
}

TEST(inconsistent_boot_sectors_are_refused)
{
    /* BPB_BytsPerSec: 0, no power of two, too small, too large. */
    CHECK(with(5000, 12, 11, 0, 2) == ERR_FORMAT);
    CHECK(with(5000, 12, 11, 513, 2) == ERR_FORMAT);
    CHECK(with(5000, 12, 11, 256, 2) == ERR_FORMAT);
    CHECK(with(5000, 12, 11, 8192, 2) == ERR_FORMAT);
    /* BPB_SecPerClus, BPB_RsvdSecCnt, BPB_NumFATs, BPB_Media. */
    CHECK(with(5000, 12, 13, 0, 1) == ERR_FORMAT);
    CHECK(with(5000, 12, 13, 3, 1) == ERR_FORMAT);
    CHECK(with(5000, 12, 14, 0, 2) == ERR_FORMAT);
    CHECK(with(5000, 12, 16, 0, 1) == ERR_FORMAT);
    CHECK(with(5000, 12, 16, 200, 1) == ERR_FORMAT);
    CHECK(with(5000, 12, 21, 7, 1) == ERR_FORMAT);
    /* BPB_TotSec16, BPB_FATSz16, BPB_RootEntCnt. */
    CHECK(with(5000, 12, 19, 65535, 2) == ERR_CORRUPT);
    CHECK(with(5000, 12, 19, 10, 2) == ERR_CORRUPT);
    CHECK(with(5000, 12, 22, 1, 2) == ERR_CORRUPT);
    CHECK_TEXT(why, "its table is too short for its clusters");
    CHECK(with(5000, 12, 22, 65535, 2) == ERR_CORRUPT);
    CHECK_TEXT(why, "its tables leave no room for data");
    CHECK(with(5000, 12, 17, 0, 2) == ERR_CORRUPT);
    CHECK_TEXT(why, "its root directory has no room");
    CHECK(with(4000, 12, 17, 65535, 2) == ERR_CORRUPT);
    /* FAT32: BPB_FATSz32, BPB_FSVer, BPB_RootClus, BPB_ExtFlags. */
    CHECK(with(70000, 32, 36, UINT32_MAX, 4) == ERR_CORRUPT);
    CHECK(with(70000, 32, 36, 0, 4) == ERR_CORRUPT);
    CHECK(with(70000, 32, 42, 1, 2) == ERR_CORRUPT);
    CHECK_TEXT(why, "it is of a version that is not known here");
    CHECK(with(70000, 32, 44, 0, 4) == ERR_CORRUPT);
    CHECK_TEXT(why, "its root directory lies outside");
    CHECK(with(70000, 32, 44, UINT32_MAX, 4) == ERR_CORRUPT);
    CHECK(with(70000, 32, 40, 0x85, 2) == ERR_CORRUPT);
    CHECK_TEXT(why, "the table in use is one that it does not have");
    CHECK(with(70000, 32, 40, 0x81, 2) == OK);
    CHECK(layout.tables == 1);
}

TEST(the_boot_sector_may_count_larger_sectors_than_the_disk_has)
{
    uint32_t clusters;

    plan(5000, 2048, 12);
    clusters = layout.clusters;
    CHECK(parse(20000, 512) == OK);
    CHECK(layout.clusters == clusters && layout.sector_size == 512);
    CHECK(layout.table % 4 == 0 && layout.table_size % 4 == 0);
}

TEST(a_fat_of_more_than_32_bits_of_sectors_is_measured_in_64)
{
    /* 0x20000001 sectors of 4,096 bytes are 8 more than 2^32 of 512. */
    plan(70000, 4096, 32);
    boot[16] = 1;
    fat_put32(boot + 36, 0x20000001);
    fat_put32(boot + 32, 0x20200000);
    boot[13] = 1;
    CHECK(parse((uint64_t)0x20200000 * 8, 512) == OK);
    CHECK(layout.table_size == (uint64_t)0x20000001 * 8);
    CHECK(layout.data > (uint64_t)1 << 32);
    CHECK(layout.table_used <= layout.table_size);
    CHECK(layout.table_used < 1 << 21);
}
