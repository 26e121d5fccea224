/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "host.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The programs of the host leave their memory to the end of the process. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static void want(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

static char *whole(FILE *file)
{
    char *text = NULL;
    size_t size = 0;

    rewind(file);
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

struct ended ended_begin(void)
{
    FILE *out = tmpfile(), *err = tmpfile();
    struct ended e = {.files = {out, err}};

    want(out && err, "tmpfile");
    fflush(NULL);
    e.pid = fork();
    want(e.pid >= 0, "fork");
    if (e.pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        e.is_child = true;
    }
    return e;
}

void ended_child(void)
{
    exit(0);
}

void ended_wait(struct ended *e)
{
    int status;

    want(waitpid(e->pid, &status, 0) == e->pid, "waitpid");
    e->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                    : WEXITSTATUS(status);
    e->out = whole(e->files[0]);
    e->err = whole(e->files[1]);
}

static char *folder;
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void leave_folder(void)
{
    if (getpid() != owner || !folder)
        return;
    want(chdir("/") == 0, "/");
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    folder = NULL;
}

void enter_new_folder(void)
{
    const char *in = getenv("TMPDIR");

    if (owner == 0)
        atexit(leave_folder);
    owner = getpid();
    leave_folder();
    want(asprintf(&folder, "%s/test-XXXXXX", in ? in : "/tmp") > 0, "memory");
    want(mkdtemp(folder) && chdir(folder) == 0, folder);
}

void write_text_file(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");

    want(out && fputs(text, out) >= 0 && fclose(out) == 0, name);
}

const char *text_file(const char *name)
{
    FILE *in = fopen(name, "r");

    return in ? whole(in) : NULL;
}

int main(void)
{
    int counts[2] = {0};

    run_tests(counts);
    printf("%d passed, %d failed\n", counts[0], counts[1]);
    return counts[1] > 0;
}
