/* SPDX-License-Identifier: ISC */
/*
 * FAT32's reserved bits and FSInfo, where clusters are allocated, and memory
 * and damage that are met on the way.
 */
#include "check.h"
#include "fat_fs.h"
#include "fat_volume.h"
#include <mirage/fat.h>
#include <stdlib.h>

static void begin(int type, uint64_t sectors)
{
    struct fat_options o = {.type = type, .cluster_size = SECTOR};

    CHECK(block_ram_connect(sectors, SECTOR, &disk) == OK);
    format_disk(sectors, &o);
}

static void put(const char *path, size_t len)
{
    char *text = calloc(1, len + 1);

    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, text, len) == OK);
    free(text);
}

static void note(void *ctx, const char *text)
{
    ++*(unsigned *)ctx;
    CHECK(*text);
}

/* The 32 bits of a cluster's entry, in a copy of the FAT. */
static uint32_t entry(uint32_t cluster, uint32_t copy)
{
    uint64_t sector = layout.table + copy * layout.table_size + cluster / 128;
    uint8_t b[SECTOR];

    CHECK(block_read(disk, sector, b, 1) == OK);
    return fat_get32(b + cluster % 128 * 4);
}

static void set_entry(uint32_t cluster, uint32_t value)
{
    uint8_t b[SECTOR];

    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t sector = layout.table + copy * layout.table_size +
                          cluster / 128;

        CHECK(block_read(disk, sector, b, 1) == OK);
        fat_put32(b + cluster % 128 * 4, value);
        CHECK(block_write(disk, sector, b, 1) == OK);
    }
}

TEST(the_upper_four_bits_of_fat32_entries_are_ignored_and_kept)
{
    struct fs_stat st;

    begin(32, 70000);
    put("file", 3 * SECTOR); /* clusters 3, 4, 5 */
    fs_disconnect(fs);
    CHECK(entry(3, 0) == 4 && entry(5, 0) == 0x0fffffff);
    for (uint32_t c = 2; c < 12; c++)
        set_entry(c, entry(c, 0) | (uint32_t)(c + 4) << 28);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fs_stat(fs, "file", &st) == OK && st.size == 3 * SECTOR);
    put("more", 2 * SECTOR);
    CHECK(fs_truncate(fs, "file", SECTOR) == OK);
    CHECK(fs_flush(fs) == OK);
    for (uint32_t copy = 0; copy < 2; copy++) {
        CHECK(entry(3, copy) == 0x7fffffff);
        CHECK(entry(4, copy) == 0x80000000);
        CHECK(entry(5, copy) == 0x90000000);
        CHECK(entry(6, copy) == 0xa0000007);
        CHECK(entry(7, copy) == 0xbfffffff);
        CHECK(entry(8, copy) == 0xc0000000);
    }
    end();
}

/* FSInfo's free count and next free cluster. */
static void info(uint32_t found[2])
{
    uint8_t b[SECTOR];

    CHECK(block_read(disk, layout.info, b, 1) == OK);
    found[0] = fat_get32(b + FSI_FREE_COUNT);
    found[1] = fat_get32(b + FSI_NXT_FREE);
}

static void spoil_info(size_t at)
{
    uint8_t b[SECTOR];

    CHECK(block_read(disk, layout.info, b, 1) == OK);
    b[at] ^= 1;
    CHECK(block_write(disk, layout.info, b, 1) == OK);
}

TEST(fsinfo_has_the_free_clusters_and_where_the_next_may_be)
{
    uint32_t found[2], all;

    begin(32, 70000);
    all = layout.clusters - 1; /* the root directory has one */
    put("file", 3 * SECTOR);
    CHECK(fs_flush(fs) == OK);
    info(found);
    CHECK(found[0] == all - 3 && found[1] == 6);
    CHECK(fs_remove(fs, "file") == OK);
    CHECK(fs_flush(fs) == OK);
    info(found);
    CHECK(found[0] == all && found[1] == 6);
    end();
}

TEST(a_sector_that_is_no_fsinfo_is_left_alone)
{
    static const size_t signatures[] = {FSI_LEAD_SIG, FSI_STRUC_SIG};

    for (size_t i = 0; i < 2; i++) {
        uint32_t before[2], after[2];

        begin(32, 70000);
        info(before);
        spoil_info(signatures[i]);
        put("file", 3 * SECTOR);
        CHECK(fs_flush(fs) == OK);
        info(after);
        CHECK(memcmp(before, after, sizeof before) == 0);
        end();
    }
}

TEST(the_last_cluster_is_used_and_the_search_goes_on_at_the_first)
{
    uint32_t found[2];
    uint64_t room;

    begin(32, 70000);
    /* All but the last are in use. */
    for (uint64_t s = 0; s < layout.table_used; s++) {
        uint8_t b[SECTOR];

        CHECK(block_read(disk, layout.table + s, b, 1) == OK);
        for (uint32_t i = 0; i < 128; i++)
            if (s * 128 + i > 2 && s * 128 + i < layout.clusters + 1)
                fat_put32(b + i * 4, 0x0fffffff);
        CHECK(block_write(disk, layout.table + s, b, 1) == OK);
        CHECK(block_write(disk, layout.table + layout.table_size + s, b, 1) ==
              OK);
    }
    fs_disconnect(fs);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fat_room(fs, &room, NULL) == OK && room == SECTOR);
    put("file", SECTOR);
    CHECK(fs_flush(fs) == OK);
    CHECK(entry(layout.clusters + 1, 0) == 0x0fffffff);
    info(found);
    CHECK(found[0] == 0 && found[1] == 2);
    CHECK(fs_write(fs, "file", SECTOR, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_remove(fs, "file") == OK);
    CHECK(fs_flush(fs) == OK);
    set_entry(10, 0);
    fs_disconnect(fs);
    CHECK(fat_connect(disk, &fs) == OK);
    put("file", SECTOR);
    CHECK(fs_flush(fs) == OK);
    CHECK(entry(10, 0) == 0x0fffffff);
    end();
}

/* The clusters of a file, as numbers. */
static const char *chain(uint32_t first)
{
    static char text[100];
    size_t len = 0;

    for (uint32_t c = first; c >= 2 && c < 0x0ffffff8; c = entry(c, 0))
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%u",
                                len ? " " : "", (unsigned)c);
    return text;
}

TEST(a_file_grows_behind_its_last_cluster)
{
    begin(32, 70000);
    put("a", SECTOR);
    put("b", 8 * SECTOR);
    CHECK(fs_flush(fs) == OK);
    CHECK(fs_remove(fs, "b") == OK);
    CHECK(fs_flush(fs) == OK);
    put("c", SECTOR); /* after b: the hint goes on */
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(chain(12), "12");
    CHECK(fs_write(fs, "a", SECTOR, "x", 1) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(chain(3), "3 4");
    CHECK(fs_write(fs, "c", SECTOR, "x", 1) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(chain(12), "12 13");
    end();
}

TEST(a_full_disk_takes_a_file_of_exactly_its_room)
{
    struct fat_count count;
    unsigned faults = 0;
    uint64_t room;
    char *bytes;

    begin(12, 600);
    CHECK(fat_room(fs, &room, NULL) == OK);
    bytes = calloc(1, (size_t)room + 1);
    CHECK(fs_create(fs, "all") == OK);
    CHECK(fs_write(fs, "all", 0, bytes, (size_t)room + 1) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "all", 0, bytes, (size_t)room) == OK);
    CHECK(fat_room(fs, &room, NULL) == OK && room == 0);
    CHECK(fs_truncate(fs, "all", 1) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, note, &faults, &count) == OK);
    CHECK(count.used == 1 && count.faults == 0);
    free(bytes);
    end();
}

TEST(sizes_of_four_gibibytes_and_more_do_not_wrap)
{
    struct fs_stat st;

    begin(32, 70000);
    CHECK(fs_create(fs, "big") == OK);
    CHECK(fs_write(fs, "big", UINT32_MAX, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "big", UINT32_MAX - 1, "xy", 2) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "big", UINT64_MAX, "xy", 2) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "big", UINT32_MAX - 1, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_truncate(fs, "big", (uint64_t)UINT32_MAX + 1) == ERR_NO_SPACE);
    CHECK(fs_truncate(fs, "big", UINT32_MAX) == ERR_NO_SPACE);
    CHECK(fs_stat(fs, "big", &st) == OK && st.size == 0);
    end();
}
