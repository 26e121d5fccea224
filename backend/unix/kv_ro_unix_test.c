/* SPDX-License-Identifier: ISC */
/* Key/value stores that are folders of the host: nothing outside is reached. */
#include "kv_ro_unix.c"
#include "check.h"
#include <ftw.h>

/*
 * The store is in/; out/ must not be reached from it.
 */
static char base[] = "/tmp/kv_ro_testXXXXXX";
static struct kv_ro *kv;

static void make_file(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");

    CHECK(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

static void make_link(const char *to, const char *name)
{
    CHECK(symlink(to, name) == 0);
}

static void make_folder(const char *name)
{
    CHECK(mkdir(name, 0777) == 0);
}

static void count_turns(void *ctx)
{
    while (fiber_yield() == OK)
        ++*(int *)ctx;
}

static void set_up(void)
{
    CHECK(mkdtemp(base) && chdir(base) == 0);
    make_folder("out");
    make_file("out/secret", "secret");
    make_folder("in");
    make_file("in/a", "foo\n");
    make_file("in/empty", "");
    make_file("in/odd\n\xff", "odd");
    make_folder("in/d");
    make_folder("in/d/e");
    make_file("in/d/b", "bar\n");
    make_file("in/d/e/c", "deep");
    CHECK(mkfifo("in/fifo", 0666) == 0);
    make_link("a", "in/to_a");
    make_link("d/../d/./e", "in/to_e");
    make_link("../../a", "in/d/e/up_to_a");
    make_link("to_e", "in/to_to_e");
    make_link("../d//e/c", "in/d/about");
    make_link("loop", "in/loop");
    make_link("a/..", "in/through_a_file");
    make_link("gone", "in/dangling");
    make_link("../out/secret", "in/leaves");
    make_link("../in/a", "in/leaves_and_returns");
    make_link("../../out", "in/d/leaves");
    make_link("/etc/passwd", "in/absolute");
    make_link("..", "in/parent");
    make_link(".", "in/self");
    make_link("/proc/self/fd/0", "in/magic");
    CHECK(kv_ro_unix_connect("in", &kv) == OK);
}

static const char *value(const char *key)
{
    static char data[64];
    size_t got;
    uint64_t size;
    enum status s = kv_ro_read(kv, key, 0, data, sizeof data - 1, &got);

    CHECK(kv_ro_size(kv, key, &size) == s);
    if (s)
        return status_text(s);
    CHECK(size == got);
    data[got] = '\0';
    return data;
}

struct names {
    char text[400];
    size_t most;
};

static bool note(void *ctx, const char *name, bool is_directory)
{
    struct names *n = ctx;

    strcat(n->text, name);
    strcat(n->text, is_directory ? "/ " : " ");
    return --n->most > 0;
}

static struct names listed(const char *directory, size_t most)
{
    struct names n = {" ", most};
    enum status s = kv_ro_list(kv, directory, note, &n);

    if (s)
        strcpy(n.text, status_text(s));
    return n;
}

/* Whether the text has each of the words, in any order, and nothing else. */
static bool same_words(const char *text, const char *const *words)
{
    size_t len = 1;

    for (; *words; words++) {
        char word[64];

        snprintf(word, sizeof word, " %s ", *words);
        if (!strstr(text, word)) {
            printf("not listed: %s\n", *words);
            return false;
        }
        len += strlen(word) - 1;
    }
    return strlen(text) == len;
}

/* Runs the checks for both ways of opening. */
static void check_all(void)
{
    const char *absent = status_text(ERR_NOT_FOUND);

    CHECK_TEXT(value("a"), "foo\n");
    CHECK_TEXT(value("empty"), "");
    CHECK_TEXT(value("odd\n\xff"), "odd");
    CHECK_TEXT(value("d/b"), "bar\n");
    CHECK_TEXT(value("d/e/c"), "deep");
    CHECK_TEXT(value("d"), absent);
    CHECK_TEXT(value("d/e"), absent);
    CHECK_TEXT(value("a/b"), absent);
    CHECK_TEXT(value("nothing"), absent);
    CHECK_TEXT(value("d/nothing/x"), absent);
    CHECK_TEXT(value("fifo"), absent);

    CHECK_TEXT(value("to_a"), "foo\n");
    CHECK_TEXT(value("to_e/c"), "deep");
    CHECK_TEXT(value("to_to_e/c"), "deep");
    CHECK_TEXT(value("to_to_e/up_to_a"), "foo\n");
    CHECK_TEXT(value("d/about"), "deep");
    CHECK_TEXT(value("self/self/a"), "foo\n");

    CHECK_TEXT(value("loop"), absent);
    CHECK_TEXT(value("loop/a"), absent);
    CHECK_TEXT(value("dangling"), absent);
    CHECK_TEXT(value("through_a_file/a"), absent);
    CHECK_TEXT(value("leaves"), absent);
    CHECK_TEXT(value("leaves_and_returns"), absent);
    CHECK_TEXT(value("d/leaves/secret"), absent);
    CHECK_TEXT(value("absolute"), absent);
    CHECK_TEXT(value("parent/out/secret"), absent);
    CHECK_TEXT(value("magic"), absent);

    CHECK(same_words(listed("", 99).text,
                     (const char *[]){"a", "empty", "odd\n\xff", "d/", "to_a",
                                      "to_e/", "to_to_e/", "self/", NULL}));
    CHECK(same_words(listed("to_e", 99).text,
                     (const char *[]){"c", "up_to_a", NULL}));
    CHECK(listed("", 2).most == 0);
    CHECK_TEXT(listed("a", 9).text, absent);
    CHECK_TEXT(listed("parent", 9).text, absent);
    CHECK_TEXT(listed("nothing", 9).text, absent);
}

/* Runs test with openat2, if the host has it, and without. */
static void twice(void (*check)(void))
{
    bool walks = store_of(kv)->walks;

    check();
    store_of(kv)->walks = true;
    check();
    store_of(kv)->walks = walks;
}

TEST(only_files_inside_the_folder_are_keys)
{
    set_up();
    twice(check_all);
}

static void check_long(void)
{
    char key[KV_RO_KEY + 1];

    memset(key, 'k', KV_RO_KEY);
    key[KV_RO_KEY] = '\0';
    CHECK(kv_ro_exists(kv, key) == ERR_NOT_FOUND);
    for (size_t i = 1; i < KV_RO_KEY; i += 2)
        key[i] = '/';
    key[KV_RO_KEY - 1] = 'k';
    CHECK(kv_ro_exists(kv, key) == ERR_NOT_FOUND);
}

TEST(a_key_longer_than_file_names_can_be_is_not_found)
{
    twice(check_long);
}

TEST(a_value_is_read_from_an_offset_on)
{
    char data[8];
    size_t got;

    CHECK(kv_ro_read(kv, "a", 1, data, 2, &got) == OK && got == 2);
    CHECK(memcmp(data, "oo", 2) == 0);
    CHECK(kv_ro_read(kv, "a", 2, data, 8, &got) == OK && got == 2);
    CHECK(kv_ro_read(kv, "a", 4, data, 8, &got) == OK && got == 0);
    CHECK(kv_ro_read(kv, "a", INT64_MAX, data, 8, &got) == OK && got == 0);
    CHECK(kv_ro_read(kv, "a", UINT64_MAX, data, 8, &got) == OK && got == 0);
}

TEST(a_value_was_changed_when_its_file_was)
{
    static const struct timespec times[2] = {{1700000000, 5}, {1700000000, 5}};
    static const struct timespec early[2] = {{-10, 0}, {-10, 0}};
    nanoseconds modified = 0;

    CHECK(utimensat(AT_FDCWD, "in/empty", times, 0) == 0);
    CHECK(kv_ro_modified(kv, "empty", &modified) == OK);
    CHECK(modified == 1700000000 * SECOND + 5);
    CHECK(utimensat(AT_FDCWD, "in/empty", early, 0) == 0);
    CHECK(kv_ro_modified(kv, "empty", &modified) == OK && modified == 0);
    CHECK(kv_ro_modified(kv, "d", &modified) == ERR_NOT_FOUND);
    CHECK(kv_ro_modified(kv, "leaves", &modified) == ERR_NOT_FOUND);
}

TEST(a_change_is_seen_at_once)
{
    make_file("in/new", "new");
    CHECK_TEXT(value("new"), "new");
    CHECK(unlink("in/new") == 0);
    CHECK(kv_ro_exists(kv, "new") == ERR_NOT_FOUND);
}

TEST(a_file_that_may_not_be_read_is_an_error)
{
    make_file("in/shut", "shut");
    CHECK(chmod("in/shut", 0) == 0);
    CHECK(geteuid() == 0 || kv_ro_exists(kv, "shut") == ERR_IO);
    CHECK(unlink("in/shut") == 0);
}

/* A key may come from a request; its bytes must not control a terminal. */
TEST(a_key_is_quoted_where_it_is_logged)
{
    char said[1000] = "";
    uid_t we = geteuid();
    int err = dup(STDERR_FILENO), out[2];
    ssize_t n;

    make_folder("in/shut_folder");
    CHECK(chmod("in/shut_folder", 0) == 0 && pipe(out) == 0 && err >= 0);
    CHECK(we != 0 || seteuid(65534) == 0);
    dup2(out[1], STDERR_FILENO);
    CHECK(kv_ro_exists(kv, "shut_folder/\033]0;x\007") == ERR_IO);
    dup2(err, STDERR_FILENO);
    CHECK(seteuid(we) == 0);
    close(out[1]);
    n = read(out[0], said, sizeof said - 1);
    CHECK(n > 0 && strstr(said, "shut_folder/\\x1b]0;x\\x07: "));
    CHECK(!memchr(said, '\033', (size_t)n));
    close(err);
    close(out[0]);
    CHECK(rmdir("in/shut_folder") == 0);
}

TEST(a_folder_that_is_not_there_is_refused)
{
    struct kv_ro *none;

    CHECK(kv_ro_unix_connect("nowhere", &none) == ERR_NOT_FOUND);
    CHECK(kv_ro_unix_connect("in/a", &none) == ERR_NOT_DIRECTORY);
}

static bool take_any(void *ctx, const char *name, bool is_directory)
{
    (void)name, (void)is_directory;
    ++*(int *)ctx;
    return true;
}

TEST(a_long_read_and_a_long_list_let_others_run)
{
    static char data[16 << 20];
    struct kv_ro *store;
    struct fiber *f;
    int turns = 0, entries = 0;
    size_t got = 0;
    char path[64];

    make_folder("long");
    make_file("long/big", "");
    CHECK(truncate("long/big", sizeof data) == 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "long/%d", i);
        make_file(path, "");
    }
    CHECK(kv_ro_unix_connect("long", &store) == OK);
    CHECK(fiber_spawn(NULL, count_turns, &turns, &f) == OK);
    CHECK(kv_ro_read(store, "big", 0, data, sizeof data, &got) == OK);
    CHECK(got == sizeof data && turns >= 10);
    turns = 0;
    CHECK(kv_ro_list(store, "", take_any, &entries) == OK);
    CHECK(entries == 1001 && turns >= 10);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    kv_ro_disconnect(store);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

TEST(no_descriptor_is_left_open)
{
    int next = open("/dev/null", O_RDONLY), again;

    close(next);
    check_all();
    store_of(kv)->walks = true;
    check_all();
    again = open("/dev/null", O_RDONLY);
    CHECK(again == next);
    close(again);
    kv_ro_disconnect(kv);
    CHECK(nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}
