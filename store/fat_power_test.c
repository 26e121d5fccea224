/* SPDX-License-Identifier: ISC */
/*
 * The order in which changes reach the disk (fat_commit.h), and what a power
 * cut after each sector leaves. test/conform/fat_power does the same to random
 * sessions, and lets fsck.fat look at what is left.
 */
#include "check.h"
#include "fat_layout.h"
#include "fat_volume.h"
#include <conform/power.c>
#include <mirage/fat.h>
#include <stdlib.h>

static void begin(int type)
{
    static const uint32_t sectors[] = {[12] = 600, [16] = 4400, [32] = 66700};
    struct fat_options o = {.type = type, .cluster_size = SECTOR};

    disk = power_connect(sectors[type], SECTOR);
    format_disk(sectors[type], &o);
}

static void put(const char *path, char letter, size_t len)
{
    static char text[4000];

    memset(text, letter, len);
    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, text, len) == OK);
}

/* The part of the volume that a sector is in: the boot sector, FSInfo, the
 * copies of the FAT, the root directory, or others that are not empty. */
static char part_of(uint64_t sector)
{
    uint64_t root = layout.type == FAT32
                        ? fat_sector_of(&layout, layout.root_cluster)
                        : layout.root;
    uint64_t roots = layout.type == FAT32 ? 1 : layout.root_size;

    return sector == FLUSH                             ? '|'
           : sector == 0                               ? 'b'
           : layout.info != 0 && sector == layout.info ? 'i'
           : sector - layout.table < layout.table_size ? 'f'
           : sector - layout.table < 2 * layout.table_size
               ? 'g'
           : sector - root < roots ? 'r'
                                   : 'd';
}

/* The steps since power_settle. */
static const char *trace(void)
{
    static char text[200];
    const struct power *p = power_of(disk);
    size_t i = 0;

    for (; i < p->steps && i + 1 < sizeof text; i++)
        text[i] = part_of(p->step[i].sector);
    text[i] = '\0';
    return text;
}

/* A volume with files, a directory, and nothing that is not on the disk. */
static void begin_filled(int type)
{
    begin(type);
    put("kept", 'k', 1500);
    put("file", 'o', 1500);
    put("other", 'n', 700);
    CHECK(fs_mkdir(fs, "dir") == OK);
    put("dir/below", 'b', 600);
    CHECK(fs_flush(fs) == OK);
    power_settle(disk);
}

/* Changes of that volume. */
static void create(void)
{
    put("a new one", 'c', 600);
}

static void append(void)
{
    char text[700];

    memset(text, 'o', sizeof text);
    CHECK(fs_write(fs, "file", 1500, text, sizeof text) == OK);
}

static void overwrite(void)
{
    char text[100];

    memset(text, 'o', sizeof text);
    CHECK(fs_write(fs, "file", 100, text, sizeof text) == OK);
}

static void make_dir(void)
{
    CHECK(fs_mkdir(fs, "new") == OK);
}

static void rename_file(void)
{
    CHECK(fs_rename(fs, "file", "dir/file") == OK);
}

static void replace(void)
{
    CHECK(fs_rename(fs, "other", "file") == OK);
}

static void shorten(void)
{
    CHECK(fs_truncate(fs, "file", 400) == OK);
}

static void take_away(void)
{
    CHECK(fs_remove(fs, "file") == OK);
}

/* Shorter, and longer again with other bytes, before it is flushed. */
static void shorten_and_append(void)
{
    char text[1000];

    memset(text, 'z', sizeof text);
    CHECK(fs_truncate(fs, "file", SECTOR) == OK);
    CHECK(fs_write(fs, "file", SECTOR, text, sizeof text) == OK);
}

static const char *trace_of(int type, void (*change)(void))
{
    const char *found;

    begin_filled(type);
    change();
    CHECK(fs_flush(fs) == OK);
    found = trace();
    end();
    return found;
}

TEST(a_new_file_has_its_data_then_its_links_then_its_name)
{
    CHECK_TEXT(trace_of(12, create), "ddb|fg|r|r|b");
    CHECK_TEXT(trace_of(16, create), "ddb|fg|fg|r|r|fgb");
    CHECK_TEXT(trace_of(32, create), "dd|fg|fg|r|r|i|fg");
}

TEST(a_longer_file_has_its_data_then_free_clusters_then_the_link_to_them)
{
    CHECK_TEXT(trace_of(12, append), "dddb|fg|fg|r|b");
    CHECK_TEXT(trace_of(16, append), "dddb|fg|fg|r|fgb");
    CHECK_TEXT(trace_of(32, append), "ddd|fg|fg|r|i|fg");
}

TEST(data_in_the_clusters_of_a_file_comes_before_its_date)
{
    CHECK_TEXT(trace_of(16, overwrite), "d|");
}

TEST(a_new_directory_is_written_before_its_name)
{
    CHECK_TEXT(trace_of(12, make_dir), "dbd|fg|r|r|b");
    CHECK_TEXT(trace_of(16, make_dir), "dbd|fg|fg|r|r|fgb");
    CHECK_TEXT(trace_of(32, make_dir), "dd|fg|fg|r|r|i|fg");
}

TEST(a_renamed_file_has_its_new_name_before_it_loses_the_old_one)
{
    CHECK_TEXT(trace_of(16, rename_file), "b|fg|d|d|r|r|fgb");
    CHECK_TEXT(trace_of(32, rename_file), "|fg|d|d|r|ri|fg");
}

TEST(a_name_changes_hands_before_clusters_are_freed)
{
    CHECK_TEXT(trace_of(12, replace), "b|r|r|fgr|b");
    CHECK_TEXT(trace_of(16, replace), "b|fg|r|r|fgr|fgb");
    CHECK_TEXT(trace_of(16, shorten), "b|fg|r|fg|fg|fgb");
    CHECK_TEXT(trace_of(32, shorten), "|fg|r|fg|fgi|fg");
    CHECK_TEXT(trace_of(16, take_away), "b|fg|r|fgr|fgb");
    CHECK_TEXT(trace_of(32, take_away), "|fg|r|fgri|fg");
}

TEST(a_flush_that_has_nothing_to_write_writes_nothing)
{
    begin_filled(16);
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(trace(), "|"); /* of the mark that the volume is not in use */
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(trace(), "|");
    end();
}

static bool ignore(void *ctx, const char *name, const struct fs_stat *st)
{
    (void)ctx, (void)name, (void)st;
    return true;
}

/* What was found in one state of the disk. */
struct found {
    unsigned faults, differ; /* differ: those of the copies of the FAT */
    bool is_structure_bad; /* more than clusters that no file has */
};

static void note_fault(void *ctx, const char *text)
{
    static const char *const harmless[] = {
        " clusters are neither free nor any file's",
        "the copies of the table differ", " clusters are free, and not "};
    struct found *f = ctx;

    f->faults++;
    f->differ += strstr(text, "the copies of the table differ") != NULL;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strstr(text, harmless[i]))
            return;
    f->is_structure_bad = true;
}

/* Whether a file has so many bytes of one letter. */
static bool is_file(struct fs *copy, const char *path, char letter, size_t len)
{
    static char text[4000];
    size_t got = 0;
    enum status s = fs_read(copy, path, 0, text, sizeof text, &got);

    for (size_t i = 0; i < got; i++)
        if (text[i] != letter)
            return false;
    return s == OK && got == len;
}

static bool is_missing(struct fs *copy, const char *path)
{
    struct fs_stat st;

    return fs_stat(copy, path, &st) == ERR_NOT_FOUND;
}

/* What may be found at any moment: the state before, or that after. */
static bool is_created(struct fs *copy)
{
    return is_missing(copy, "a new one") ||
           is_file(copy, "a new one", 'c', 600);
}

static bool is_appended(struct fs *copy)
{
    return is_file(copy, "file", 'o', 1500) || is_file(copy, "file", 'o', 2200);
}

static bool is_made(struct fs *copy)
{
    return is_missing(copy, "new") ||
           fs_list(copy, "new", ignore, NULL) == OK;
}

static bool is_renamed(struct fs *copy)
{
    return is_file(copy, "file", 'o', 1500) ||
           is_file(copy, "dir/file", 'o', 1500);
}

static bool is_replaced(struct fs *copy)
{
    return is_file(copy, "file", 'o', 1500) || is_file(copy, "file", 'n', 700);
}

static bool is_shortened(struct fs *copy)
{
    return is_file(copy, "file", 'o', 1500) || is_file(copy, "file", 'o', 400);
}

static bool is_not_mixed(struct fs *copy)
{
    char text[2000];
    size_t got = 0, same = 0;

    if (fs_read(copy, "file", 0, text, sizeof text, &got) != OK)
        return false;
    while (same < got && text[same] == 'o')
        same++;
    if (same == got)
        return got == 1500 || got == SECTOR;
    for (size_t i = same; i < got; i++)
        if (text[i] != 'z')
            return false;
    return same == SECTOR && got == SECTOR + 1000;
}

static bool is_taken_away(struct fs *copy)
{
    return is_missing(copy, "file") || is_file(copy, "file", 'o', 1500);
}

static const struct {
    void (*change)(void);
    bool (*holds)(struct fs *copy);
    /* A chain longer than its file, or with two names, may be found. */
    bool may_be_shared;
} changes[] = {
    {create, is_created, false},
    {append, is_appended, true},
    {make_dir, is_made, false},
    {rename_file, is_renamed, true},
    {replace, is_replaced, true},
    {shorten, is_shortened, true},
    {take_away, is_taken_away, false},
    {shorten_and_append, is_not_mixed, true},
};

/* Mounts what is left, and then goes on with it. */
static bool survives(struct block *left, size_t i, size_t cut, uint64_t luck)
{
    static uint8_t image[4400 * SECTOR];
    struct found found = {0};
    struct fat_count count;
    struct fs *copy;
    bool ok;

    power_cut(disk, cut, luck, image);
    CHECK(block_write(left, 0, image, (size_t)disk->info.sectors) == OK);
    CHECK(fat_connect(left, &copy) == OK);
    ok = is_file(copy, "kept", 'k', 1500) &&
         is_file(copy, "dir/below", 'b', 600) && changes[i].holds(copy);
    ok = ok && fat_check(copy, note_fault, &found, &count) == OK;
    ok = ok && (!found.is_structure_bad || changes[i].may_be_shared);
    /* A disk with faults is known as one that was not closed. The copies also
     * differ if the last write, that of the mark, was interrupted. */
    ok = ok && (found.faults == found.differ || (image[37] & 1));
    if (ok) {
        CHECK(fs_create(copy, "later") == OK);
        CHECK(fs_write(copy, "later", 0, "later", 5) == OK);
        CHECK(fs_flush(copy) == OK);
        ok = is_file(copy, "kept", 'k', 1500) && changes[i].holds(copy);
    }
    fs_disconnect(copy);
    return ok;
}

static bool is_whole_after_any_cut(int type, size_t i)
{
    uint64_t lucks = type == 12 ? 6 : 3;
    struct block *left;
    bool ok = true;

    begin_filled(type);
    CHECK(block_ram_connect(disk->info.sectors, SECTOR, &left) == OK);
    changes[i].change();
    CHECK(fs_flush(fs) == OK);
    for (size_t cut = 0; ok && cut <= power_steps(disk); cut++)
        for (uint64_t luck = 0; ok && luck < lucks; luck++) {
            ok = survives(left, i, cut, luck);
            if (!ok)
                printf("FAT%d, change %zu: cut after %zu steps, luck %d\n",
                       type, i, cut, (int)luck);
        }
    block_disconnect(left);
    end();
    return ok;
}

TEST(files_are_whole_after_a_power_cut_at_any_moment)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        CHECK(is_whole_after_any_cut(12, i));
        CHECK(is_whole_after_any_cut(16, i));
    }
}

/* Fails at each write of a commit in turn; the next flush writes the rest. */
TEST(a_flush_writes_what_a_failed_one_could_not)
{
    static const int types[] = {12, 16};
    static const size_t counts[] = {sizeof changes / sizeof *changes, 2};

    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < counts[t]; i++)
            for (size_t fail = 0; fail < 24; fail++) {
                struct found found = {0};
                struct fat_count count;
                enum status s;

                begin_filled(types[t]);
                changes[i].change();
                power_fail_after(disk, fail);
                s = fs_flush(fs);
                power_fail_after(disk, SIZE_MAX);
                CHECK(s == OK || s == ERR_IO);
                put("later", 'l', 600);
                CHECK(fs_flush(fs) == OK);
                fs_disconnect(fs);
                CHECK(fat_connect(disk, &fs) == OK);
                CHECK(is_file(fs, "kept", 'k', 1500));
                CHECK(is_file(fs, "later", 'l', 600));
                CHECK(changes[i].holds(fs));
                CHECK(fat_check(fs, note_fault, &found, &count) == OK);
                CHECK(found.faults == 0);
                end();
                if (s == OK)
                    break;
            }
}

/* A FAT12 volume on which the entry of cluster 341, the last of the file F339,
 * lies in two sectors. */
static void begin_torn(void)
{
    char name[16];

    begin(12);
    for (int i = 0; i < 341; i++) {
        snprintf(name, sizeof name, "F%d", i);
        put(name, 'x', SECTOR);
    }
    CHECK(fs_flush(fs) == OK);
    power_settle(disk);
}

TEST(a_link_in_two_sectors_is_written_to_the_second_copy_first)
{
    static uint8_t image[600 * SECTOR];
    char more[SECTOR];
    struct block *left;
    struct fs *copy;

    begin_torn();
    memset(more, 'x', sizeof more);
    CHECK(fs_write(fs, "F339", SECTOR, more, sizeof more) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(trace(), "db|fg|gg|f|f|f|r|b");
    CHECK(block_ram_connect(600, SECTOR, &left) == OK);
    for (size_t cut = 0; cut <= power_steps(disk); cut++)
        for (uint64_t luck = 0; luck < 6; luck++) {
            struct found found = {0};
            struct fat_count count;

            power_cut(disk, cut, luck, image);
            CHECK(block_write(left, 0, image, 600) == OK);
            CHECK(fat_connect(left, &copy) == OK);
            CHECK(is_file(copy, "F339", 'x', SECTOR) ||
                  is_file(copy, "F339", 'x', 2 * SECTOR));
            CHECK(fs_create(copy, "later") == OK);
            CHECK(fs_flush(copy) == OK);
            CHECK(is_file(copy, "F338", 'x', SECTOR));
            CHECK(is_file(copy, "F340", 'x', SECTOR));
            CHECK(fat_check(copy, note_fault, &found, &count) == OK);
            fs_disconnect(copy);
        }
    block_disconnect(left);
    end();
}

TEST(an_unfinished_first_copy_becomes_valid_when_all_of_it_is_written)
{
    uint8_t first[SECTOR];

    begin_filled(12);
    fs_disconnect(fs);
    CHECK(block_read(disk, layout.table, first, 1) == OK);
    first[0] = 0;
    first[1] &= 0xf0;
    CHECK(block_write(disk, layout.table, first, 1) == OK);
    CHECK(fat_connect(disk, &fs) == OK);
    power_settle(disk);
    create();
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(trace(), "ddf|f|b|fg|r|r|b");
    CHECK(is_file(fs, "kept", 'k', 1500));
    end();
}
