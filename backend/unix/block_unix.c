/* SPDX-License-Identifier: ISC */
/*
 * A disk that is a file or a block device of the host. Where the host can, it
 * is opened with O_DIRECT, since the image has a cache of its own. Requests
 * that are not aligned go through the host's cache, by a second descriptor of
 * the same file; the host keeps the two coherent.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include "block_engine.h"
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/block.h>
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/log.h>
#include <mirage/time.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

#define SECTOR 512u
#define PAGE   4096u
#define MOST   ((size_t)1 << 20) /* bytes of a request */

LOG_SOURCE(block);

struct disk {
    struct block block; /* first */
    int fd;
    int direct; /* the same file with O_DIRECT; -1: none */
    size_t align; /* of the data and offsets of direct, in bytes */
    char path[];
};

/* The best first. */
static const struct engine *const engines[] = {&uring_engine, &threads_engine};
static const struct engine *chosen; /* NULL: the best that works */
static const struct engine *engine; /* NULL: not started */

static const char *choose(const char *value)
{
    chosen = NULL;
    if (strcmp(value, "auto") == 0)
        return NULL;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (strcmp(value, engines[i]->name) == 0)
            chosen = engines[i];
    return chosen ? NULL : "uring, threads or auto";
}

BOOT_PARSED(block_engine, "NAME", choose,
            "who reads and writes files: uring, threads or auto");
BOOT_FLAG(block_cached, "let disks that are files use the host's cache");

static struct disk *disk_of(struct block *b)
{
    return (struct disk *)b;
}

static enum status start_engine(void)
{
    const char *why = "";

    signal(SIGXFSZ, SIG_IGN); /* beyond `ulimit -f` write fails with EFBIG */
    for (size_t i = 0; !engine && i < sizeof engines / sizeof engines[0]; i++) {
        enum status s;

        if (chosen && chosen != engines[i])
            continue;
        s = engines[i]->start(&why);
        if (s == OK)
            engine = engines[i];
        if (s && (s != ERR_UNSUPPORTED || chosen)) {
            log_error(&block,
                      "there is no %s here: %s; --block-engine=auto takes "
                      "what there is",
                      engines[i]->how, why);
            return s;
        }
    }
    return OK;
}

static void log_failure(const struct disk *d, const struct request *r,
                        const char *what)
{
    if (r->error == 0)
        log_error(&block,
                  "%s ends at byte %llu: it has become shorter since it was "
                  "opened",
                  d->path, (unsigned long long)r->at + r->done);
    else
        log_error(&block, "%s: %s at byte %llu: %s", d->path, what,
                  (unsigned long long)r->at + r->done, strerror(r->error));
}

static bool is_aligned(const struct disk *d, const struct request *r)
{
    return (((uintptr_t)r->data | r->len | (uint64_t)r->at) % d->align) == 0;
}

static enum status submit(struct block *b, struct request *r,
                          const char *what)
{
    struct disk *d = disk_of(b);
    enum status s;

    r->plain = d->fd;
    r->fd = d->direct >= 0 && is_aligned(d, r) ? d->direct : d->fd;
    engine->submit(r);
    s = completion_wait(&r->completion);
    if (s != OK && s != ERR_UNSUPPORTED)
        log_failure(d, r, what);
    return s;
}

static enum status disk_read(struct block *b, uint64_t sector, void *data,
                             size_t count)
{
    struct request r = {.operation = READ,
                        .data = data,
                        .len = count * b->info.sector_size,
                        .at = (off_t)(sector * b->info.sector_size)};

    return submit(b, &r, "reading");
}

static enum status disk_write(struct block *b, uint64_t sector,
                              const void *data, size_t count)
{
    struct request r = {.operation = WRITE,
                        .data = (uint8_t *)(uintptr_t)data,
                        .len = count * b->info.sector_size,
                        .at = (off_t)(sector * b->info.sector_size)};

    return submit(b, &r, "writing");
}

/* Frees the space in the host's file system, if that supports it. */
static enum status disk_discard(struct block *b, uint64_t sector,
                                uint64_t count)
{
    struct request r = {.operation = DISCARD,
                        .len = (size_t)(count * b->info.sector_size),
                        .at = (off_t)(sector * b->info.sector_size)};

    return submit(b, &r, "discarding");
}

static enum status disk_flush(struct block *b)
{
    struct request r = {.operation = FLUSH};

    return submit(b, &r, "flushing");
}

static void disk_disconnect(struct block *b)
{
    struct disk *d = disk_of(b);

    close(d->fd);
    if (d->direct >= 0)
        close(d->direct);
    free(d);
}

static const struct block_ops disk_ops = {
    .read = disk_read,
    .write = disk_write,
    .discard = disk_discard,
    .flush = disk_flush,
    .disconnect = disk_disconnect,
    .most = MOST,
    .takes_any_data = true,
};

/* Opens the file for writing if that is permitted, otherwise for reading. */
static int open_disk(const char *path, bool *writable)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    *writable = fd >= 0;
    if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd;
}

/* Whether the directory of the file exists. */
static bool has_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash > path ? strndup(path, (size_t)(slash - path))
                                : NULL;
    struct stat st;
    bool has = !folder ||
               (stat(folder, &st) == 0 && S_ISDIR(st.st_mode));

    free(folder);
    return has;
}

/* Logs that there is no such file, and the command that makes it: maker, or for
 * NULL one of our own. */
static void log_missing(const char *path, const char *maker)
{
    char *word = shell_word(path);

    if (!has_folder(path))
        log_error(&block, "there is no %s, and no folder for it", path);
    else if (strncmp(path, "/dev/", 5) == 0)
        log_error(&block, "there is no %s; `lsblk` lists this host's disks",
                  path);
    else if (maker)
        log_error(&block, "there is no %s; %s", path, maker);
    else
        log_error(&block,
                  "there is no %s; `dd if=/dev/zero of=%s count=100000` makes "
                  "one of 51.2 MB",
                  path, word);
    free(word);
}

/* Logs that the file, or a directory that leads to it, forbids reading. */
static void log_forbidden(const char *path)
{
    char *word = shell_word(path);
    struct stat st;

    log_error(&block, "%s may not be read; `%s %s` tells who may", path,
              stat(path, &st) == 0 ? "ls -l" : "namei -l", word);
    free(word);
}

static enum status cannot_open(const char *path, const char *maker)
{
    switch (errno) {
    case ENOENT:
        log_missing(path, maker);
        return ERR_NOT_FOUND;
    case EISDIR:
        log_error(&block, "%s is a directory; a disk is a file, or a block "
                          "device of the host",
                  path);
        return ERR_IS_DIRECTORY;
    case EACCES:
    case EPERM:
        log_forbidden(path);
        return ERR_PERMISSION;
    default:
        log_error(&block, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
}

static enum status measure_device(int fd, const char *path,
                                  struct block_info *info)
{
#ifdef __linux__
    uint64_t bytes;
    int size;

    if (ioctl(fd, BLKGETSIZE64, &bytes) == 0 &&
        ioctl(fd, BLKSSZGET, &size) == 0) {
        info->sector_size = (uint32_t)size;
        info->sectors = bytes / info->sector_size;
        return OK;
    }
#endif
    (void)fd, (void)info;
    log_error(&block, "%s does not tell its size: %s", path, strerror(errno));
    return ERR_IO;
}

static enum status measure(int fd, const char *path, struct block_info *info)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return cannot_open(path, NULL);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return cannot_open(path, NULL);
    }
    if (S_ISBLK(st.st_mode))
        return measure_device(fd, path, info);
    if (!S_ISREG(st.st_mode)) {
        log_error(&block, "%s is neither a file nor a block device", path);
        return ERR_UNSUPPORTED;
    }
    if (st.st_size % SECTOR != 0) {
        char *word = shell_word(path);

        log_error(&block,
                  "%s has %lld bytes, which are no whole sectors of %u; "
                  "`truncate -s %%%u %s` fills the last one up",
                  path, (long long)st.st_size, SECTOR, SECTOR, word);
        free(word);
        return ERR_FORMAT;
    }
    info->sector_size = SECTOR;
    info->sectors = (uint64_t)st.st_size / SECTOR;
    return OK;
}

/* Whether the path leads to another file now. */
static bool was_replaced(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
           (a.st_dev != b.st_dev || a.st_ino != b.st_ino);
}

/* Locks the file. Retries for a second: the kernel may release the lock of a
 * process that used io_uring some time after it has ended. */
static enum status lock_file(int fd, const char *path, bool writable)
{
    char *word;

    for (nanoseconds wait = MILLISECOND; wait < SECOND; wait *= 2) {
        enum status s;

        if (flock(fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
            return OK;
        if (errno != EWOULDBLOCK)
            return OK; /* a file system without locks */
        if ((s = time_sleep(wait)) != OK)
            return s;
    }
    word = shell_word(path);
    log_error(&block,
              "%s is in use by another image, or twice by this one; "
              "`fuser %s` (Debian's psmisc) tells by whom",
              path, word);
    free(word);
    return ERR_IN_USE;
}

#ifdef O_DIRECT
/*
 * Finds the least alignment with which an O_DIRECT descriptor can be read, by
 * trying. 0: there is none.
 */
static size_t try_direct(int fd)
{
    static _Alignas(PAGE) uint8_t data[2 * PAGE];

    for (size_t align = SECTOR; align <= PAGE; align *= 2)
        if (pread(fd, data + align, align, (off_t)align) == (ssize_t)align)
            return align;
    return 0;
}

/* Opens the same file with O_DIRECT, if it still is the same file. */
static void open_direct(struct disk *d)
{
    int how = d->block.info.writable ? O_RDWR : O_RDONLY;
    struct stat a, b;

    d->direct = -1;
    if (block_cached)
        return;
    d->direct = open(d->path, how | O_DIRECT | O_CLOEXEC);
    if (d->direct < 0)
        return;
    if (fstat(d->fd, &a) == 0 && fstat(d->direct, &b) == 0 &&
        a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
        (d->align = try_direct(d->direct)) > 0)
        return;
    close(d->direct);
    d->direct = -1;
}
#else
static void open_direct(struct disk *d)
{
    d->direct = -1;
}
#endif

/*
 * Opens the file and locks it. mirage holds the lock while it rebuilds a disk
 * image, and then renames the new file to the old one's name (decision 0021):
 * so after the lock the path is checked, and the new file opened.
 */
static enum status open_locked(const char *path, const char *maker, int *fd,
                               struct block_info *info)
{
    enum status s;

    do {
        *fd = open_disk(path, &info->writable);
        if (*fd < 0)
            return cannot_open(path, maker);
        s = measure(*fd, path, info);
        if (s == OK)
            s = lock_file(*fd, path, info->writable);
        if (s == OK && !was_replaced(*fd, path))
            return OK;
        close(*fd);
    } while (s == OK);
    return s;
}

enum status block_unix_connect(const char *path, struct block **b)
{
    return block_unix_connect_with(path, NULL, b);
}

enum status block_unix_connect_with(const char *path, const char *maker,
                                    struct block **b)
{
    struct block_info info = {0};
    int fd;
    struct disk *d;
    enum status s = open_locked(path, maker, &fd, &info);

    if (s)
        return s;
    s = start_engine();
    d = s == OK ? malloc(sizeof *d + strlen(path) + 1) : NULL;
    if (!d) {
        close(fd);
        return s ? s : ERR_NO_MEMORY;
    }
    d->block.ops = &disk_ops;
    d->block.info = info;
    d->fd = fd;
    strcpy(d->path, path);
    open_direct(d);
    log_info(&block, "%s: %llu sectors of %u bytes%s, by %s%s", path,
             (unsigned long long)info.sectors, info.sector_size,
             info.writable ? "" : ", read-only", engine->how,
             d->direct < 0 ? ", with the host's cache" : "");
    *b = &d->block;
    return OK;
}
