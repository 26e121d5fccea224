/* SPDX-License-Identifier: ISC */
/* The front of file systems: paths, and the root. */
#include "fs.c"
#include "check.h"

/* A file system on which all calls succeed, and are counted. */
static int asked;

static enum status fake_stat(struct fs *fs, const char *path,
                             struct fs_stat *st)
{
    (void)fs, (void)path;
    *st = (struct fs_stat){.directory = true};
    asked++;
    return OK;
}

static enum status fake_list(struct fs *fs, const char *path, fs_entry *fn,
                             void *ctx)
{
    (void)fs, (void)path, (void)fn, (void)ctx;
    asked++;
    return OK;
}

static enum status fake_read(struct fs *fs, const char *path, uint64_t offset,
                             void *data, size_t len, size_t *got)
{
    (void)fs, (void)path, (void)offset, (void)data;
    *got = len;
    asked++;
    return OK;
}

static enum status fake_write(struct fs *fs, const char *path,
                              uint64_t offset, const void *data, size_t len)
{
    (void)fs, (void)path, (void)offset, (void)data, (void)len;
    asked++;
    return OK;
}

static enum status fake_truncate(struct fs *fs, const char *path,
                                 uint64_t size)
{
    (void)fs, (void)path, (void)size;
    asked++;
    return OK;
}

static enum status fake_change(struct fs *fs, const char *path)
{
    (void)fs, (void)path;
    asked++;
    return OK;
}

static enum status fake_rename(struct fs *fs, const char *from, const char *to)
{
    (void)fs, (void)from, (void)to;
    asked++;
    return OK;
}

static enum status fake_whole(struct fs *fs)
{
    (void)fs;
    asked++;
    return ERR_READ_ONLY;
}

static const struct fs_ops fake_ops = {
    .stat = fake_stat,
    .list = fake_list,
    .read = fake_read,
    .write = fake_write,
    .truncate = fake_truncate,
    .create = fake_change,
    .mkdir = fake_change,
    .remove = fake_change,
    .rename = fake_rename,
    .format = fake_whole,
    .flush = fake_whole,
};
static struct fs fake = {&fake_ops};

static bool ignore(void *ctx, const char *name, const struct fs_stat *st)
{
    (void)ctx, (void)name, (void)st;
    return true;
}

/* Checks that each call on the path returns the status. */
static void every(const char *path, enum status s)
{
    struct fs_stat st;
    char data[1] = {0};
    size_t got;

    CHECK(fs_stat(&fake, path, &st) == s);
    CHECK(fs_list(&fake, path, ignore, NULL) == s);
    CHECK(fs_read(&fake, path, 0, data, 1, &got) == s);
    CHECK(fs_write(&fake, path, 0, data, 1) == s);
    CHECK(fs_truncate(&fake, path, 7) == s);
    CHECK(fs_create(&fake, path) == s);
    CHECK(fs_mkdir(&fake, path) == s);
    CHECK(fs_remove(&fake, path) == s);
    CHECK(fs_rename(&fake, path, "to") == s);
    CHECK(fs_rename(&fake, "from", path) == s);
}

TEST(a_well_formed_path_reaches_the_driver)
{
    asked = 0;
    every("a", OK);
    every("some/where/a file.txt", OK);
    every("...", OK);
    CHECK(asked == 30);
}

TEST(a_malformed_path_is_refused_before_the_driver)
{
    static char long_path[FS_PATH + 2];

    memset(long_path, 'x', FS_PATH + 1);
    asked = 0;
    every("/a", ERR_NAME);
    every("a/", ERR_NAME);
    every("a//b", ERR_NAME);
    every(".", ERR_NAME);
    every("..", ERR_NAME);
    every("a/../b", ERR_NAME);
    every("a/.", ERR_NAME);
    every(long_path, ERR_NAME);
    CHECK(asked == 0);
    long_path[FS_PATH] = '\0';
    every(long_path, OK);
}

TEST(the_root_exists_and_cannot_be_changed)
{
    struct fs_stat st;
    char data[1] = {0};
    size_t got;

    asked = 0;
    CHECK(fs_stat(&fake, "", &st) == OK);
    CHECK(fs_list(&fake, "", ignore, NULL) == OK);
    CHECK(asked == 2);
    CHECK(fs_read(&fake, "", 0, data, 1, &got) == ERR_IS_DIRECTORY);
    CHECK(fs_write(&fake, "", 0, data, 1) == ERR_IS_DIRECTORY);
    CHECK(fs_truncate(&fake, "", 0) == ERR_IS_DIRECTORY);
    CHECK(fs_create(&fake, "") == ERR_EXISTS);
    CHECK(fs_mkdir(&fake, "") == ERR_EXISTS);
    CHECK(fs_remove(&fake, "") == ERR_NAME);
    CHECK(fs_rename(&fake, "", "a") == ERR_NAME);
    CHECK(fs_rename(&fake, "a", "") == ERR_EXISTS);
    CHECK(asked == 2);
}

TEST(format_and_flush_reach_the_driver)
{
    CHECK(fs_format(&fake) == ERR_READ_ONLY);
    CHECK(fs_flush(&fake) == ERR_READ_ONLY);
}
