/* SPDX-License-Identifier: ISC */
/* Directories at their bounds, labels, and what a check says of damage. */
#include "check.h"
#include "fat_dir.h"
#include "fat_volume.h"
#include <mirage/fat.h>
#include <stdlib.h>

static void begin(const struct fat_options *o, uint64_t sectors)
{
    CHECK(block_ram_connect(sectors, SECTOR, &disk) == OK);
    format_disk(sectors, o);
}

static void reopen(void)
{
    fs_disconnect(fs);
    CHECK(fat_connect(disk, &fs) == OK);
}

static void put(const char *path, const char *text)
{
    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, text, strlen(text)) == OK);
}

static bool has(const char *path, const char *text)
{
    char found[64] = "";
    size_t got;

    return fs_read(fs, path, 0, found, sizeof found - 1, &got) == OK &&
           strcmp(found, text) == 0;
}

static bool add_name(void *ctx, const char *name, const struct fs_stat *st)
{
    (void)st;
    strcat(strcat(ctx, name), " ");
    return true;
}

static const char *names(const char *path)
{
    static char all[8192];

    all[0] = '\0';
    CHECK(fs_list(fs, path, add_name, all) == OK);
    return all;
}

/* What a check finds, one fault after the other. */
static char faults[1024];

static void note(void *ctx, const char *text)
{
    (void)ctx;
    strcat(strcat(faults, text), "\n");
}

TEST(a_root_directory_is_filled_to_its_last_slot)
{
    const struct fat_options o = {.type = 12, .root_slots = 16};
    char name[16];

    begin(&o, 2048);
    for (int i = 0; i < 14; i++) {
        snprintf(name, sizeof name, "F%d", i);
        CHECK(fs_create(fs, name) == OK);
    }
    /* A name and a long one for it: two slots. */
    CHECK(fs_create(fs, "long and longer") == ERR_NO_SPACE);
    CHECK(fs_create(fs, "Mixed name") == OK);
    CHECK(fs_create(fs, "F14") == ERR_NO_SPACE);
    CHECK(fs_remove(fs, "F3") == OK);
    CHECK(fs_create(fs, "F15") == OK);
    reopen();
    CHECK_TEXT(names(""), "F0 F1 F2 F15 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 "
                          "Mixed name ");
    end();
}

TEST(a_directory_becomes_longer_when_its_last_slot_is_taken)
{
    const struct fat_options o = {.type = 16, .cluster_size = SECTOR};
    struct fat_count count;
    char name[16];

    begin(&o, 9000);
    CHECK(fs_mkdir(fs, "d") == OK);
    for (int i = 0; i < 14; i++) { /* with "." and "..", 16 slots */
        snprintf(name, sizeof name, "d/F%d", i);
        CHECK(fs_create(fs, name) == OK);
    }
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.used == 1);
    CHECK(fs_create(fs, "d/F14") == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.used == 2);
    end();
}

TEST(a_name_that_finds_no_room_leaves_the_directory_as_it_was)
{
    const struct fat_options o = {.type = 12, .cluster_size = SECTOR};
    char name[300] = "D/";
    struct fat_count count;
    uint64_t room;
    uint8_t *bytes;

    begin(&o, 600);
    CHECK(fs_mkdir(fs, "D") == OK);
    for (int i = 0; i < 14; i++) { /* its cluster is full */
        snprintf(name, sizeof name, "D/F%d", i);
        CHECK(fs_create(fs, name) == OK);
    }
    CHECK(fat_room(fs, &room, NULL) == OK);
    bytes = calloc(1, (size_t)room);
    CHECK(fs_create(fs, "A") == OK);
    /* One cluster is left, and the long name needs two. */
    CHECK(fs_write(fs, "A", 0, bytes, (size_t)room - SECTOR) == OK);
    free(bytes);
    memset(name + 2, 'n', 250);
    name[252] = '\0';
    CHECK(fs_create(fs, name) == ERR_NO_SPACE);
    CHECK(fs_create(fs, "B") == OK); /* with changes that are not flushed */
    CHECK(fs_create(fs, name) == ERR_NO_SPACE);
    CHECK(fs_create(fs, "D/F14") == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.faults == 0);
    reopen();
    CHECK_TEXT(names("D"), "F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 "
                           "F14 ");
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.faults == 0);
    end();
}

TEST(garbage_beyond_the_end_of_a_directory_is_never_listed)
{
    const struct fat_options o = {.type = 16, .cluster_size = 2048};
    uint8_t sector[SECTOR];
    char name[16], wanted[512] = "";
    uint32_t first;

    begin(&o, 20000);
    CHECK(fs_mkdir(fs, "D") == OK);
    reopen();
    CHECK(block_read(disk, layout.root, sector, 1) == OK);
    first = fat_get16(sector + 26);
    /* All slots but ".", "..", and the mark of the end behind them. */
    for (uint32_t s = 0; s < 4; s++) {
        CHECK(block_read(disk, fat_sector_of(&layout, first) + s, sector, 1) ==
              OK);
        for (size_t at = s ? 0 : 96; at < SECTOR; at += 32) {
            memset(sector + at, 0, 32);
            memcpy(sector + at, "GHOST      ", 11);
        }
        CHECK(block_write(disk, fat_sector_of(&layout, first) + s, sector, 1) ==
              OK);
    }
    reopen();
    for (int i = 0; i < 62; i++) {
        snprintf(name, sizeof name, "D/F%d", i);
        CHECK(fs_create(fs, name) == OK);
        strcat(strcat(wanted, name + 2), " ");
        if (i == 0 || i == 13 || i == 30) {
            reopen();
            CHECK_TEXT(names("D"), wanted);
        }
    }
    CHECK_TEXT(names("D"), wanted);
    end();
}

/* Enters so many directories, one in the other, whose names begin so. */
static void make_deep(char *path, const char *letter, int levels)
{
    strcpy(path, letter);
    CHECK(fs_mkdir(fs, path) == OK);
    for (int i = 1; i < levels; i++)
        CHECK(fs_mkdir(fs, strcat(strcat(path, "/"), letter)) == OK);
}

TEST(names_move_between_directories_that_are_not_in_memory_at_once)
{
    const struct fat_options o = {.type = 16, .cluster_size = SECTOR};
    char a[128], b[128], from[160], to[160];
    struct fat_count count;

    begin(&o, 9000);
    make_deep(a, "a", FAT_DIRS + 4);
    make_deep(b, "b", FAT_DIRS + 4);
    snprintf(from, sizeof from, "%s/one", a);
    snprintf(to, sizeof to, "%s/two", b);
    put(from, "one");
    reopen();
    CHECK(fs_rename(fs, from, to) == OK);
    CHECK(has(to, "one") && !has(from, "one"));
    put(from, "new");
    CHECK(fs_flush(fs) == OK);
    reopen();
    CHECK(fs_rename(fs, from, to) == OK);
    reopen();
    CHECK(has(to, "new") && !has(from, "new"));
    CHECK_TEXT(names(a), "");
    CHECK_TEXT(names(b), "two ");
    CHECK(fs_rename(fs, "b/b", "a/c") == OK);
    CHECK(fs_remove(fs, a) == OK);
    CHECK(fs_remove(fs, "b") == OK);
    reopen();
    CHECK_TEXT(names("a"), "a c ");
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.faults == 0);
    end();
}

TEST(a_replaced_file_keeps_its_spelling)
{
    const struct fat_options o = {.type = 16};
    uint8_t b[SECTOR];

    begin(&o, 9000);
    put("FILE.TXT", "old");
    put("OTHER", "new");
    CHECK(fs_flush(fs) == OK);
    CHECK(block_read(disk, layout.root, b, 1) == OK);
    b[DIR_NT_RES] = 0x18; /* name and extension are in small letters */
    CHECK(block_write(disk, layout.root, b, 1) == OK);
    reopen();
    CHECK_TEXT(names(""), "file.txt OTHER ");
    CHECK(fs_rename(fs, "OTHER", "file.txt") == OK);
    reopen();
    CHECK_TEXT(names(""), "file.txt ");
    CHECK(has("FILE.TXT", "new"));
    end();
}

TEST(odd_seconds_are_in_the_tenths_of_the_time_of_creation)
{
    const struct fat_options o = {.type = 16};
    uint8_t sector[SECTOR];

    begin(&o, 9000);
    fat_set_time(fs, 1700000001 * SECOND);
    CHECK(fs_create(fs, "ODD") == OK);
    fat_set_time(fs, 1700000002 * SECOND);
    CHECK(fs_create(fs, "EVEN") == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(block_read(disk, layout.root, sector, 1) == OK);
    CHECK(sector[13] == 100);
    CHECK(sector[32 + 13] == 0);
    end();
}

static enum status labelled(const char *label, uint8_t slot[32])
{
    const struct fat_options o = {.type = 16, .label = label};
    uint8_t sector[SECTOR];
    enum status s;

    CHECK(block_ram_connect(9000, SECTOR, &disk) == OK);
    s = fat_format(disk, &o);
    if (s == OK) {
        const char *why;

        CHECK(block_read(disk, 0, sector, 1) == OK);
        CHECK(fat_layout_parse(sector, 9000, SECTOR, &layout, &why) == OK);
        CHECK(block_read(disk, layout.root, sector, 1) == OK);
        memcpy(slot, sector, 32);
    }
    block_disconnect(disk);
    return s;
}

TEST(a_label_is_in_the_root_directory_in_capitals)
{
    uint8_t slot[32];
    char odd[] = "A?B";

    CHECK(labelled("A LABEL-9", slot) == OK);
    CHECK(memcmp(slot, "A LABEL-9  \x08", 12) == 0);
    CHECK(labelled("12345678901", slot) == OK);
    CHECK(labelled("Z~", slot) == OK);
    CHECK(labelled(NULL, slot) == OK);
    CHECK(slot[0] == 0);
    CHECK(labelled("", slot) == ERR_NAME);
    CHECK(labelled("123456789012", slot) == ERR_NAME);
    for (const char *c = "az\x1f\x7f\n\"*+,./:;<=>?[\\]|"; *c; c++) {
        odd[1] = *c;
        CHECK(labelled(odd, slot) == ERR_NAME);
    }
}

static int type_of(uint64_t sectors)
{
    struct fat_layout l;
    uint8_t boot[FAT_BOOT];
    const struct fat_options none = {0};

    return fat_layout_plan(sectors, SECTOR, &none, &l, boot) == OK
               ? (int)l.type
               : 0;
}

TEST(the_size_of_a_disk_decides_its_type)
{
    CHECK(type_of(32000) == 12);
    CHECK(type_of(33000) == 16);
    CHECK(type_of(1048575) == 16);
    CHECK(type_of(1048576) == 32);
}

static const char *found_faults(void)
{
    struct fat_count count;

    faults[0] = '\0';
    reopen();
    CHECK(fat_check(fs, note, NULL, &count) == OK);
    return faults;
}

static void set_entry(uint32_t cluster, uint32_t value)
{
    uint8_t b[SECTOR];

    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t at = layout.table + copy * layout.table_size + cluster / 256;

        CHECK(block_read(disk, at, b, 1) == OK);
        fat_put16(b + cluster % 256 * 2, value);
        CHECK(block_write(disk, at, b, 1) == OK);
    }
}

/* Overwrites bytes of a slot of the root directory. */
static void set_slot(size_t slot, size_t at, uint32_t value, bool is_32)
{
    uint8_t b[SECTOR];

    CHECK(block_read(disk, layout.root, b, 1) == OK);
    if (is_32)
        fat_put32(b + slot * 32 + at, value);
    else
        fat_put16(b + slot * 32 + at, value);
    CHECK(block_write(disk, layout.root, b, 1) == OK);
}

TEST(a_check_names_each_fault_with_its_path)
{
    const struct fat_options o = {.type = 16, .cluster_size = SECTOR};

    begin(&o, 9000);
    CHECK(fs_mkdir(fs, "D") == OK); /* cluster 2 */
    put("D/F", "one"); /* 3 */
    put("TOP", "two"); /* 4 */
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(found_faults(), "");
    set_entry(3, 0xfff8); /* the least mark of an end */
    CHECK_TEXT(found_faults(), "");
    set_entry(3, 0);
    CHECK_TEXT(found_faults(), "D/F: its chain breaks off after cluster 3\n");
    set_entry(3, 5);
    set_entry(5, 0xffff);
    CHECK_TEXT(found_faults(), "D/F: 3 bytes in 2 clusters\n");
    set_entry(3, 4);
    set_entry(5, 0);
    CHECK_TEXT(found_faults(),
               "D/F: 3 bytes in 2 clusters\n"
               "TOP: cluster 4 has another file as well\n"
               "TOP: 3 bytes in 0 clusters\n");
    set_entry(3, 0xffff);
    set_entry(9, 0xffff);
    set_entry(10, 0xfff7); /* bad: not lost */
    CHECK_TEXT(found_faults(), "1 clusters are neither free nor any file's\n");
    set_entry(9, 0);
    set_slot(1, 26, 1, false);
    CHECK_TEXT(found_faults(),
               "TOP: it leads to cluster 1, which is none\n"
               "TOP: 3 bytes in 0 clusters\n"
               "1 clusters are neither free nor any file's\n");
    set_slot(1, 26, 4, false);
    set_slot(0, 28, 1, true);
    CHECK(strncmp(found_faults(), "D: a directory with a size\n", 27) == 0);
    set_slot(0, 28, 0, true);
    set_slot(0, 26, 0, false);
    CHECK(strncmp(found_faults(), "D: a directory without a cluster\n", 33) ==
          0);
    set_slot(0, 26, 2, false);
    CHECK_TEXT(found_faults(), "");
    end();
}

TEST(a_check_finds_a_name_that_no_path_can_hold)
{
    const struct fat_options o = {.type = 16, .cluster_size = SECTOR};
    uint8_t b[SECTOR];

    begin(&o, 9000);
    CHECK(fs_mkdir(fs, "D") == OK); /* cluster 2 */
    put("D/TOP", "x");
    CHECK(fs_flush(fs) == OK);
    CHECK(block_read(disk, fat_sector_of(&layout, 2), b, 1) == OK);
    memcpy(b + 64, "T/P", 3);
    CHECK(block_write(disk, fat_sector_of(&layout, 2), b, 1) == OK);
    CHECK_TEXT(found_faults(), "D/?: a name that no path can hold\n");
    end();
}

TEST(bad_clusters_are_never_allocated)
{
    const struct fat_options o = {.type = 16, .cluster_size = SECTOR};
    uint8_t sector[SECTOR];

    begin(&o, 9000);
    set_entry(2, 0xfff7);
    reopen();
    put("A", "x");
    CHECK(fs_flush(fs) == OK);
    CHECK(block_read(disk, layout.root, sector, 1) == OK);
    CHECK(fat_get16(sector + 26) == 3);
    end();
}

/* Of the address sanitizer; NULL where there is none. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static void use_all(int type, uint64_t sectors)
{
    const struct fat_options o = {.type = type, .cluster_size = SECTOR};
    struct fat_count count;
    char name[32];

    begin(&o, sectors);
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof name, "a longer name %d", i);
        put(name, "text");
    }
    CHECK(fs_mkdir(fs, "dir") == OK);
    CHECK(fs_rename(fs, "a longer name 1", "dir/a name") == OK);
    CHECK(fs_rename(fs, "dir", "again") == OK);
    for (int i = 2; i < 80; i++) {
        snprintf(name, sizeof name, "a longer name %d", i);
        CHECK(fs_remove(fs, name) == OK);
    }
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, note, NULL, &count) == OK && count.faults == 0);
    CHECK(fs_format(fs) == OK);
    put("x", "x");
    end();
}

TEST(a_disconnected_file_system_leaves_no_memory)
{
    static const int types[] = {12, 16, 32};
    static const uint64_t sectors[] = {2048, 9000, 70000};

    for (size_t i = 0; i < 3; i++) {
        size_t before;

        use_all(types[i], sectors[i]); /* what is kept for others, too */
        if (!__sanitizer_get_current_allocated_bytes)
            return;
        before = __sanitizer_get_current_allocated_bytes();
        use_all(types[i], sectors[i]);
        CHECK(__sanitizer_get_current_allocated_bytes() == before);
    }
}
