/* SPDX-License-Identifier: ISC */
/*
 * fs: files in directories, to read and to change.
 *
 * A path is UTF-8 of at most FS_PATH bytes, its parts separated by '/', with
 * no leading or trailing '/', no empty part and none that is "." or ".."; the
 * empty path is the root. Calls block. Changes survive a power cut once a later
 * fs_flush returns OK.
 *
 * Any call on a path may give ERR_NOT_FOUND (a part of it is missing),
 * ERR_NOT_DIRECTORY (a part before the last is a file), ERR_NAME (a part
 * cannot be a name here, or not a new one), ERR_FORMAT (there is no file system
 * on the storage), ERR_CORRUPT, ERR_IO and ERR_GONE (the storage),
 * ERR_NO_MEMORY, and ERR_CANCELLED (the fiber was cancelled before anything
 * was done); one that changes something may give ERR_READ_ONLY (the storage, or
 * the file) and ERR_NO_SPACE (the storage is full, or the file or directory
 * has its greatest size) as well. Unless said otherwise, a call that fails has
 * changed nothing.
 */
#ifndef MIRAGE_FS_H
#define MIRAGE_FS_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_PATH 4096

struct fs {
    const struct fs_ops *ops;
};

struct fs_stat {
    bool directory, read_only;
    uint64_t size; /* bytes; 0 for a directory */
    nanoseconds modified; /* since 1970-01-01 UTC; 0: the store does not know */
    uint64_t id; /* the same for two names of one file, which a damaged storage
                    may have; 0: unknown, or an empty file */
};

/* Called once for each entry, its name and st lent. Returns whether to go on.
 */
typedef bool fs_entry(void *ctx, const char *name, const struct fs_stat *st);

/* Describes the file or directory. */
MUST_CHECK enum status fs_stat(struct fs *fs, const char *path,
                               struct fs_stat *st);

/*
 * Calls fn for each entry of the directory, in no order. fn may call the file
 * system; it may or may not be called for entries that are created or removed
 * meanwhile.
 */
MUST_CHECK enum status fs_list(struct fs *fs, const char *path, fs_entry *fn,
                               void *ctx);

/*
 * Copies up to len bytes of the file, from offset on, and sets *got to their
 * number; *got < len means that the file ends there. ERR_IS_DIRECTORY.
 */
MUST_CHECK enum status fs_read(struct fs *fs, const char *path,
                               uint64_t offset, void *data, size_t len,
                               size_t *got);

/*
 * Writes len bytes at offset; a gap before them reads as zeros. The file must
 * exist. ERR_IS_DIRECTORY. ERR_NO_SPACE: nothing was written. ERR_IO, ERR_GONE,
 * ERR_CORRUPT, ERR_NO_MEMORY: an unknown part was written. ERR_CANCELLED:
 * nothing was written, but the file may have become longer by a part of the
 * gap.
 */
MUST_CHECK enum status fs_write(struct fs *fs, const char *path,
                                uint64_t offset, const void *data, size_t len);

/*
 * Sets the size of a file in bytes: removes the bytes beyond it, or appends
 * zeros. After a power cut a file that was shortened has its old size or its
 * new one, and its bytes up to there. ERR_IS_DIRECTORY.
 *
 * ERR_NO_SPACE: nothing was done. ERR_IO, ERR_GONE, ERR_CORRUPT, ERR_NO_MEMORY,
 * ERR_CANCELLED: a file that was to become longer may have any size between the
 * two.
 */
MUST_CHECK enum status fs_truncate(struct fs *fs, const char *path,
                                   uint64_t size);

/* Create an empty file, and an empty directory. ERR_EXISTS. */
MUST_CHECK enum status fs_create(struct fs *fs, const char *path);
MUST_CHECK enum status fs_mkdir(struct fs *fs, const char *path);

/* Removes a file, or an empty directory. ERR_NOT_EMPTY. */
MUST_CHECK enum status fs_remove(struct fs *fs, const char *path);

/*
 * Renames or moves a file or directory. A file replaces a file that `to` names:
 * until a later fs_flush returns OK, a power cut leaves the whole old file or
 * the whole new one under `to`; if it is the old one, `from` may be gone. The
 * new file need not be flushed before: its data reach the storage before its
 * name does.
 *
 * ERR_EXISTS: `to` exists, and one of the two is a directory. ERR_NAME: `to` is
 * inside `from`, or cannot be made. ERR_READ_ONLY: also if the file that would
 * be replaced is read-only.
 */
MUST_CHECK enum status fs_rename(struct fs *fs, const char *from,
                                 const char *to);

/* Makes a new, empty file system on the storage. */
MUST_CHECK enum status fs_format(struct fs *fs);

/* Writes all changes to the storage. After an error those that were not written
 * are kept in memory, for the next fs_flush. */
MUST_CHECK enum status fs_flush(struct fs *fs);

/*
 * Flushes, logging an error, and frees fs, but not the device below it. No
 * call on fs may be in progress. Blocks, also in a cancelled fiber.
 */
void fs_disconnect(struct fs *fs);

/*
 * The driver's side: each as its namesake above; none may be NULL. device/fs.c
 * has checked that the path is well-formed, but not that it is UTF-8, and that
 * it is not the root except in stat and list.
 */
struct fs_ops {
    enum status (*stat)(struct fs *fs, const char *path, struct fs_stat *st);
    enum status (*list)(struct fs *fs, const char *path, fs_entry *fn,
                        void *ctx);
    enum status (*read)(struct fs *fs, const char *path, uint64_t offset,
                        void *data, size_t len, size_t *got);
    enum status (*write)(struct fs *fs, const char *path, uint64_t offset,
                         const void *data, size_t len);
    enum status (*truncate)(struct fs *fs, const char *path, uint64_t size);
    enum status (*create)(struct fs *fs, const char *path);
    enum status (*mkdir)(struct fs *fs, const char *path);
    enum status (*remove)(struct fs *fs, const char *path);
    enum status (*rename)(struct fs *fs, const char *from, const char *to);
    enum status (*format)(struct fs *fs);
    enum status (*flush)(struct fs *fs);
    void (*disconnect)(struct fs *fs);
};

#endif
