/* SPDX-License-Identifier: ISC */
/*
 * The files of a host's directory as keys and values. Nothing outside of it can
 * be reached: symbolic links are followed only inside, by Linux's openat2.
 * Without openat2 each part of a path is opened without following links; links
 * and ".." are resolved in the text of the path, which is walked again from the
 * top. So the walk only goes down, whatever other processes rename meanwhile.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mirage/drivers.h>
#include <mirage/log.h>
#include <mirage/macros.h>
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
#define O_PATH O_RDONLY /* needs permission to read, too */
#endif

#define MOST_STEPS 100 /* of links and ".." in one walk */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define READ_CHUNK ((size_t)1 << 20) /* bytes between two yields */
#define LIST_CHUNK 64 /* entries between two yields */
#define AGAIN      (-2)

LOG_SOURCE(kv_ro);

struct direct {
    struct kv_ro kv;
    int folder; /* open */
    bool walks; /* without openat2 */
    char *name; /* of the folder, for the log */
};

static struct direct *store_of(struct kv_ro *kv)
{
    return containing(kv, struct direct, kv);
}

/*
 * Replaces bytes [from, to) of the path by text, and returns AGAIN. -1, with
 * errno: the path would be too long.
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

/* Removes the part ".." at [from, to), and the one before it. */
static int replace_dotdot(char *path, size_t from, size_t to)
{
    if (from == 0) {
        errno = EXDEV;
        return -1;
    }
    for (from--; from > 0 && path[from - 1] != '/'; from--)
        ;
    return replace(path, from, to, ".");
}

/* Replaces a part that could not be opened by the text of the link that it is.
 * -1, with errno as before: it is not a link. */
static int replace_link(int folder, char *path, size_t from, size_t to,
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

/* Closes fd, unless it is folder. Keeps errno. */
static void close_unless(int fd, int folder)
{
    int error = errno;

    if (fd != folder)
        close(fd);
    errno = error;
}

/*
 * Opens path below folder. If a part of it is a link or "..", replaces it in
 * path, and returns AGAIN. -1, with errno: the file cannot be opened.
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
            next = replace_dotdot(path, from, to);
            break;
        }
        next = openat(at, *part ? part : ".",
                      O_NOFOLLOW | (is_last ? READ_FLAGS : PATH_FLAGS));
        if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
            next = replace_link(at, path, from, to, part);
        if (next < 0)
            break;
        close_unless(at, folder);
        at = next;
        from = to + 1;
    } while (!is_last);
    if (next != at)
        close_unless(at, folder);
    return next;
}

static int walk(int folder, const char *key)
{
    char path[PATH_MAX];

    strcpy(path, key); /* KV_RO_KEY bytes at most, a quarter of it */
    for (int i = 0; i < MOST_STEPS; i++) {
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
        .flags = READ_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -1;

    /* EAGAIN: a directory was renamed meanwhile, so the kernel cannot tell
     * whether the path stays inside. */
    for (int i = 0; i < MOST_STEPS; i++) {
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
    d->walks = true; /* the image has entered a sandbox */
    return walk(d->folder, key);
}

/* Whether the error means that there is no such key. */
static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP ||
           error == EXDEV || error == ENAMETOOLONG || error == ENXIO ||
           error == ENODEV;
}

/* Logs errno. The key is quoted, since it may come from a request. */
static void log_failure(const struct direct *d, const char *key)
{
    int error = errno;
    char quoted[300];

    text_quote(quoted, sizeof quoted, key, strlen(key));
    log_error(&kv_ro, "%s/%s: %s", d->name, quoted, strerror(error));
}

/* The status for errno. Logs errors of the host. */
static enum status log_status(const struct direct *d, const char *key)
{
    if (is_absence(errno))
        return ERR_NOT_FOUND;
    log_failure(d, key);
    return ERR_IO;
}

/* Opens the key if it has the mode, of a file or a directory; otherwise it is
 * not found. */
static enum status open_as(struct direct *d, const char *key, mode_t mode,
                           int *fd, struct stat *st)
{
    enum status s;

    *fd = open_key(d, key);
    if (*fd < 0)
        return log_status(d, key);
    if (fstat(*fd, st) != 0)
        s = log_status(d, key);
    else if ((st->st_mode & S_IFMT) != mode)
        s = ERR_NOT_FOUND;
    else
        return OK;
    close(*fd);
    return s;
}

static enum status stat_key(struct kv_ro *kv, const char *key, struct stat *st)
{
    int fd;
    enum status s = open_as(store_of(kv), key, S_IFREG, &fd, st);

    if (s == OK)
        close(fd);
    return s;
}

static enum status direct_size(struct kv_ro *kv, const char *key,
                               uint64_t *size)
{
    struct stat st;
    enum status s = stat_key(kv, key, &st);

    if (s == OK)
        *size = (uint64_t)st.st_size;
    return s;
}

/* A time before 1970 is 0, which means unknown. */
static nanoseconds since_1970(struct timespec t)
{
    return t.tv_sec < 0 ? 0
                        : (nanoseconds)t.tv_sec * SECOND +
                              (nanoseconds)t.tv_nsec;
}

static enum status direct_modified(struct kv_ro *kv, const char *key,
                                   nanoseconds *modified)
{
    struct stat st;
    enum status s = stat_key(kv, key, &st);

    if (s == OK)
        *modified = since_1970(st.st_mtim);
    return s;
}

/* Only a read of 0 bytes is the end of the file. */
static enum status read_at(int fd, uint64_t offset, char *data, size_t len,
                           size_t *got)
{
    while (*got < len) {
        size_t most = min(len - *got, READ_CHUNK);
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
    struct direct *d = store_of(kv);
    int fd;
    struct stat st;
    enum status s = open_as(d, key, S_IFREG, &fd, &st);

    if (s)
        return s;
    *got = 0;
    if (offset < (uint64_t)st.st_size)
        s = read_at(fd, offset, data, len, got);
    if (s == ERR_IO)
        log_failure(d, key);
    close(fd);
    return s;
}

/* Whether the entry of a directory is a key, or a directory of keys. */
static bool describe_entry(struct direct *d, const char *directory,
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
        if (describe_entry(d, directory, e, &is_directory) &&
            !fn(ctx, e->d_name, is_directory))
            return OK;
        if (n % LIST_CHUNK == 0 && (s = fiber_yield()) != OK)
            return s;
    }
    return errno ? log_status(d, directory) : OK;
}

static enum status direct_list(struct kv_ro *kv, const char *directory,
                               kv_ro_entry *fn, void *ctx)
{
    struct direct *d = store_of(kv);
    int fd;
    struct stat st;
    enum status s = open_as(d, directory, S_IFDIR, &fd, &st);
    DIR *dir;

    if (s)
        return s;
    dir = fdopendir(fd);
    if (!dir) {
        s = log_status(d, directory);
        close(fd);
        return s;
    }
    s = list(d, directory, dir, fn, ctx);
    closedir(dir);
    return s;
}

static void direct_disconnect(struct kv_ro *kv)
{
    struct direct *d = store_of(kv);

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
