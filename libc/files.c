/* SPDX-License-Identifier: ISC */
/*
 * File descriptors: the console as 0 to 2, and /dev/urandom, which libraries
 * open to seed their generators. Reading the console blocks the fiber until
 * there is input. A FILE, also stdin, may be used by one fiber at a time.
 */
#include <mirage/platform.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT,
       OUTPUT,
       ERRORS,
       RANDOM };

/* Sets errno, and returns -1. */
static int fail(int error)
{
    errno = error;
    return -1;
}

int open(const char *path, int flags, ...)
{
    if (strcmp(path, "/dev/urandom") && strcmp(path, "/dev/random"))
        return fail(ENOENT);
    if ((flags & O_ACCMODE) != O_RDONLY)
        return fail(EACCES);
    return RANDOM;
}

int close(int fd)
{
    return fd >= INPUT && fd <= RANDOM ? 0 : fail(EBADF);
}

/* Cancelling the fiber has the effect of a signal: EINTR. */
static _READ_WRITE_RETURN_TYPE read_input(void *data, size_t len)
{
    size_t got;

    if (len == 0)
        return 0;
    switch (platform_input(data, len, &got)) {
    case OK: return got;
    case ERR_EOF: return 0;
    case ERR_CANCELLED: return fail(EINTR);
    default: return fail(EIO);
    }
}

_READ_WRITE_RETURN_TYPE read(int fd, void *data, size_t len)
{
    if (fd == INPUT)
        return read_input(data, len);
    if (fd != RANDOM)
        return fail(EBADF);
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < 256 ? len - at : 256;
        platform_entropy((char *)data + at, n);
    }
    return len;
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t len)
{
    if (fd == OUTPUT)
        platform_answer(data, len);
    else if (fd == ERRORS)
        platform_put(data, len);
    else
        return fail(EBADF);
    return len;
}

off_t lseek(int fd, off_t to, int from)
{
    (void)to;
    (void)from;
    return fail(fd >= INPUT && fd <= RANDOM ? ESPIPE : EBADF);
}

int isatty(int fd)
{
    return (fd >= INPUT && fd <= ERRORS) || fail(ENOTTY) == 0;
}

int fstat(int fd, struct stat *about)
{
    if (fd < INPUT || fd > RANDOM)
        return fail(EBADF);
    memset(about, 0, sizeof *about);
    about->st_mode = S_IFCHR;
    about->st_blksize = 1024; /* the size of stdio's buffers */
    return 0;
}

int fcntl(int fd, int command, ...)
{
    return fail(fd >= INPUT && fd <= RANDOM && command != F_GETFD ? EINVAL
                                                                  : EBADF);
}

int stat(const char *path, struct stat *about)
{
    (void)path;
    (void)about;
    return fail(ENOENT);
}

int unlink(const char *path)
{
    (void)path;
    return fail(ENOENT);
}

int link(const char *path, const char *other)
{
    (void)path;
    (void)other;
    return fail(ENOENT);
}

int mkdir(const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return fail(EROFS);
}
