/* SPDX-License-Identifier: ISC */
#include "kv_ro_fs.c"
#include "check.h"

/* A file system of two files, in which "?" cannot be a name. */
static enum status broken; /* the status of every call, unless OK */

static enum status fake_stat(struct fs *fs, const char *path,
                             struct fs_stat *st)
{
    (void)fs;
    if (broken)
        return broken;
    *st = (struct fs_stat){.size = 3, .modified = 7 * SECOND};
    if (strcmp(path, "") == 0 || strcmp(path, "d") == 0)
        *st = (struct fs_stat){.directory = true};
    else if (strcmp(path, "?") == 0)
        return ERR_NAME;
    else if (strncmp(path, "a/", 2) == 0)
        return ERR_NOT_DIRECTORY;
    else if (strcmp(path, "a") != 0 && strcmp(path, "d/b") != 0)
        return ERR_NOT_FOUND;
    return OK;
}

static enum status fake_read(struct fs *fs, const char *path, uint64_t offset,
                             void *data, size_t len, size_t *got)
{
    struct fs_stat st;
    enum status s = fake_stat(fs, path, &st);

    if (s)
        return s;
    if (st.directory)
        return ERR_IS_DIRECTORY;
    *got = offset > 3 ? 0 : 3 - (size_t)offset;
    *got = *got < len ? *got : len;
    if (*got > 0)
        memcpy(data, &"foo"[offset], *got);
    return OK;
}

static char long_name[KV_RO_KEY];

static enum status fake_list(struct fs *fs, const char *path, fs_entry *fn,
                             void *ctx)
{
    struct fs_stat file = {.size = 3}, directory = {.directory = true};
    enum status s = fake_stat(fs, path, &file);

    if (s)
        return s;
    if (!file.directory)
        return ERR_NOT_DIRECTORY;
    if (*path)
        (void)(fn(ctx, "b", &(struct fs_stat){.size = 3}) &&
               fn(ctx, long_name, &(struct fs_stat){.size = 3}));
    else
        (void)(fn(ctx, "a", &(struct fs_stat){.size = 3}) &&
               fn(ctx, "d", &directory));
    return OK;
}

static const struct fs_ops fake_ops = {
    .stat = fake_stat, .read = fake_read, .list = fake_list};
static struct fs fake = {&fake_ops};
static struct kv_ro *kv;

TEST(a_file_is_a_key_and_its_contents_are_the_value)
{
    uint64_t size;
    char data[8];
    size_t got;
    const void *view;
    nanoseconds modified;

    CHECK(kv_ro_fs_connect(&fake, &kv) == OK);
    CHECK(kv_ro_exists(kv, "a") == OK);
    CHECK(kv_ro_size(kv, "d/b", &size) == OK && size == 3);
    CHECK(kv_ro_modified(kv, "d/b", &modified) == OK);
    CHECK(modified == 7 * SECOND);
    CHECK(kv_ro_read(kv, "d/b", 1, data, 8, &got) == OK && got == 2);
    CHECK(memcmp(data, "oo", 2) == 0);
    CHECK(kv_ro_view(kv, "a", &view, &got) == ERR_UNSUPPORTED);
}

TEST(directories_and_invalid_paths_are_not_found)
{
    static const char *const missing[] = {"b", "d", "a/b", "?", NULL};
    uint64_t size;
    char byte;
    size_t got;

    for (const char *const *m = missing; *m; m++) {
        CHECK(kv_ro_exists(kv, *m) == ERR_NOT_FOUND);
        CHECK(kv_ro_size(kv, *m, &size) == ERR_NOT_FOUND);
        CHECK(kv_ro_modified(kv, *m, &size) == ERR_NOT_FOUND);
        CHECK(kv_ro_read(kv, *m, 0, &byte, 1, &got) == ERR_NOT_FOUND);
    }
    CHECK(kv_ro_exists(kv, "d/../a") == ERR_NAME);
}

static bool note(void *ctx, const char *name, bool is_directory)
{
    strcat(ctx, name);
    strcat(ctx, is_directory ? "/ " : " ");
    return strlen(ctx) < 100;
}

TEST(a_listing_leaves_out_paths_too_long_for_keys)
{
    char text[3000] = "";

    memset(long_name, 'n', KV_RO_KEY - 1);
    CHECK(kv_ro_list(kv, "", note, text) == OK);
    CHECK_TEXT(text, "a d/ ");
    text[0] = '\0';
    CHECK(kv_ro_list(kv, "d", note, text) == OK);
    CHECK_TEXT(text, "b ");
    long_name[KV_RO_KEY - 2] = '\0';
    CHECK(kv_ro_list(kv, "d", note, text) == OK);
    CHECK(strlen(text) == 4 + KV_RO_KEY - 1);
    CHECK(kv_ro_list(kv, "a", note, text) == ERR_NOT_FOUND);
    CHECK(kv_ro_list(kv, "b", note, text) == ERR_NOT_FOUND);
}

TEST(errors_of_the_file_system_are_passed_on)
{
    uint64_t size;

    broken = ERR_CORRUPT;
    CHECK(kv_ro_size(kv, "a", &size) == ERR_CORRUPT);
    broken = ERR_GONE;
    CHECK(kv_ro_exists(kv, "a") == ERR_GONE);
    broken = OK;
    kv_ro_disconnect(kv);
}
