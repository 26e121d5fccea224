/* SPDX-License-Identifier: ISC */
/*
 * The front of file systems: checks paths, and refuses operations on the root,
 * once for all drivers.
 */
#include "path.h"
#include <mirage/fiber.h>
#include <mirage/fs.h>

static bool is_root(const char *path)
{
    return *path == '\0';
}

/*
 * Checks the path, and yields: a file system that has all data cached never
 * blocks, and would keep other fibers waiting and ignore cancellation.
 */
static enum status begin(const char *path, enum status of_root)
{
    if (is_root(path) && of_root != OK)
        return of_root;
    if (!is_root(path) && !path_is_plain(path, FS_PATH))
        return ERR_NAME;
    return fiber_yield();
}

enum status fs_stat(struct fs *fs, const char *path, struct fs_stat *st)
{
    enum status s = begin(path, OK);

    return s ? s : fs->ops->stat(fs, path, st);
}

enum status fs_list(struct fs *fs, const char *path, fs_entry *fn, void *ctx)
{
    enum status s = begin(path, OK);

    return s ? s : fs->ops->list(fs, path, fn, ctx);
}

enum status fs_read(struct fs *fs, const char *path, uint64_t offset,
                    void *data, size_t len, size_t *got)
{
    enum status s = begin(path, ERR_IS_DIRECTORY);

    return s ? s : fs->ops->read(fs, path, offset, data, len, got);
}

enum status fs_write(struct fs *fs, const char *path, uint64_t offset,
                     const void *data, size_t len)
{
    enum status s = begin(path, ERR_IS_DIRECTORY);

    return s ? s : fs->ops->write(fs, path, offset, data, len);
}

enum status fs_truncate(struct fs *fs, const char *path, uint64_t size)
{
    enum status s = begin(path, ERR_IS_DIRECTORY);

    return s ? s : fs->ops->truncate(fs, path, size);
}

enum status fs_create(struct fs *fs, const char *path)
{
    enum status s = begin(path, ERR_EXISTS);

    return s ? s : fs->ops->create(fs, path);
}

enum status fs_mkdir(struct fs *fs, const char *path)
{
    enum status s = begin(path, ERR_EXISTS);

    return s ? s : fs->ops->mkdir(fs, path);
}

enum status fs_remove(struct fs *fs, const char *path)
{
    enum status s = begin(path, ERR_NAME);

    return s ? s : fs->ops->remove(fs, path);
}

enum status fs_rename(struct fs *fs, const char *from, const char *to)
{
    enum status s = begin(from, ERR_NAME);

    if (s == OK && is_root(to))
        s = ERR_EXISTS;
    if (s == OK && !path_is_plain(to, FS_PATH))
        s = ERR_NAME;
    return s ? s : fs->ops->rename(fs, from, to);
}

enum status fs_format(struct fs *fs)
{
    return fs->ops->format(fs);
}

enum status fs_flush(struct fs *fs)
{
    return fs->ops->flush(fs);
}

void fs_disconnect(struct fs *fs)
{
    fs->ops->disconnect(fs);
}
