/* SPDX-License-Identifier: ISC */
/* The front of key/value stores: the syntax of keys. */
#include "kv_ro.c"
#include "check.h"

/* A store that has every key, and records the last one. */
static char asked[KV_RO_KEY + 1];
static enum status answer;

static enum status fake_size(struct kv_ro *kv, const char *key, uint64_t *size)
{
    (void)kv;
    strcpy(asked, key);
    *size = 7;
    return answer;
}

static enum status fake_read(struct kv_ro *kv, const char *key,
                             uint64_t offset, void *data, size_t len,
                             size_t *got)
{
    (void)kv;
    strcpy(asked, key);
    memset(data, 'x', len);
    *got = offset > 7 ? 0 : len;
    return answer;
}

static enum status fake_list(struct kv_ro *kv, const char *directory,
                             kv_ro_entry *fn, void *ctx)
{
    (void)kv;
    strcpy(asked, directory);
    fn(ctx, "entry", false);
    return answer;
}

static enum status fake_view(struct kv_ro *kv, const char *key,
                             const void **data, size_t *len)
{
    (void)kv;
    strcpy(asked, key);
    *data = "seven";
    *len = 5;
    return answer;
}

static const struct kv_ro_ops fake_ops = {
    .size = fake_size, .read = fake_read, .list = fake_list, .view = fake_view};
static struct kv_ro fake = {&fake_ops};
static const struct kv_ro_ops viewless_ops = {
    .size = fake_size, .read = fake_read, .list = fake_list};
static struct kv_ro viewless = {&viewless_ops};

static bool count_entry(void *ctx, const char *name, bool is_directory)
{
    (void)name, (void)is_directory;
    ++*(int *)ctx;
    return true;
}

/* The status of all calls with key, which must be the same. */
static enum status all(const char *key)
{
    char data[8];
    const void *view;
    uint64_t size;
    nanoseconds modified;
    size_t got;
    int entries = 0;
    enum status s;

    asked[0] = '\0';
    s = kv_ro_exists(&fake, key);
    CHECK(kv_ro_size(&fake, key, &size) == s);
    CHECK(kv_ro_modified(&fake, key, &modified) == s);
    CHECK(kv_ro_read(&fake, key, 0, data, sizeof data, &got) == s);
    CHECK(kv_ro_view(&fake, key, &view, &got) == s);
    if (*key)
        CHECK(kv_ro_list(&fake, key, count_entry, &entries) == s);
    CHECK_TEXT(asked, s == ERR_NAME ? "" : key);
    return s;
}

TEST(a_key_is_parts_with_slashes_between_them)
{
    static const char *const keys[] = {
        "a", "a/b", "a/b/c", "...", "..a", "a..", ".a", ".a/b.", "a/.../b",
        " ", "a b", "\n", "a\\..\\b", "\xff\xfe", "a:b", "-", "~", "*", NULL};

    answer = OK;
    for (const char *const *k = keys; *k; k++)
        CHECK(all(*k) == OK);
}

TEST(malformed_keys_are_refused_before_the_driver)
{
    static const char *const names[] = {
        "", "/", "/a", "a/", "a//b", "//", ".", "..", "./a", "../a", "a/.",
        "a/..", "a/./b", "a/../b", "a/b/", "/..", "../", "...//", "a/..//",
        NULL};

    answer = OK;
    for (const char *const *n = names; *n; n++)
        CHECK(all(*n) == ERR_NAME);
}

TEST(a_key_has_at_most_1024_bytes)
{
    char key[KV_RO_KEY + 2];

    answer = OK;
    memset(key, 'k', sizeof key);
    key[KV_RO_KEY + 1] = '\0';
    CHECK(all(key) == ERR_NAME);
    key[KV_RO_KEY] = '\0';
    CHECK(all(key) == OK);
    memset(key, '/', 1);
    CHECK(all(key) == ERR_NAME);
}

TEST(the_results_of_the_driver_are_returned)
{
    answer = ERR_NOT_FOUND;
    CHECK(all("a") == ERR_NOT_FOUND);
    answer = ERR_CORRUPT;
    CHECK(all("a") == ERR_CORRUPT);
    answer = OK;
}

TEST(the_whole_store_is_listed_by_an_empty_name)
{
    int entries = 0;

    CHECK(kv_ro_list(&fake, "", count_entry, &entries) == OK);
    CHECK(entries == 1);
}

TEST(a_store_that_knows_no_times_says_0_of_each_key)
{
    nanoseconds modified = 1;

    answer = OK;
    CHECK(kv_ro_modified(&viewless, "key", &modified) == OK);
    CHECK(modified == 0);
}

TEST(a_store_without_views_is_unsupported_but_refuses_malformed_keys)
{
    const void *data;
    size_t len;

    CHECK(kv_ro_view(&viewless, "a", &data, &len) == ERR_UNSUPPORTED);
    CHECK(kv_ro_view(&viewless, "/a", &data, &len) == ERR_NAME);
}

static void read_for_ever(void *ctx)
{
    while (kv_ro_exists(&fake, "a") == OK)
        ++*(int *)ctx;
}

TEST(reading_without_end_lets_others_run_and_is_cancelled)
{
    int times = 0;
    struct fiber *f;

    CHECK(fiber_spawn(NULL, read_for_ever, &times, &f) == OK);
    for (int i = 0; i < 100; i++)
        fiber_yield();
    CHECK(times > 0 && times <= 101);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
}
