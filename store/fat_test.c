/* SPDX-License-Identifier: ISC */
#include "check.h"
#include <mirage/block.h>
#include <mirage/fat.h>
#include <stdlib.h>

static struct block *disk;
static struct fs *fs;

/* Makes an empty file system on a disk of so many bytes. */
static void begin(uint64_t bytes, uint32_t sector_size, int type)
{
    struct fat_options o = {.type = type};

    CHECK(block_ram_connect(bytes / sector_size, sector_size, &disk) == OK);
    CHECK(fat_format(disk, &o) == OK);
    CHECK(fat_connect(disk, &fs) == OK);
}

static void again(void)
{
    fs_disconnect(fs);
    CHECK(fat_connect(disk, &fs) == OK);
}

static void end(void)
{
    fs_disconnect(fs);
    block_disconnect(disk);
}

static void put(const char *path, const char *text)
{
    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, text, strlen(text)) == OK);
}

static const char *get(const char *path)
{
    static char text[64];
    size_t got = 0;
    enum status s = fs_read(fs, path, 0, text, sizeof text - 1, &got);

    if (s)
        return status_text(s);
    text[got] = '\0';
    return text;
}

static bool add_name(void *ctx, const char *name, const struct fs_stat *st)
{
    char *all = ctx;

    strcat(strcat(all, name), st->directory ? "/ " : " ");
    return true;
}

static const char *names(const char *path)
{
    static char all[4096];

    all[0] = '\0';
    CHECK(fs_list(fs, path, add_name, all) == OK);
    return all;
}

static void count_fault(void *ctx, const char *text)
{
    (void)ctx;
    CHECK(*text);
}

TEST(written_files_are_read_back_from_each_type_and_sector_size)
{
    static const struct {
        uint64_t bytes;
        uint32_t sector_size;
        int type;
    } kinds[] = {
        {1 << 20, 512, 12},
        {1 << 24, 512, 16},
        {35 << 20, 512, 32},
        {1 << 22, 1024, 12},
        {1 << 25, 2048, 16},
        {1 << 25, 4096, 12},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        begin(kinds[i].bytes, kinds[i].sector_size, kinds[i].type);
        put("hello.txt", "hello");
        CHECK(fs_mkdir(fs, "a folder") == OK);
        put("a folder/Grüße ☃ 🎈", "world");
        CHECK_TEXT(get("HELLO.TXT"), "hello");
        CHECK_TEXT(get("A FOLDER/GRÜßE ☃ 🎈"), "world");
        again();
        CHECK_TEXT(names(""), "hello.txt a folder/ ");
        CHECK_TEXT(names("a folder"), "Grüße ☃ 🎈 ");
        CHECK_TEXT(get("hello.txt"), "hello");
        CHECK_TEXT(get("a folder/grüße ☃ 🎈"), "world");
        end();
    }
}

TEST(a_gap_reads_as_zeros)
{
    static char all[5000];
    size_t got;

    begin(1 << 20, 512, 12);
    put("a", "begin");
    CHECK(fs_write(fs, "a", 4000, "end", 3) == OK);
    memset(all, 'x', sizeof all);
    CHECK(fs_read(fs, "a", 0, all, sizeof all, &got) == OK && got == 4003);
    CHECK(memcmp(all, "begin", 5) == 0 && memcmp(all + 4000, "end", 3) == 0);
    for (int i = 5; i < 4000; i++)
        CHECK(all[i] == 0);
    end();
}

TEST(each_call_that_fails_returns_the_status_of_its_contract)
{
    struct fs_stat st;

    begin(1 << 20, 512, 12);
    put("file", "");
    CHECK(fs_mkdir(fs, "d") == OK);
    put("d/x", "x");
    CHECK(fs_create(fs, "FILE") == ERR_EXISTS);
    CHECK(fs_mkdir(fs, "file") == ERR_EXISTS);
    CHECK(fs_create(fs, "none/x") == ERR_NOT_FOUND);
    CHECK(fs_create(fs, "file/x") == ERR_NOT_DIRECTORY);
    CHECK(fs_create(fs, "a:b") == ERR_NAME);
    CHECK(fs_create(fs, "a.") == ERR_NAME);
    CHECK(fs_create(fs, "\xff") == ERR_NAME);
    CHECK(fs_remove(fs, "d") == ERR_NOT_EMPTY);
    CHECK(fs_remove(fs, "none") == ERR_NOT_FOUND);
    CHECK(fs_write(fs, "d", 0, "x", 1) == ERR_IS_DIRECTORY);
    CHECK(fs_rename(fs, "file", "d") == ERR_EXISTS);
    CHECK(fs_rename(fs, "d", "file") == ERR_EXISTS);
    CHECK(fs_rename(fs, "file", "x:y") == ERR_NAME);
    CHECK(fs_rename(fs, "file", "file.") == ERR_NAME);
    CHECK(fs_truncate(fs, "d", 0) == ERR_IS_DIRECTORY);
    CHECK(fs_truncate(fs, "none", 0) == ERR_NOT_FOUND);
    CHECK(fs_truncate(fs, "file", (uint64_t)1 << 32) == ERR_NO_SPACE);
    CHECK(fs_truncate(fs, "file", 2 << 20) == ERR_NO_SPACE);
    CHECK(fs_rename(fs, "d", "d/e") == ERR_NAME);
    CHECK(fs_rename(fs, "none", "e") == ERR_NOT_FOUND);
    CHECK(fs_write(fs, "file", UINT32_MAX, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "file", UINT64_MAX, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_write(fs, "file", 2 << 20, "x", 1) == ERR_NO_SPACE);
    CHECK(fs_stat(fs, "file", &st) == OK && st.size == 0 && !st.directory);
    CHECK(fs_stat(fs, "d", &st) == OK && st.directory);
    CHECK(fs_stat(fs, "", &st) == OK && st.directory);
    end();
}

TEST(a_renamed_file_or_directory_keeps_its_contents)
{
    begin(1 << 20, 512, 12);
    CHECK(fs_mkdir(fs, "a") == OK && fs_mkdir(fs, "b") == OK);
    CHECK(fs_mkdir(fs, "a/c") == OK);
    put("a/c/file", "text");
    CHECK(fs_rename(fs, "a/c", "b/moved") == OK);
    CHECK_TEXT(get("b/moved/file"), "text");
    CHECK_TEXT(names("a"), "");
    CHECK(fs_rename(fs, "b/moved/file", "FILE") == OK);
    CHECK(fs_rename(fs, "FILE", "file") == OK);
    CHECK_TEXT(names(""), "a/ b/ file ");
    CHECK(fs_rename(fs, "file", "File") == OK);
    again();
    CHECK_TEXT(get("file"), "text");
    CHECK_TEXT(names(""), "a/ b/ File ");
    end();
}

TEST(renaming_over_a_file_replaces_it_and_frees_its_clusters)
{
    static char big[5000];
    uint64_t before = 0, after = 0;

    begin(1 << 20, 512, 12);
    CHECK(fs_mkdir(fs, "d") == OK);
    put("d/Old name that is long", "old");
    CHECK(fs_write(fs, "d/Old name that is long", 3, big, sizeof big) == OK);
    put("new", "new");
    CHECK(fs_flush(fs) == OK && fat_room(fs, &before, NULL) == OK);
    for (int round = 0; round < 3; round++) {
        CHECK(fs_rename(fs, "new", "d/old NAME that is long") == OK);
        CHECK_TEXT(get("d/Old name that is long"), "new");
        CHECK_TEXT(names(""), "d/ ");
        CHECK_TEXT(names("d"), "Old name that is long ");
        if (round == 1)
            again();
        put("new", "new");
    }
    CHECK(fs_flush(fs) == OK && fat_room(fs, &after, NULL) == OK);
    CHECK(after == before + 9 * 512); /* 5,003 bytes became 3 */
    again();
    CHECK_TEXT(get("d/Old name that is long"), "new");
    end();
}

TEST(a_file_that_is_not_committed_yet_can_be_replaced)
{
    struct fat_count count;

    begin(1 << 20, 512, 12);
    put("a", "a");
    put("b", "b");
    put("c", "c");
    CHECK(fs_rename(fs, "a", "b") == OK); /* neither is on the disk yet */
    CHECK(fs_rename(fs, "b", "d") == OK);
    CHECK(fs_rename(fs, "d", "c") == OK);
    CHECK(fs_rename(fs, "c", "C") == OK);
    CHECK_TEXT(names(""), "C ");
    CHECK_TEXT(get("c"), "a");
    put("empty", "");
    CHECK(fs_rename(fs, "empty", "c") == OK);
    CHECK_TEXT(get("c"), "");
    put("full", "full");
    CHECK(fs_rename(fs, "full", "c") == OK);
    again();
    CHECK_TEXT(get("c"), "full");
    CHECK(fat_check(fs, count_fault, NULL, &count) == OK);
    CHECK(count.faults == 0 && count.used == 1);
    end();
}

TEST(truncate_shortens_a_file_and_extends_it_with_zeros)
{
    static char bytes[20000], found[20001];
    size_t got;
    struct fs_stat st;
    struct fat_count count;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 23);
    begin(1 << 20, 512, 12);
    put("file", "");
    CHECK(fs_write(fs, "file", 0, bytes, sizeof bytes) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(fs_truncate(fs, "file", 5000) == OK);
    CHECK(fs_stat(fs, "file", &st) == OK && st.size == 5000);
    /* Its previous bytes do not reappear, in the same commit or a later one. */
    CHECK(fs_truncate(fs, "file", 9000) == OK);
    CHECK(fs_truncate(fs, "file", 6000) == OK);
    CHECK(fs_write(fs, "file", 12000, "end", 3) == OK);
    for (int round = 0; round < 2; round++) {
        CHECK(fs_read(fs, "file", 0, found, sizeof found, &got) == OK);
        CHECK(got == 12003 && memcmp(found, bytes, 5000) == 0);
        for (int i = 5000; i < 12000; i++)
            CHECK(found[i] == 0);
        CHECK(memcmp(found + 12000, "end", 3) == 0);
        again();
    }
    CHECK(fs_truncate(fs, "file", 512) == OK);
    CHECK(fs_truncate(fs, "file", 512) == OK);
    CHECK(fs_truncate(fs, "file", 1) == OK);
    CHECK(fs_truncate(fs, "file", 0) == OK);
    CHECK(fs_stat(fs, "file", &st) == OK && st.size == 0);
    CHECK(fs_write(fs, "file", 0, "x", 1) == OK);
    CHECK(fs_truncate(fs, "file", 0) == OK);
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, count_fault, NULL, &count) == OK);
    CHECK(count.faults == 0 && count.used == 0);
    end();
}

static void grow(void *ctx)
{
    *(enum status *)ctx = fs_truncate(fs, "file", 60 << 20);
}

TEST(extending_a_file_lets_other_fibers_run_and_can_be_cancelled)
{
    enum status s = OK;
    struct fiber *fiber;
    struct fs_stat st;
    struct fat_count count;

    begin(64 << 20, 512, 16);
    put("file", "text");
    CHECK(fiber_spawn(NULL, grow, &s, &fiber) == OK);
    for (int i = 0; i < 4; i++)
        CHECK(fiber_yield() == OK);
    fiber_cancel(fiber);
    CHECK(fiber_join(fiber, FOREVER) == OK);
    CHECK(s == ERR_CANCELLED);
    CHECK(fs_stat(fs, "file", &st) == OK);
    CHECK(st.size > 4 && st.size < 60 << 20);
    CHECK_TEXT(get("file"), "text");
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_check(fs, count_fault, NULL, &count) == OK);
    CHECK(count.faults == 0);
    end();
}

TEST(a_removed_name_can_be_created_again)
{
    begin(1 << 20, 512, 12);
    for (int i = 0; i < 100; i++) {
        put("a name that is long", "old");
        CHECK(fs_remove(fs, "a name that is long") == OK);
        put("a name that is long", "new");
        CHECK_TEXT(get("a name that is long"), "new");
        CHECK(fs_remove(fs, "a name that is long") == OK);
    }
    again();
    CHECK_TEXT(names(""), "");
    end();
}

TEST(a_write_to_a_full_disk_changes_nothing_and_succeeds_after_a_removal)
{
    static char big[300 * 1024];
    char name[32];
    int n = 0;
    uint64_t before = 0, after = 0;

    begin(1 << 20, 512, 12);
    CHECK(fat_room(fs, &before, NULL) == OK);
    for (;; n++) {
        snprintf(name, sizeof name, "file %d", n);
        CHECK(fs_create(fs, name) == OK);
        if (fs_write(fs, name, 0, big, sizeof big) != OK)
            break;
    }
    CHECK(n == 3);
    CHECK_TEXT(get("file 3"), "");
    CHECK(fs_remove(fs, "file 1") == OK);
    CHECK(fs_write(fs, "file 3", 0, big, sizeof big) == OK);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "file %d", i);
        CHECK(fs_remove(fs, name) == (i == 1 ? ERR_NOT_FOUND : OK));
    }
    CHECK(fs_flush(fs) == OK);
    CHECK(fat_room(fs, &after, NULL) == OK && before == after);
    end();
}

TEST(thousands_of_names_with_a_common_beginning_are_found_and_removed)
{
    char name[64];

    begin(1 << 24, 512, 16);
    CHECK(fs_mkdir(fs, "many") == OK);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "many/a long name with number %d", i);
        put(name, name);
    }
    again();
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "many/A long name with number %d", i);
        CHECK(strlen(get(name)) == strlen(name));
        if (i % 2)
            CHECK(fs_remove(fs, name) == OK);
    }
    for (int i = 1; i < 3000; i += 2) {
        snprintf(name, sizeof name, "many/%d", i);
        CHECK(fs_create(fs, name) == OK);
    }
    end();
}

TEST(fs_format_makes_a_file_system_on_an_empty_disk)
{
    CHECK(block_ram_connect(2048, 512, &disk) == OK);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fs_create(fs, "a") == ERR_FORMAT);
    CHECK(fs_flush(fs) == OK);
    CHECK(fs_format(fs) == OK);
    put("a", "text");
    CHECK_TEXT(get("a"), "text");
    CHECK(fs_format(fs) == OK);
    CHECK_TEXT(names(""), "");
    end();
}

/* Sets FAT entries of the FAT12 disk that begin(1 << 20, 512, 12) makes, while
 * it is not open. */
static void link_clusters(uint32_t cluster, uint32_t next)
{
    uint8_t table[2 * 512];
    uint32_t at = cluster * 3 / 2;

    CHECK(block_read(disk, 1, table, 2) == OK);
    table[at] = (uint8_t)(cluster % 2 ? (table[at] & 0x0f) | next << 4 : next);
    table[at + 1] = (uint8_t)(cluster % 2 ? next >> 4
                                          : (table[at + 1] & 0xf0) | next >> 8);
    CHECK(block_write(disk, 1, table, 2) == OK);
}

TEST(damaged_cluster_chains_are_reported_and_end_the_call)
{
    static char data[10000];
    size_t got;
    struct fs_stat st;
    struct fat_count count;

    begin(1 << 20, 512, 12);
    put("file", "");
    CHECK(fs_write(fs, "file", 0, data, sizeof data) == OK);
    CHECK(fs_mkdir(fs, "dir") == OK);
    put("dir/x", "x");
    fs_disconnect(fs);
    /* The file has the first clusters, and the directory the next ones. */
    link_clusters(3, 0xfff);
    link_clusters(2 + (sizeof data + 511) / 512, 2);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fs_stat(fs, "file", &st) == OK && st.size == sizeof data);
    CHECK(fs_read(fs, "file", 0, data, 1000, &got) == OK && got == 1000);
    CHECK(fs_read(fs, "file", 5000, data, 1000, &got) == ERR_CORRUPT);
    CHECK(fs_write(fs, "file", sizeof data, data, 1) == ERR_CORRUPT);
    fs_disconnect(fs);
    link_clusters(3, 0);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fs_read(fs, "file", 5000, data, 1000, &got) == ERR_CORRUPT);
    fs_disconnect(fs);
    link_clusters(3, 2);
    link_clusters(22, 22);
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK(fs_stat(fs, "dir/x", &st) == ERR_CORRUPT);
    CHECK(fs_create(fs, "dir/y") == ERR_CORRUPT);
    CHECK(fat_check(fs, count_fault, NULL, &count) == OK && count.faults > 0);
    end();
}

TEST(dates_are_rounded_to_two_seconds_and_clamped_to_1980_to_2107)
{
    static const struct {
        uint64_t set, found; /* seconds since 1970 */
    } times[] = {{315532800, 0}, /* 1980-01-01: unknown */
                 {315532802, 315532802},
                 {951782400, 951782400}, /* 2000-02-29 */
                 {951868799, 951868798}, /* a second before March */
                 {1700000001, 1700000000},
                 {4107542400, 4107542400}, /* 2100-03-01, no leap year */
                 {4102444799, 4102444798}, /* the end of 2099 */
                 {4354819198, 4354819198}, /* the end of 2107 */
                 {5000000000, 4354732800 + 5000000000 % 86400},
                 {1, 0}};
    struct fs_stat st;

    begin(1 << 20, 512, 12);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        fat_set_time(fs, times[i].set * SECOND);
        CHECK(fs_create(fs, "file") == OK);
        CHECK(fs_stat(fs, "file", &st) == OK);
        CHECK(st.modified / SECOND == times[i].found);
        CHECK(fs_remove(fs, "file") == OK);
    }
    fat_set_time(fs, 0);
    put("file", "now");
    CHECK(fs_stat(fs, "file", &st) == OK);
    CHECK(st.modified <= time_wall() && st.modified + 3 * SECOND > time_wall());
    end();
}

static bool list_again(void *ctx, const char *name, const struct fs_stat *st)
{
    (void)st;
    strcat(ctx, name);
    if (strcmp(name, "b") != 0)
        return true;
    CHECK_TEXT(names("d"), "a b c "); /* listed by the callback */
    CHECK(fs_create(fs, "e") == OK);
    return false;
}

TEST(a_listing_callback_may_call_the_file_system_and_may_stop)
{
    char all[64] = "";

    begin(1 << 20, 512, 12);
    CHECK(fs_mkdir(fs, "d") == OK);
    put("d/a", "");
    put("d/b", "");
    put("d/c", "");
    CHECK(fs_list(fs, "d", list_again, all) == OK);
    CHECK_TEXT(all, "ab");
    CHECK_TEXT(names(""), "d/ e ");
    CHECK(fs_list(fs, "e", list_again, all) == ERR_NOT_DIRECTORY);
    CHECK(fs_list(fs, "f", list_again, all) == ERR_NOT_FOUND);
    end();
}

TEST(calls_for_fat_alone_refuse_another_file_system)
{
    static const struct fs_ops other_ops = {0};
    struct {
        struct fs fs;
        uint8_t beyond[64]; /* no member of struct fat is here */
    } other = {.fs = {&other_ops}}, before = other;
    char name[FAT_FOLDED] = "as before";
    uint64_t bytes = 1;
    uint32_t cluster_size = 2;
    struct fat_count count = {.files = 3};

    CHECK(fat_room(&other.fs, &bytes, &cluster_size) == ERR_UNSUPPORTED);
    CHECK(bytes == 1 && cluster_size == 2);
    CHECK(fat_check(&other.fs, count_fault, NULL, &count) == ERR_UNSUPPORTED);
    CHECK(count.files == 3);
    CHECK(fat_spelling(&other.fs, "a", name) == ERR_UNSUPPORTED);
    CHECK_TEXT(name, "as before");
    fat_set_time(&other.fs, 5 * SECOND);
    CHECK(memcmp(&other, &before, sizeof other) == 0);
}

TEST(a_read_only_disk_can_be_read_and_refuses_changes)
{
    begin(1 << 20, 512, 12);
    put("file", "text");
    fs_disconnect(fs);
    disk->info.writable = false;
    CHECK(fat_connect(disk, &fs) == OK);
    CHECK_TEXT(get("file"), "text");
    CHECK(fs_write(fs, "file", 0, "x", 1) == ERR_READ_ONLY);
    CHECK(fs_create(fs, "new") == ERR_READ_ONLY);
    CHECK(fs_remove(fs, "file") == ERR_READ_ONLY);
    CHECK(fs_rename(fs, "file", "new") == ERR_READ_ONLY);
    CHECK(fs_mkdir(fs, "new") == ERR_READ_ONLY);
    CHECK(fs_truncate(fs, "file", 0) == ERR_READ_ONLY);
    CHECK(fs_format(fs) == ERR_READ_ONLY);
    CHECK(fs_flush(fs) == OK);
    CHECK_TEXT(names(""), "file ");
    end();
}
