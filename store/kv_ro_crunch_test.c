/* SPDX-License-Identifier: ISC */
#include "kv_ro_crunch.c"
#include "check.h"
#include <mirage/text.h>

/* Sorted as by strcmp: '!' is before '/' before '0'. */
static const struct crunched_file few[] = {
    {"a", "foo\n", 4},
    {"d!", "", 0},
    {"d/x!", "1", 1},
    {"d/x/1", "22", 2},
    {"d/x/2", "333", 3},
    {"d/x0", "4444", 4},
    {"d0", "nul\0nul", 7},
    {"e\xff\n", "odd", 3},
};
static const struct crunched files = {few, 8, 1700000000 * SECOND};

static struct kv_ro *connect(const struct crunched *c)
{
    struct kv_ro *kv;

    if (kv_ro_crunch_connect(c, &kv) != OK)
        return NULL;
    return kv;
}

TEST(each_key_has_its_value)
{
    struct kv_ro *kv = connect(&files);

    for (size_t i = 0; i < 8; i++) {
        uint64_t size;
        const void *data;
        size_t len;

        CHECK(kv_ro_exists(kv, few[i].key) == OK);
        CHECK(kv_ro_size(kv, few[i].key, &size) == OK);
        CHECK(size == few[i].size);
        CHECK(kv_ro_view(kv, few[i].key, &data, &len) == OK);
        CHECK(data == few[i].data && len == few[i].size);
    }
    kv_ro_disconnect(kv);
}

TEST(a_text_that_is_not_a_key_is_not_found)
{
    static const char *const missing[] = {"b", "d", "d/x", "d/x/", "d/x/12",
                                          "A", "aa", "e\xff", NULL};
    struct kv_ro *kv = connect(&files);
    const void *data;
    char byte;
    size_t len;

    for (const char *const *m = missing; *m; m++) {
        enum status s = strcmp(*m, "d/x/") == 0 ? ERR_NAME : ERR_NOT_FOUND;

        CHECK(kv_ro_exists(kv, *m) == s);
        CHECK(kv_ro_read(kv, *m, 0, &byte, 1, &len) == s);
        CHECK(kv_ro_view(kv, *m, &data, &len) == s);
    }
    kv_ro_disconnect(kv);
}

TEST(a_value_is_read_from_an_offset_on)
{
    struct kv_ro *kv = connect(&files);
    char data[8] = "";
    size_t got;

    CHECK(kv_ro_read(kv, "d0", 0, data, 8, &got) == OK && got == 7);
    CHECK(memcmp(data, "nul\0nul", 7) == 0);
    CHECK(kv_ro_read(kv, "d0", 4, data, 2, &got) == OK && got == 2);
    CHECK(memcmp(data, "nu", 2) == 0);
    CHECK(kv_ro_read(kv, "d0", 6, data, 8, &got) == OK && got == 1);
    CHECK(kv_ro_read(kv, "d0", 7, data, 8, &got) == OK && got == 0);
    CHECK(kv_ro_read(kv, "d0", UINT64_MAX, data, 8, &got) == OK && got == 0);
    CHECK(kv_ro_read(kv, "d!", 0, data, 8, &got) == OK && got == 0);
    CHECK(kv_ro_read(kv, "d!", 0, NULL, 0, &got) == OK && got == 0);
    kv_ro_disconnect(kv);
}

TEST(all_files_have_the_modification_time_of_the_store)
{
    struct kv_ro *kv = connect(&files);
    nanoseconds modified = 1;

    CHECK(kv_ro_modified(kv, "d0", &modified) == OK);
    CHECK(modified == 1700000000 * SECOND);
    CHECK(kv_ro_modified(kv, "nothing", &modified) == ERR_NOT_FOUND);
    CHECK(kv_ro_modified(kv, "d", &modified) == ERR_NOT_FOUND);
    kv_ro_disconnect(kv);
}

struct names {
    char text[200];
    size_t most;
};

static bool note(void *ctx, const char *name, bool is_directory)
{
    struct names *n = ctx;

    strcat(n->text, name);
    strcat(n->text, is_directory ? "/ " : " ");
    return --n->most > 0;
}

static const char *listed(struct kv_ro *kv, const char *directory, size_t most)
{
    static struct names n;
    enum status s;

    n = (struct names){"", most};
    s = kv_ro_list(kv, directory, note, &n);
    return s ? status_text(s) : n.text;
}

TEST(a_directory_lists_its_entries_once)
{
    struct kv_ro *kv = connect(&files);

    CHECK_TEXT(listed(kv, "", 99), "a d! d/ d0 e\xff\n ");
    CHECK_TEXT(listed(kv, "d", 99), "x! x/ x0 ");
    CHECK_TEXT(listed(kv, "d/x", 99), "1 2 ");
    CHECK_TEXT(listed(kv, "a", 99), status_text(ERR_NOT_FOUND));
    CHECK_TEXT(listed(kv, "f", 99), status_text(ERR_NOT_FOUND));
    CHECK_TEXT(listed(kv, "d/x/1", 99), status_text(ERR_NOT_FOUND));
    kv_ro_disconnect(kv);
}

TEST(a_listing_stops_when_its_callback_returns_false)
{
    struct kv_ro *kv = connect(&files);

    CHECK_TEXT(listed(kv, "", 1), "a ");
    CHECK_TEXT(listed(kv, "", 3), "a d! d/ ");
    kv_ro_disconnect(kv);
}

TEST(an_empty_folder_makes_an_empty_store)
{
    static const struct crunched nothing = {NULL, 0, 0};
    struct kv_ro *kv = connect(&nothing);

    CHECK(kv_ro_exists(kv, "a") == ERR_NOT_FOUND);
    CHECK_TEXT(listed(kv, "", 9), "");
    CHECK_TEXT(listed(kv, "a", 9), status_text(ERR_NOT_FOUND));
    kv_ro_disconnect(kv);
}

TEST(ten_thousand_keys_are_all_found)
{
    static struct crunched_file many[10000];
    static char names[10000][16];
    struct crunched c = {many, 10000, 0};
    struct kv_ro *kv;
    bool good = true;

    for (int i = 0; i < 10000; i++) {
        text_format(names[i], sizeof names[i], "dir%02d/file%04d", i / 100, i);
        many[i] = (struct crunched_file){names[i], names[i], 14};
    }
    kv = connect(&c);
    for (int i = 0; i < 10000; i++) {
        const void *data;
        size_t len;

        if (kv_ro_view(kv, names[i], &data, &len) != OK || data != names[i])
            good = false;
    }
    CHECK(good);
    kv_ro_disconnect(kv);
}
