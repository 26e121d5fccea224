/* SPDX-License-Identifier: ISC */
/*
 * The files of a host's folder as keys and values, and nothing outside of it:
 * symbolic links are followed while they stay inside.
 *
 * Linux's openat2 sees to that. Where it is missing, or a sandbox forbids it,
 * we walk by ourselves: each part of the path is opened without following a
 * link. What a link says takes its part's place, and ".." takes away the part
 * before it, in the text of the path alone; so whatever others move about
 * meanwhile, the walk only ever goes down.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mirage/drivers.h>
#include <mirage/log.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif
#ifndef O_PATH
#define O_PATH O_RDONLY /* it then wants more than the right to pass */
#endif

#define MOST_TURNS 100 /* of a walk, at links and at ".." */
#define TO_READ    (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define TO_PASS    (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define ONE_READ   ((size_t)1 << 20) /* bytes; then the others have a turn */
#define ONE_LOOK   64 /* entries of a directory, likewise */
#define AGAIN      (-2)

LOG_SOURCE(kv_ro);

struct direct {
    struct kv_ro kv; /* first */
    int folder; /* open */
    bool walks; /* there is no openat2 */
    char *name; /* of the folder, for the log */
};

static struct direct *direct_of(struct kv_ro *kv)
{
    return (struct direct *)kv;
}

/*
 * Puts text in the place of path's part from `from` to `to`: AGAIN. If the path
 * would be too long: -1, with errno.
 */
static int replace(char *path, size_t from, size_t to, const char *text)
{
    size_t len = strlen(text), tail = strlen(path + to) + 1;

    if (from + len + tail > PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memmove(path + from + len, path + to, tail);
    memcpy(path + from, text, len);
    return AGAIN;
}

/* Takes away the part "..", from `from` to `to`, and the one before it. */
static int climb(char *path, size_t from, size_t to)
{
    if (from == 0) {
        errno = EXDEV;
        return -1;
    }
    for (from--; from > 0 && path[from - 1] != '/'; from--)
        ;
    return replace(path, from, to, ".");
}

/* Path's part cannot be opened, errno says why: perhaps since it is a link. */
static int follow(int folder, char *path, size_t from, size_t to,
                  const char *part)
{
    char link[PATH_MAX];
    int error = errno;
    ssize_t len = readlinkat(folder, part, link, sizeof link - 1);

    if (len <= 0) {
        errno = error;
        return -1;
    }
    link[len] = '\0';
    if (link[0] == '/') {
        errno = EXDEV;
        return -1;
    }
    return replace(path, from, to, link);
}

/* Keeps errno. */
static void close_but(int fd, int folder)
{
    int error = errno;

    if (fd != folder)
        close(fd);
    errno = error;
}

/*
 * Opens path below folder if no part of it is a link or "..". If one is, it is
 * replaced in path, and the result AGAIN. -1, with errno: it cannot be opened.
 */
static int walk_once(int folder, char *path)
{
    size_t from = 0, to;
    int at = folder, next;
    bool is_last;

    do {
        char part[NAME_MAX + 1];

        to = from + strcspn(path + from, "/");
        is_last = path[to] == '\0';
        if (to - from > NAME_MAX) {
            errno = ENAMETOOLONG;
            next = -1;
            break;
        }
        memcpy(part, path + from, to - from);
        part[to - from] = '\0';
        if (!is_last && (strcmp(part, "") == 0 || strcmp(part, ".") == 0)) {
            replace(path, from, to + 1, "");
            continue;
        }
        if (strcmp(part, "..") == 0) {
            next = climb(path, from, to);
            break;
        }
        next = openat(at, *part ? part : ".",
                      O_NOFOLLOW | (is_last ? TO_READ : TO_PASS));
        if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
            next = follow(at, path, from, to, part);
        if (next < 0)
            break;
        close_but(at, folder);
        at = next;
        from = to + 1;
    } while (!is_last);
    if (next != at)
        close_but(at, folder);
    return next;
}

static int walk(int folder, const char *key)
{
    char path[PATH_MAX];

    strcpy(path, key); /* KV_RO_KEY bytes at most, a quarter of it */
    for (int i = 0; i < MOST_TURNS; i++) {
        int fd = walk_once(folder, path);

        if (fd != AGAIN)
            return fd;
    }
    errno = ELOOP;
    return -1;
}

#ifdef __linux__
static int open_beneath(int folder, const char *path)
{
    struct open_how how = {
        .flags = TO_READ,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -1;

    /* EAGAIN: somebody renamed something, and the kernel cannot be sure. */
    for (int i = 0; i < MOST_TURNS; i++) {
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd;
}
#else
static int open_beneath(int folder, const char *path)
{
    (void)folder, (void)path;
    errno = ENOSYS;
    return -1;
}
#endif

/* Opens a file or a directory; "" is the folder. -1, with errno. */
static int open_key(struct direct *d, const char *key)
{
    int fd;

    if (!*key)
        key = ".";
    if (d->walks)
        return walk(d->folder, key);
    fd = open_beneath(d->folder, key);
    if (fd >= 0 || errno != ENOSYS)
        return fd;
    d->walks = true; /* a sandbox has been entered since */
    return walk(d->folder, key);
}

/* Is it just not there, or did the host fail? */
static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP ||
           error == EXDEV || error == ENAMETOOLONG || error == ENXIO ||
           error == ENODEV;
}

/* Logs that the host failed. A key may be a stranger's, of a request, say. */
static void tell_failure(const struct direct *d, const char *key)
{
    int error = errno;
    char quoted[300];

    text_quote(quoted, sizeof quoted, key, strlen(key));
    log_error(&kv_ro, "%s/%s: %s", d->name, quoted, strerror(error));
}

/* The status for errno; what a program cannot mend is logged. */
static enum status failed(const struct direct *d, const char *key)
{
    if (is_absence(errno))
        return ERR_NOT_FOUND;
    tell_failure(d, key);
    return ERR_IO;
}

/* Opens what has this mode; all else is not there. */
static enum status open_as(struct direct *d, const char *key, mode_t mode,
                           int *fd, struct stat *st)
{
    enum status s;

    *fd = open_key(d, key);
    if (*fd < 0)
        return failed(d, key);
    if (fstat(*fd, st) != 0)
        s = failed(d, key);
    else if ((st->st_mode & S_IFMT) != mode)
        s = ERR_NOT_FOUND;
    else
        return OK;
    close(*fd);
    return s;
}

static enum status direct_size(struct kv_ro *kv, const char *key,
                               uint64_t *size)
{
    int fd;
    struct stat st;
    enum status s = open_as(direct_of(kv), key, S_IFREG, &fd, &st);

    if (s)
        return s;
    *size = (uint64_t)st.st_size;
    close(fd);
    return OK;
}

/* 0, which is unknown, stands for all before 1970, too. */
static nanoseconds since_1970(struct timespec t)
{
    return t.tv_sec < 0 ? 0
                        : (nanoseconds)t.tv_sec * SECOND +
                              (nanoseconds)t.tv_nsec;
}

static enum status direct_modified(struct kv_ro *kv, const char *key,
                                   nanoseconds *modified)
{
    int fd;
    struct stat st;
    enum status s = open_as(direct_of(kv), key, S_IFREG, &fd, &st);

    if (s)
        return s;
    *modified = since_1970(st.st_mtim);
    close(fd);
    return OK;
}

/* A short read is no end: only one of nothing is. */
static enum status read_at(int fd, uint64_t offset, char *data, size_t len,
                           size_t *got)
{
    while (*got < len) {
        size_t most = len - *got < ONE_READ ? len - *got : ONE_READ;
        ssize_t n = pread(fd, data + *got, most, (off_t)(offset + *got));

        enum status s;

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        *got += n > 0 ? (size_t)n : 0;
        if (*got < len && (s = fiber_yield()) != OK)
            return s;
    }
    return OK;
}

static enum status direct_read(struct kv_ro *kv, const char *key,
                               uint64_t offset, void *data, size_t len,
                               size_t *got)
{
    struct direct *d = direct_of(kv);
    int fd;
    struct stat st;
    enum status s = open_as(d, key, S_IFREG, &fd, &st);

    if (s)
        return s;
    *got = 0;
    if (offset < (uint64_t)st.st_size)
        s = read_at(fd, offset, data, len, got);
    if (s == ERR_IO)
        tell_failure(d, key);
    close(fd);
    return s;
}

/* Is the entry of a directory a key, or the beginning of some? */
static bool look_at(struct direct *d, const char *directory,
                    const struct dirent *e, bool *is_directory)
{
    char key[KV_RO_KEY + 1];
    size_t len = strlen(directory), name = strlen(e->d_name);
    struct stat st;
    int fd;
    bool good;

    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
        len + (len > 0) + name > KV_RO_KEY)
        return false;
    *is_directory = e->d_type == DT_DIR;
    if (e->d_type == DT_DIR || e->d_type == DT_REG)
        return true;
    if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
        return false;
    memcpy(key, directory, len);
    if (len > 0)
        key[len++] = '/';
    memcpy(key + len, e->d_name, name + 1);
    fd = open_key(d, key);
    if (fd < 0)
        return false;
    good = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    *is_directory = good && S_ISDIR(st.st_mode);
    close(fd);
    return good;
}

static enum status list(struct direct *d, const char *directory, DIR *dir,
                        kv_ro_entry *fn, void *ctx)
{
    const struct dirent *e;
    bool is_directory;
    enum status s;

    for (unsigned n = 1; errno = 0, (e = readdir(dir)) != NULL; n++) {
        if (look_at(d, directory, e, &is_directory) &&
            !fn(ctx, e->d_name, is_directory))
            return OK;
        if (n % ONE_LOOK == 0 && (s = fiber_yield()) != OK)
            return s;
    }
    return errno ? failed(d, directory) : OK;
}

static enum status direct_list(struct kv_ro *kv, const char *directory,
                               kv_ro_entry *fn, void *ctx)
{
    struct direct *d = direct_of(kv);
    int fd;
    struct stat st;
    enum status s = open_as(d, directory, S_IFDIR, &fd, &st);
    DIR *dir;

    if (s)
        return s;
    dir = fdopendir(fd);
    if (!dir) {
        s = failed(d, directory);
        close(fd);
        return s;
    }
    s = list(d, directory, dir, fn, ctx);
    closedir(dir);
    return s;
}

static void direct_disconnect(struct kv_ro *kv)
{
    struct direct *d = direct_of(kv);

    close(d->folder);
    free(d->name);
    free(d);
}

static const struct kv_ro_ops direct_ops = {
    .size = direct_size,
    .modified = direct_modified,
    .read = direct_read,
    .list = direct_list,
    .disconnect = direct_disconnect,
};

static bool has_openat2(int folder)
{
    int fd = open_beneath(folder, ".");

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static enum status refuse(const char *dir)
{
    int error = errno;

    log_error(&kv_ro, "the folder %s: %s", dir, strerror(error));
    return error == ENOENT    ? ERR_NOT_FOUND
           : error == ENOTDIR ? ERR_NOT_DIRECTORY
           : error == EACCES  ? ERR_PERMISSION
                              : ERR_IO;
}

enum status kv_ro_unix_connect(const char *dir, struct kv_ro **kv)
{
    struct direct *d = malloc(sizeof *d);
    char *name = strdup(dir);

    if (!d || !name) {
        free(d);
        free(name);
        return ERR_NO_MEMORY;
    }
    *d = (struct direct){.kv = {&direct_ops}, .name = name};
    d->folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->folder < 0) {
        enum status s = refuse(dir);

        free(d);
        free(name);
        return s;
    }
    d->walks = !has_openat2(d->folder);
    log_info(&kv_ro, "%s: kept inside by %s", dir,
             d->walks ? "a walk of our own" : "openat2");
    *kv = &d->kv;
    return OK;
}
