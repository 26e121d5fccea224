/* SPDX-License-Identifier: ISC */
/* Drafts are in .mirage; the lock is flock(2) on .mirage/lock. */
#define _GNU_SOURCE
#include "draft.h"
#include "say.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN  ".mirage"
#define LOCK ".mirage/lock"

static int lock = -1;
static bool is_registered;

bool has_own_folder(void)
{
    struct stat st;

    return lstat(OWN, &st) == 0 && S_ISDIR(st.st_mode);
}

static void create_own_folder(void)
{
    if (mkdir(OWN, 0777) != 0 && errno != EEXIST)
        die(FAILED, "cannot write into this folder: %s. Nothing was changed.",
            strerror(errno));
    if (is_there(OWN) && !has_own_folder())
        die(FAILED, OWN " is no folder of this one's own: it is a link or a "
                        "file. Nothing was changed; remove it.");
}

/* Blocks until this process has the lock on that file. */
static void wait_for_lock(int fd)
{
    for (int i = 0; i < 100; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return; /* locked, or the file system has no locks */
        usleep(10000);
    }
    say("another mirage is at work in this folder: waiting for it");
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        ;
}

/* Is fd still the file of that name? The owner of the lock removes it. */
static bool is_same_file(int fd, const char *name)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && lstat(name, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void lock_folder(void)
{
    while (lock < 0) {
        create_own_folder();
        lock = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (lock < 0 && errno == ENOENT)
            continue; /* its last owner has removed .mirage */
        if (lock < 0)
            die(FAILED, "cannot write " LOCK ": %s. Nothing was changed.",
                strerror(errno));
        wait_for_lock(lock);
        if (is_same_file(lock, LOCK))
            break;
        close(lock);
        lock = -1;
    }
    if (!is_registered)
        atexit(unlock_folder);
    is_registered = true;
}

void unlock_folder(void)
{
    if (lock < 0)
        return;
    unlink(LOCK);
    rmdir(OWN);
    close(lock);
    lock = -1;
}

/* main.c has .mirage/main.c.draft, .mirage/record has .mirage/record.draft. */
static char *draft_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return text_of(OWN "/%s.draft", slash ? slash + 1 : name);
}

FILE *open_draft(const char *name)
{
    char *draft = draft_of(name);
    int fd;
    FILE *out;

    unlink(draft);
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0666);
    free(draft);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out && fd >= 0)
        close(fd);
    return out;
}

bool close_draft(FILE *draft, const char *name)
{
    bool failed = ferror(draft);
    int error;

    if (fclose(draft) == 0 && !failed)
        return true;
    error = errno;
    remove_draft(name);
    errno = error;
    return false;
}

bool rename_draft(const char *name, const char *place)
{
    char *draft = draft_of(name);
    bool good = rename(draft, place) == 0;

    free(draft);
    return good;
}

void remove_draft(const char *name)
{
    char *draft = draft_of(name);

    unlink(draft);
    free(draft);
}

FILE *begin_file(const char *name)
{
    FILE *draft = open_draft(name);

    if (!draft)
        die(FAILED, "cannot write %s: %s", name, strerror(errno));
    return draft;
}

void finish_file(FILE *draft, const char *name)
{
    if (!close_draft(draft, name) || !rename_draft(name, name))
        die(FAILED, "cannot write %s: %s", name, strerror(errno));
}

void finish_file_at(FILE *draft, const char *name, struct timespec when)
{
    if (fflush(draft) != 0 ||
        futimens(fileno(draft), (struct timespec[]){when, when}) != 0)
        die(FAILED, "cannot write %s: %s", name, strerror(errno));
    finish_file(draft, name);
}

struct timespec file_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

bool is_there(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

bool is_regular(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0 && S_ISREG(st.st_mode);
}
