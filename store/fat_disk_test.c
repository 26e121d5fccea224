/* SPDX-License-Identifier: ISC */
/*
 * Volumes that are damaged, marked as in use, or crafted to do harm. Reading
 * must not write to the disk: the device here fails a test that does.
 */
#include "fat_dir.h"
#include "check.h"
#include <mirage/block.h>
#include <mirage/fat.h>
#include <stdlib.h>

#define SECTOR 512u

/* A disk, and a device over it that can be told to refuse writes. */
struct guard {
    struct block block; /* first */
    struct block *disk;
    bool is_reading;
    unsigned writes;
    uint64_t bad; /* a sector that cannot be read; 0: none */
};

static struct guard guard;
static const int types[] = {12, 16, 32};
static struct fs *fs;

static enum status guard_read(struct block *b, uint64_t sector, void *data,
                              size_t count)
{
    (void)b;
    if (guard.bad && guard.bad - sector < count)
        return ERR_IO;
    return block_read(guard.disk, sector, data, count);
}

static enum status guard_write(struct block *b, uint64_t sector,
                               const void *data, size_t count)
{
    (void)b;
    CHECK(!guard.is_reading);
    guard.writes++;
    return block_write(guard.disk, sector, data, count);
}

static enum status guard_discard(struct block *b, uint64_t sector,
                                 uint64_t count)
{
    (void)b;
    CHECK(!guard.is_reading);
    return block_discard(guard.disk, sector, count);
}

static enum status guard_flush(struct block *b)
{
    (void)b;
    CHECK(!guard.is_reading);
    return block_flush(guard.disk);
}

static const struct block_ops guard_ops = {
    .read = guard_read,
    .write = guard_write,
    .discard = guard_discard,
    .flush = guard_flush,
    .takes_any_data = true,
};

static void open_disk(void)
{
    CHECK(fat_connect(&guard.block, &fs) == OK);
}

static void close_disk(void)
{
    fs_disconnect(fs);
}

static void put(const char *path, size_t len)
{
    char *bytes = malloc(len + 1);

    memset(bytes, *path, len);
    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, bytes, len) == OK);
    free(bytes);
}

/* Makes a volume with two files of some clusters, and a directory with another.
 * It is not open. */
static struct fat_layout layout;

static void make_disk(int type)
{
    static const uint32_t sectors[] = {[12] = 2048, [16] = 9000, [32] = 70000};
    struct fat_options o = {.type = type, .cluster_size = SECTOR};
    uint8_t boot[SECTOR];
    const char *why;

    CHECK(block_ram_connect(sectors[type], SECTOR, &guard.disk) == OK);
    guard.block.ops = &guard_ops;
    guard.block.info = guard.disk->info;
    guard.is_reading = false;
    CHECK(fat_format(&guard.block, &o) == OK);
    open_disk();
    put("first", 3000);
    CHECK(fs_mkdir(fs, "dir") == OK);
    put("dir/second", 2000);
    close_disk();
    CHECK(block_read(guard.disk, 0, boot, 1) == OK);
    CHECK(fat_layout_parse(boot, sectors[type], SECTOR, &layout, &why) == OK);
    guard.writes = 0;
}

static void end_disk(void)
{
    block_disconnect(guard.disk);
}

/* Writes bytes to the disk, from byte `at` of a sector on. */
static void poke(uint64_t sector, size_t at, const void *bytes, size_t len)
{
    uint8_t b[SECTOR];

    sector += at / SECTOR;
    CHECK(block_read(guard.disk, sector, b, 1) == OK);
    memcpy(b + at % SECTOR, bytes, len);
    CHECK(block_write(guard.disk, sector, b, 1) == OK);
}

static void peek(uint64_t sector, size_t at, void *bytes, size_t len)
{
    uint8_t b[SECTOR];

    CHECK(block_read(guard.disk, sector, b, 1) == OK);
    memcpy(bytes, b + at, len);
}

/* Zeroes a copy of the FAT but for its first two entries. */
static void empty_table(uint64_t sector)
{
    static const size_t begin[] = {[12] = 3, [16] = 4, [32] = 12};
    uint8_t zeros[SECTOR] = {0};
    size_t keep = begin[layout.type];

    poke(sector, keep, zeros, SECTOR - keep);
    for (uint32_t i = 1; i < layout.table_used; i++)
        poke(sector + i, 0, zeros, SECTOR);
}

static bool is_filled(const char *path, size_t len)
{
    char bytes[4000];
    size_t got = 0;
    enum status s = fs_read(fs, path, 0, bytes, sizeof bytes, &got);

    for (size_t i = 0; i < got; i++)
        if (bytes[i] != *path)
            return false;
    return s == OK && got == len;
}

static bool ignore(void *ctx, const char *name, const struct fs_stat *st)
{
    (void)ctx, (void)name, (void)st;
    return true;
}

static void count_fault(void *ctx, const char *text)
{
    ++*(unsigned *)ctx;
    CHECK(*text);
}

/* Makes each call that only reads, and some that would change something but
 * fail, while the device refuses writes. */
static bool reads_all(void)
{
    struct fs_stat st;
    struct fat_count count;
    uint64_t room;
    unsigned faults = 0;
    bool ok;

    guard.is_reading = true;
    open_disk();
    ok = is_filled("first", 3000) && is_filled("dir/second", 2000);
    CHECK(fs_list(fs, "", ignore, NULL) == OK);
    CHECK(fs_stat(fs, "dir", &st) == OK && st.directory);
    CHECK(fs_stat(fs, "none", &st) == ERR_NOT_FOUND);
    CHECK(fat_room(fs, &room, NULL) == OK);
    CHECK(fat_check(fs, count_fault, &faults, &count) == OK);
    CHECK(fs_create(fs, "first") == ERR_EXISTS);
    CHECK(fs_remove(fs, "none") == ERR_NOT_FOUND);
    CHECK(fs_remove(fs, "dir") == ERR_NOT_EMPTY);
    CHECK(fs_rename(fs, "first", "first") == OK);
    CHECK(fs_rename(fs, "first", "dir") == ERR_EXISTS);
    CHECK(fs_truncate(fs, "first", 3000) == OK);
    CHECK(fs_write(fs, "first", 0, NULL, 0) == OK);
    CHECK(fs_flush(fs) == OK);
    close_disk();
    guard.is_reading = false;
    return ok;
}

TEST(reading_an_undamaged_disk_writes_nothing)
{
    for (size_t i = 0; i < 3; i++) {
        make_disk(types[i]);
        CHECK(reads_all());
        end_disk();
    }
}

TEST(a_second_fat_that_is_never_updated_is_not_copied_over_the_first)
{
    for (size_t i = 0; i < 3; i++) {
        make_disk(types[i]);
        poke(layout.table, 0, (uint8_t[4]){0},
             types[i] == 32   ? 4
             : types[i] == 16 ? 2
                              : 1);
        if (types[i] == 12)
            poke(layout.table, 1, (uint8_t[1]){0xf0}, 1);
        empty_table(layout.table + layout.table_size);
        CHECK(reads_all());
        open_disk();
        put("third", 900);
        CHECK(is_filled("first", 3000));
        close_disk();
        open_disk();
        CHECK(is_filled("first", 3000) && is_filled("dir/second", 2000));
        CHECK(is_filled("third", 900));
        close_disk();
        end_disk();
    }
}

TEST(fat16_and_fat32_read_the_first_copy_whatever_its_first_entry)
{
    for (int type = 16; type <= 32; type += 16) {
        make_disk(type);
        poke(layout.table, 0, (uint8_t[4]){0}, type / 8);
        CHECK(reads_all());
        end_disk();
    }
}

TEST(after_an_interrupted_commit_fat12_reads_the_second_copy)
{
    uint8_t first[SECTOR], second[SECTOR];

    make_disk(12);
    empty_table(layout.table);
    poke(layout.table, 0, (uint8_t[2]){0, 0xf0}, 2);
    CHECK(reads_all());
    open_disk();
    CHECK(fs_create(fs, "new") == OK);
    CHECK(guard.writes == 0); /* the change is in memory */
    CHECK(fs_flush(fs) == OK);
    close_disk();
    for (uint32_t i = 0; i < layout.table_used; i++) {
        peek(layout.table + i, 0, first, SECTOR);
        peek(layout.table + layout.table_size + i, 0, second, SECTOR);
        CHECK(memcmp(first, second, SECTOR) == 0);
    }
    CHECK(reads_all());
    end_disk();
}

TEST(an_unreadable_second_copy_does_not_prevent_use)
{
    for (size_t i = 0; i < 3; i++) {
        make_disk(types[i]);
        guard.bad = layout.table + layout.table_size;
        for (int round = 0; round < 2; round++) {
            open_disk();
            CHECK(is_filled("first", 3000));
            CHECK(fs_create(fs, round ? "a" : "b") == OK);
            CHECK(fs_flush(fs) == OK);
            close_disk();
            if (types[i] == 12)
                poke(layout.table, 0, (uint8_t[2]){0, 0xf0}, 2);
        }
        guard.bad = 0;
        end_disk();
    }
}

TEST(media_byte_f0_is_valid)
{
    for (size_t i = 0; i < 3; i++) {
        make_disk(types[i]);
        poke(0, 21, (uint8_t[1]){0xf0}, 1);
        for (uint32_t copy = 0; copy < 2; copy++)
            poke(layout.table + copy * layout.table_size, 0,
                 (uint8_t[1]){0xf0}, 1);
        CHECK(reads_all());
        if (types[i] == 12) { /* also in the second copy, after a power cut */
            empty_table(layout.table);
            poke(layout.table, 0, (uint8_t[2]){0, 0xf0}, 2);
            CHECK(reads_all());
        }
        end_disk();
    }
}

/* The bytes with the in-use marks: of the boot sector and of the FAT. */
static void marks(uint8_t found[2])
{
    uint8_t entry[4];

    peek(0, layout.type == FAT32 ? 65 : 37, &found[0], 1);
    peek(layout.table, layout.type == FAT32 ? 4 : 2, entry, 4);
    found[1] = layout.type == FAT32   ? entry[3]
               : layout.type == FAT16 ? entry[1]
                                      : 0;
}

TEST(an_in_use_mark_found_on_opening_is_never_cleared)
{
    /* Which is set: that of the boot sector, of the FAT, or both. */
    static const struct {
        int type;
        bool in_boot, in_table;
    } disks[] = {
        {12, true, false},
        {16, true, false},
        {16, false, true},
        {16, true, true},
        {32, false, true},
        {32, true, false},
    };

    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        uint8_t before[2], after[2];
        int type = disks[i].type;

        make_disk(type);
        if (disks[i].in_boot)
            poke(0, type == 32 ? 65 : 37, (uint8_t[1]){1}, 1);
        for (uint32_t copy = 0; disks[i].in_table && copy < 2; copy++)
            poke(layout.table + copy * layout.table_size, type == 32 ? 7 : 3,
                 (uint8_t[1]){type == 32 ? 0x07 : 0x7f}, 1);
        marks(before);
        CHECK(reads_all());
        for (int round = 0; round < 2; round++) {
            open_disk();
            put(round ? "third" : "fourth", 100);
            CHECK(fs_flush(fs) == OK);
            CHECK(fs_remove(fs, round ? "third" : "fourth") == OK);
            close_disk();
        }
        marks(after);
        CHECK(memcmp(before, after, 2) == 0);
        end_disk();
    }
}

TEST(a_disconnected_disk_has_no_in_use_mark)
{
    uint8_t found[2];

    make_disk(16);
    marks(found);
    CHECK(found[0] == 0 && found[1] == 0xff);
    end_disk();
}

/* Finds the directory entry of a name in a directory's first sector. */
static size_t slot_of(uint64_t sector, const char *name_83)
{
    uint8_t b[SECTOR];

    CHECK(block_read(guard.disk, sector, b, 1) == OK);
    for (size_t at = 0; at < SECTOR; at += 32)
        if (memcmp(b + at, name_83, 11) == 0)
            return at;
    CHECK(!"the name is there");
    return 0;
}

TEST(a_path_through_a_directory_that_contains_itself_fails)
{
    char path[FS_PATH + 1] = "dir";
    struct fs_stat st;
    enum status s = OK;
    uint8_t slot[32];

    make_disk(16);
    peek(layout.root, slot_of(layout.root, "DIR        "), slot, 32);
    memcpy(slot, "LOOP       ", 11);
    poke(fat_sector_of(&layout, fat_get16(slot + 26)), 128, slot, 32);
    guard.is_reading = true;
    open_disk();
    CHECK(fs_stat(fs, "dir/loop", &st) == OK && st.directory);
    CHECK(fs_list(fs, "dir/loop", ignore, NULL) == ERR_CORRUPT);
    CHECK(fs_stat(fs, "dir/loop/second", &st) == ERR_CORRUPT);
    for (int i = 0; i < 200 && s == OK; i++) {
        strcat(path, "/loop");
        s = fs_list(fs, path, ignore, NULL);
    }
    CHECK(s == ERR_CORRUPT);
    close_disk();
    end_disk();
}

struct found {
    char names[400];
    bool is_each_found;
};

static bool look(void *ctx, const char *name, const struct fs_stat *st)
{
    struct found *f = ctx;
    struct fs_stat other;

    strcat(strcat(f->names, name), "|");
    f->is_each_found = f->is_each_found && fs_stat(fs, name, &other) == OK &&
                       other.size == st->size && other.id == st->id;
    return true;
}

static struct found look_at_root(void)
{
    struct found f = {"", true};

    CHECK(fs_list(fs, "", look, &f) == OK);
    return f;
}

/* Writes the entries of a file with this name, which may be invalid, to the
 * root from byte `at` on. */
static size_t add_name(size_t at, const char *text, const char *name_83,
                       uint16_t size)
{
    struct fat_name name;
    uint8_t slot[32] = {0};

    CHECK(fat_name_parse(text, strlen(text), &name) == OK);
    for (size_t n = fat_long_entries(&name); n > 0; n--, at += 32) {
        fat_long_put(&name, n, fat_short_checksum((const uint8_t *)name_83),
                     slot);
        poke(layout.root, at, slot, 32);
    }
    memset(slot, 0, 32);
    memcpy(slot, name_83, 11);
    fat_put16(slot + 28, size);
    poke(layout.root, at, slot, 32);
    return at + 32;
}

TEST(each_listed_name_can_be_read_renamed_and_removed)
{
    static const char *const odd[] = {"trail.", "co:lon", "space ", "a*b?",
                                      "back\\slash", "<\"|>", "\x7f"};
    size_t at = 128, count = sizeof odd / sizeof *odd;
    char name_83[16], to[16];
    struct found f;
    size_t got;

    make_disk(16);
    for (size_t i = 0; i < count; i++) {
        snprintf(name_83, sizeof name_83, "ODD~%zu      ", i);
        at = add_name(at, odd[i], name_83, 0);
    }
    open_disk();
    f = look_at_root();
    CHECK(f.is_each_found);
    CHECK_TEXT(f.names, "first|dir|trail.|co:lon|space |a*b?|back\\slash|"
                        "<\"|>|\x7f|");
    for (size_t i = 0; i < count; i++) {
        CHECK(fs_create(fs, odd[i]) == ERR_EXISTS);
        CHECK(fs_write(fs, odd[i], 0, "text", 4) == OK);
        CHECK(fs_read(fs, odd[i], 0, to, 8, &got) == OK && got == 4);
        snprintf(to, sizeof to, "new %zu", i);
        CHECK(i % 2 ? fs_rename(fs, odd[i], to) == OK
                    : fs_remove(fs, odd[i]) == OK);
        CHECK(fs_create(fs, odd[i]) == ERR_NAME);
        CHECK(fs_rename(fs, "first", odd[i]) == ERR_NAME);
    }
    f = look_at_root();
    CHECK(f.is_each_found);
    CHECK_TEXT(f.names, "first|dir|new 1|new 3|new 5|");
    close_disk();
    end_disk();
}

TEST(a_name_finds_its_own_entry_before_one_with_that_short_name)
{
    struct found f;
    size_t at = 128;

    make_disk(16);
    at = add_name(at, "another", "FOO     TXT", 0);
    at = add_name(at, "foo.txt", "FOO~1   TXT", 0);
    at = add_name(at, "Foo.txt", "FOO~2   TXT", 0);
    at = add_name(at, "twice", "TWICE      ", 0);
    add_name(at, "twice", "TWICE~1    ", 0);
    open_disk();
    CHECK(fs_write(fs, "foo.txt", 0, "1", 1) == OK);
    CHECK(fs_write(fs, "Foo.txt", 0, "22", 2) == OK);
    CHECK(fs_write(fs, "another", 0, "333", 3) == OK);
    f = look_at_root();
    CHECK(f.is_each_found);
    CHECK_TEXT(f.names, "first|dir|another|foo.txt|Foo.txt|twice|");
    CHECK(fs_remove(fs, "twice") == OK);
    f = look_at_root();
    CHECK_TEXT(f.names, "first|dir|another|foo.txt|Foo.txt|twice|");
    close_disk();
    end_disk();
}

TEST(entries_after_the_end_of_a_directory_never_become_valid)
{
    struct found f;

    for (int round = 0; round < 2; round++) {
        make_disk(16);
        add_name(192, "ghost", "GHOST      ", 0); /* 128 is the end */
        open_disk();
        f = look_at_root();
        CHECK_TEXT(f.names, "first|dir|");
        put("dir/third", 10); /* something is not committed */
        CHECK(round ? fs_mkdir(fs, "new") == OK
                    : fs_rename(fs, "first", "new") == OK);
        close_disk();
        open_disk();
        f = look_at_root();
        CHECK_TEXT(f.names, round ? "first|dir|new|" : "dir|new|");
        close_disk();
        end_disk();
    }
}

TEST(reading_a_file_larger_than_the_disk_ends_with_an_error)
{
    uint8_t slot[32];
    char bytes[600];
    size_t got;
    size_t at;
    uint32_t first;

    make_disk(16);
    at = slot_of(layout.root, "FIRST      ");
    peek(layout.root, at, slot, 32);
    first = fat_get16(slot + 26);
    fat_put32(slot + 28, UINT32_MAX);
    poke(layout.root, at, slot, 32);
    fat_put16(slot, first); /* its chain is a loop */
    poke(layout.table, first * 2, slot, 2);
    guard.is_reading = true;
    open_disk();
    CHECK(fs_read(fs, "first", 0, bytes, sizeof bytes, &got) == OK);
    CHECK(fs_read(fs, "first", (uint64_t)layout.clusters * SECTOR, bytes, 1,
                  &got) == ERR_CORRUPT);
    close_disk();
    end_disk();
}

static enum status fill_root(int *n)
{
    char name[16];
    enum status s = OK;

    for (*n = 0; s == OK; ++*n) {
        snprintf(name, sizeof name, "F%d", *n);
        s = fs_create(fs, name);
    }
    return s;
}

TEST(a_full_root_directory_refuses_names_and_its_subdirectories_do_not)
{
    int n;

    make_disk(16);
    open_disk();
    CHECK(fill_root(&n) == ERR_NO_SPACE && n > 400);
    CHECK(fs_create(fs, "dir/new") == OK);
    CHECK(fs_remove(fs, "F0") == OK);
    CHECK(fs_create(fs, "X") == OK); /* once a commit has freed the slot */
    CHECK(fs_create(fs, "Y") == ERR_NO_SPACE);
    close_disk();
    end_disk();
}
