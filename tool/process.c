/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "process.h"
#include "say.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void add_word(struct words *w, const char *word)
{
    if (w->count + 1 >= sizeof w->word / sizeof w->word[0])
        die(FAILED, "too many words on a command line");
    w->word[w->count++] = text_of("%s", word);
    w->word[w->count] = NULL;
}

void add_words(struct words *w, const char *text)
{
    char *copy = text_of("%s", text), *rest = copy, *word;

    while ((word = strsep(&rest, " \t\n")) != NULL)
        if (*word)
            add_word(w, word);
}

static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static long milliseconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads all that comes until the end, or until the time is up: false. */
static bool collect(int fd, struct outcome *o, int limit)
{
    long   end = milliseconds() + limit * 1000L;
    FILE  *out = open_memstream(&o->text, &o->len);
    char   piece[4096];
    bool   in_time = true;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long          left = end - milliseconds();
        ssize_t       n;

        if (limit && (left <= 0 || poll(&p, 1, (int)left) == 0)) {
            in_time = false;
            break;
        }
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        fwrite(piece, 1, (size_t)n, out);
    }
    fclose(out);
    return in_time;
}

/* False: its time is up. */
static bool wait_for(pid_t child, int *status, long end)
{
    for (;;) {
        pid_t done = waitpid(child, status, end ? WNOHANG : 0);

        if (done == child)
            return true;
        if (done < 0 && errno != EINTR)
            die(FAILED, "waitpid: %s", strerror(errno));
        if (end && milliseconds() >= end)
            return false;
        if (end)
            usleep(2000);
    }
}

struct outcome run(const struct words *w, int captured, int limit)
{
    struct outcome o = {0};
    int            ends[2] = {-1, -1}, status = 0;
    long           end = limit ? milliseconds() + limit * 1000L : 0;
    pid_t          child;

    if (captured >= 0 && pipe2(ends, O_CLOEXEC) != 0)
        die(FAILED, "pipe: %s", strerror(errno));
    fflush(NULL);
    child = fork();
    if (child < 0)
        die(FAILED, "fork: %s", strerror(errno));
    if (child == 0) {
        if (limit)
            setpgid(0, 0);
        if (captured >= 0)
            dup2(ends[1], captured);
        execvp(w->word[0], w->word);
        _exit(127);
    }
    if (captured >= 0) {
        close(ends[1]);
        o.timed_out = !collect(ends[0], &o, limit);
        close(ends[0]);
    }
    if (!o.timed_out)
        o.timed_out = !wait_for(child, &status, end);
    if (limit)
        kill(-child, SIGKILL); /* and whatever it has left behind */
    if (o.timed_out)
        wait_for(child, &status, 0);
    o.status = shell_status(status);
    return o;
}

void become(const struct words *w)
{
    fflush(NULL);
    execvp(w->word[0], w->word);
    die(FAILED, "cannot run %s: %s", w->word[0], strerror(errno));
}
