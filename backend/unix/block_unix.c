/* SPDX-License-Identifier: ISC */
/*
 * A disk that is a file of the host, or one of its block devices.
 *
 * The host's reads and writes of files wait, and would stop every fiber. So a
 * few threads do them: a fiber puts its request into their queue and waits,
 * the others run on, and who has done a request says so in a pipe.
 */
#include "events.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/block.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/panic.h>
#include <pthread.h>
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

#define THREADS 8
#define SECTOR  512u
#define MOST    ((size_t)1 << 20) /* bytes of a request */

LOG_SOURCE(block);

struct disk {
    struct block block; /* first */
    int          fd;
    char         path[];
};

enum operation { READ,
                 WRITE,
                 FLUSH };

struct request {
    enum operation  operation;
    int             fd;
    uint8_t        *data;
    size_t          len;
    off_t           at;
    size_t          done;  /* bytes */
    int             error; /* errno, or 0 */
    bool            is_done;
    struct waiters  waiter;
    struct request *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  comes = PTHREAD_COND_INITIALIZER;
static struct request *first, **end = &first;
static int             tell[2]; /* a pipe of pointers to what was done */
static unsigned        threads; /* that there are */

static struct disk *disk_of(struct block *b)
{
    return (struct disk *)b;
}

/* A short read or write is no failure, nor is an interrupted one. */
static void carry_out(struct request *r)
{
    if (r->operation == FLUSH) {
#ifdef __APPLE__
        r->error = fcntl(r->fd, F_FULLFSYNC) == 0 ? 0 : errno;
#else
        r->error = fdatasync(r->fd) == 0 ? 0 : errno;
#endif
        return;
    }
    while (r->done < r->len) {
        off_t   at = r->at + (off_t)r->done;
        size_t  left = r->len - r->done;
        ssize_t n = r->operation == READ
                        ? pread(r->fd, r->data + r->done, left, at)
                        : pwrite(r->fd, r->data + r->done, left, at);

        if (n > 0)
            r->done += (size_t)n;
        else if (n == 0 || errno != EINTR) {
            r->error = n == 0 ? 0 : errno;
            return;
        }
    }
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        struct request *r;

        pthread_mutex_lock(&lock);
        while (!first)
            pthread_cond_wait(&comes, &lock);
        r = first;
        first = r->next;
        if (!first)
            end = &first;
        pthread_mutex_unlock(&lock);
        carry_out(r);
        while (write(tell[1], &r, sizeof r) < 0 && errno == EINTR)
            ;
    }
    return NULL;
}

/* The fiber that wakes those whose requests are done. */
static void take_done(void *unused)
{
    (void)unused;
    for (;;) {
        struct request *r[64];
        ssize_t         n;

        if (events_wait(tell[0], false, FOREVER) != OK)
            continue;
        n = read(tell[0], r, sizeof r);
        for (ssize_t i = 0; i < n / (ssize_t)sizeof *r; i++) {
            r[i]->is_done = true;
            wake_all(&r[i]->waiter);
        }
    }
}

/* Signals are the first thread's affair. */
static void start_threads(void)
{
    sigset_t  all, before;
    pthread_t t;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (threads < THREADS && pthread_create(&t, NULL, serve, NULL) == 0) {
        pthread_detach(t);
        threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static enum status start_service(void)
{
    if (threads > 0)
        return OK;
    if (pipe(tell) != 0)
        return ERR_NO_MEMORY;
    for (int i = 0; i < 2; i++)
        fcntl(tell[i], F_SETFD, FD_CLOEXEC);
    start_threads();
    if (threads > 0 && fiber_start(take_done, NULL) == OK)
        return OK;
    log_error(&block, "no thread can be had: %s", strerror(errno));
    return ERR_NO_MEMORY;
}

static enum status failed(const struct disk *d, const struct request *r,
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
    return r->error == ENOSPC || r->error == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/* The request's memory is in use until it is done, so nothing cuts it short. */
static enum status ask(struct block *b, struct request *r, const char *what)
{
    struct disk *d = disk_of(b);

    r->fd = d->fd;
    pthread_mutex_lock(&lock);
    *end = r;
    end = &r->next;
    pthread_cond_signal(&comes);
    pthread_mutex_unlock(&lock);
    fiber_shield();
    while (!r->is_done)
        if (wait_until(&r->waiter, FOREVER) != OK)
            continue;
    fiber_unshield();
    return r->error == 0 && r->done == r->len ? OK : failed(d, r, what);
}

static enum status disk_read(struct block *b, uint64_t sector, void *data,
                             size_t count)
{
    struct request r = {.operation = READ,
                        .data = data,
                        .len = count * b->info.sector_size,
                        .at = (off_t)(sector * b->info.sector_size)};

    return ask(b, &r, "reading");
}

static enum status disk_write(struct block *b, uint64_t sector,
                              const void *data, size_t count)
{
    struct request r = {.operation = WRITE,
                        .data = (uint8_t *)(uintptr_t)data,
                        .len = count * b->info.sector_size,
                        .at = (off_t)(sector * b->info.sector_size)};

    return ask(b, &r, "writing");
}

static enum status disk_flush(struct block *b)
{
    struct request r = {.operation = FLUSH};

    return ask(b, &r, "flushing");
}

static void disk_disconnect(struct block *b)
{
    close(disk_of(b)->fd);
    free(disk_of(b));
}

static const struct block_ops disk_ops = {
    .read = disk_read,
    .write = disk_write,
    .flush = disk_flush,
    .disconnect = disk_disconnect,
    .most = MOST,
    .takes_any_data = true,
};

/* For writing if that may be, or else for reading. */
static int open_disk(const char *path, bool *writable)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    *writable = fd >= 0;
    if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd;
}

static enum status cannot_open(const char *path)
{
    switch (errno) {
    case ENOENT:
        log_error(&block,
                  "there is no %s; `dd if=/dev/zero of=%s count=100000` makes "
                  "one of 51.2 MB",
                  path, path);
        return ERR_NOT_FOUND;
    case EISDIR:
        log_error(&block, "%s is a directory; a disk is a file, or a block "
                          "device of the host",
                  path);
        return ERR_IS_DIRECTORY;
    case EACCES:
    case EPERM:
        log_error(&block, "%s may not be read; `ls -l %s` tells who may", path,
                  path);
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
    int      size;

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
        return cannot_open(path);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return cannot_open(path);
    }
    if (S_ISBLK(st.st_mode))
        return measure_device(fd, path, info);
    if (!S_ISREG(st.st_mode)) {
        log_error(&block, "%s is neither a file nor a block device", path);
        return ERR_UNSUPPORTED;
    }
    if (st.st_size % SECTOR != 0) {
        log_error(&block,
                  "%s has %lld bytes, which are no whole sectors of %u; "
                  "`truncate -s %%%u %s` fills the last one up",
                  path, (long long)st.st_size, SECTOR, SECTOR, path);
        return ERR_FORMAT;
    }
    info->sector_size = SECTOR;
    info->sectors = (uint64_t)st.st_size / SECTOR;
    return OK;
}

static enum status take_lock(int fd, const char *path, bool writable)
{
    if (flock(fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return OK;
    if (errno != EWOULDBLOCK)
        return OK; /* a file system without locks */
    log_error(&block,
              "%s is in use by another image, or twice by this one; "
              "`fuser %s` tells by whom",
              path, path);
    return ERR_IN_USE;
}

enum status block_unix_connect(const char *path, struct block **b)
{
    struct block_info info = {0};
    int               fd = open_disk(path, &info.writable);
    struct disk      *d;
    enum status       s;

    if (fd < 0)
        return cannot_open(path);
    s = measure(fd, path, &info);
    if (s == OK)
        s = take_lock(fd, path, info.writable);
    if (s == OK)
        s = start_service();
    d = s == OK ? malloc(sizeof *d + strlen(path) + 1) : NULL;
    if (!d) {
        close(fd);
        return s ? s : ERR_NO_MEMORY;
    }
    d->block.ops = &disk_ops;
    d->block.info = info;
    d->fd = fd;
    strcpy(d->path, path);
    log_info(&block, "%s: %llu sectors of %u bytes%s, by %u threads", path,
             (unsigned long long)info.sectors, info.sector_size,
             info.writable ? "" : ", read-only", threads);
    *b = &d->block;
    return OK;
}
