/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "crunch_folder.h"
#include "draft.h"
#include "facts.h"
#include "record.h"
#include "say.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mirage/kv_ro.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

/* The folders from the present one up: a link to one of them is a loop. */
struct above {
    dev_t device;
    ino_t number;
    const struct above *above;
};

static void (*when_wrong)(void); /* crunch_when_wrong; NULL: print a message */

void crunch_when_wrong(void (*fn)(void))
{
    when_wrong = fn;
}

#define WRONG(...) (when_wrong ? when_wrong() : die(FAILED, __VA_ARGS__))

static void add_file(struct folder *f, const char *key, const char *path,
                     const struct stat *st)
{
    if (f->count == f->room) {
        f->room = f->room ? 2 * f->room : 64;
        f->file = realloc(f->file, f->room * sizeof *f->file);
        if (!f->file)
            die(FAILED, "out of memory");
    }
    f->file[f->count++] = (struct file){
        .key = text_of("%s", key),
        .path = text_of("%s", path),
        .size = (uint64_t)st->st_size,
        .changed = st->st_mtim,
    };
    f->size += (uint64_t)st->st_size;
}

static void enter(struct folder *f, const char *path, const char *key,
                  const struct stat *st, const struct above *above);

#ifdef SYS_openat2
/* Opens a file without leaving the folder. -1, with errno. */
static int open_beneath(int folder, const char *key)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, folder, key, &how, sizeof how);
}
#else
static int open_beneath(int folder, const char *key)
{
    (void)folder, (void)key;
    errno = ENOSYS;
    return -1;
}
#endif

/* Does the same by resolved names, for systems without openat2. */
static bool is_named_beneath(const char *folder, const char *path)
{
    char text[PATH_MAX];
    char *top = realpath(folder, NULL), *end = realpath(path, NULL);
    size_t len = top ? strlen(top) : 0;
    bool is = top && end && strncmp(end, top, len) == 0 && end[len] == '/' &&
              readlink(path, text, sizeof text) > 0 && text[0] != '/';

    free(top);
    free(end);
    return is;
}

/* Whether a link stays in the folder, by the rules of direct_kv_ro: it may not
 * be absolute, nor pass through a place outside. */
static bool stays_inside(const struct folder *f, const char *path,
                         const char *key)
{
    int fd = open_beneath(f->fd, key);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    return (errno == ENOSYS || errno == EPERM || errno == EACCES) &&
           is_named_beneath(f->name, path);
}

/* Refuses a link out of the folder: the image would get other files of the
 * host.
 */
static void check_link(const struct folder *f, const char *path,
                       const char *key)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
        !stays_inside(f, path, key))
        WRONG("%s is a link that leads out of the folder %s. Copy into it what "
              "the image needs.",
              path, f->name);
}

/* Adds a file, or the files of a folder. */
static void add_entry(struct folder *f, const char *path, const char *key,
                      const struct above *above)
{
    struct stat st;

    if (strlen(key) > KV_RO_KEY)
        WRONG("%s: too long a name for a key, which has at most %d bytes",
              path, KV_RO_KEY);
    if (stat(path, &st) != 0)
        WRONG("cannot read %s: %s", path, strerror(errno));
    if (S_ISREG(st.st_mode)) {
        check_link(f, path, key);
        add_file(f, key, path, &st);
    } else if (S_ISDIR(st.st_mode)) {
        enter(f, path, key, &st, above);
    } else {
        WRONG("%s is neither a file nor a folder", path);
    }
}

static void scan_entries(struct folder *f, const char *path, const char *key,
                         const struct above *above)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    if (!dir)
        WRONG("cannot read the folder %s: %s", path, strerror(errno));
    while (errno = 0, (e = readdir(dir)) != NULL) {
        char *below, *name;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        below = text_of("%s/%s", path, e->d_name);
        name = text_of("%s%s%s", key, *key ? "/" : "", e->d_name);
        add_entry(f, below, name, above);
        free(below);
        free(name);
    }
    if (errno)
        WRONG("cannot read the folder %s: %s", path, strerror(errno));
    closedir(dir);
}

/* Adds the files of a folder. Refuses the present one, since the files that are
 * built in it would be put into themselves. */
static void enter(struct folder *f, const char *path, const char *key,
                  const struct stat *st, const struct above *above)
{
    struct stat here;

    if (stat(".", &here) == 0 && here.st_dev == st->st_dev &&
        here.st_ino == st->st_ino)
        WRONG("%s is where the image is built: what is crunched lies in a "
              "folder of its own",
              path);
    for (const struct above *a = above; a; a = a->above)
        if (a->device == st->st_dev && a->number == st->st_ino)
            WRONG("%s is a link to a folder that it lies in", path);
    if (*key)
        check_link(f, path, key);
    scan_entries(f, path, key, &(struct above){st->st_dev, st->st_ino, above});
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->key, ((const struct file *)b)->key);
}

/* The SOURCE_DATE_EPOCH that the image was configured with; 0: none. */
static unsigned long long recorded_date(void)
{
    const struct record *r = read_record();

    for (size_t i = 0; r && i < r->variable_count; i++)
        if (strcmp(r->variable[i].name, SOURCE_DATE) == 0 &&
            r->variable[i].value)
            return strtoull(r->variable[i].value, NULL, 10);
    return 0;
}

struct folder scan_folder(const char *name)
{
    struct folder f = {
        .name = name,
        .looked = file_time(),
        .date = recorded_date(),
    };
    struct stat st;

    f.fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f.fd < 0 || fstat(f.fd, &st) != 0)
        WRONG("cannot read the folder %s: %s", name, strerror(errno));
    enter(&f, name, "", &st, NULL);
    close(f.fd);
    if (f.count > 0)
        qsort(f.file, f.count, sizeof *f.file, by_key);
    return f;
}
