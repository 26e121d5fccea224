/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "process.h"
#include "quote.h"
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
    if (w->count + 1 >= w->size) {
        w->size = 2 * w->size + 16;
        w->word = realloc(w->word, w->size * sizeof *w->word);
        if (!w->word)
            die(FAILED, "out of memory");
    }
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

/* A child process. */
struct child {
    pid_t pid;
    bool ended;
    int status;
    bool leads; /* a process group of its own */
    long deadline; /* 0: none */
};

static volatile sig_atomic_t
    stopped_by; /* the signal that asked us to end; 0: none */
static volatile pid_t passed_to; /* the argument of kill(); 0: no child */

static void on_stop(int number)
{
    stopped_by = number;
    if (passed_to)
        kill(passed_to, number);
}

static void catch_stops(void)
{
    struct sigaction stop = {.sa_handler = on_stop}, old;

    for (const int *s = (int[]){SIGINT, SIGTERM, SIGHUP, 0}; *s; s++)
        if (sigaction(*s, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(*s, &stop, NULL);
}

static bool is_late(const struct child *c)
{
    return (c->deadline && milliseconds() >= c->deadline) ||
           (c->leads && stopped_by);
}

static void reap(struct child *c, int options)
{
    while (!c->ended) {
        pid_t done = waitpid(c->pid, &c->status, options);

        if (done == 0)
            return;
        if (done == c->pid)
            c->ended = true;
        else if (errno != EINTR)
            die(FAILED, "waitpid: %s", strerror(errno));
    }
}

/*
 * Reads a pipe until its end, or until the child has ended and nothing is left
 * to read: processes that it has started may keep the pipe open.
 */
static void collect(struct child *c, int fd, struct outcome *o)
{
    FILE *out = open_memstream(&o->text, &o->len);
    char piece[4096];

    while (!is_late(c)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (poll(&p, 1, c->ended ? 0 : 20) <= 0) {
            if (c->ended)
                break;
            reap(c, WNOHANG);
            continue;
        }
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        fwrite(piece, 1, (size_t)n, out);
    }
    fclose(out);
}

/* Makes `to` a copy of `from` that stays open across exec. */
static void dup_to(int from, int to)
{
    if (from == to)
        fcntl(from, F_SETFD, 0);
    else
        dup2(from, to);
}

/* Searches PATH for a name without a slash, like a shell. Unlike execvp, this
 * does not run a file that is not executable as a shell script. */
static void replace_by(const struct words *w)
{
    if (strchr(w->word[0], '/'))
        execv(w->word[0], w->word);
    else
        execvp(w->word[0], w->word);
}

/* Moves fd above the descriptors that programs use. */
static int move_high(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 64);

    if (copy < 0)
        die(FAILED, "cannot copy a file descriptor: %s", strerror(errno));
    close(fd);
    return copy;
}

/* Starts the child. Returns 0, or errno if exec fails: the child writes it to a
 * pipe that exec closes. */
static int start(struct child *c, const struct words *w, int captured, int to)
{
    int ends[2], error = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        die(FAILED, "pipe: %s", strerror(errno));
    ends[1] = move_high(ends[1]);
    fflush(NULL);
    c->pid = fork();
    if (c->pid < 0)
        die(FAILED, "fork: %s", strerror(errno));
    if (c->leads)
        setpgid(c->pid, 0);
    passed_to = c->leads ? -c->pid : c->pid;
    if (c->pid > 0) {
        close(ends[1]);
        while (read(ends[0], &error, sizeof error) < 0 && errno == EINTR)
            ;
        close(ends[0]);
        return error;
    }
    if (c->leads)
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    if (w->in_english)
        setenv("LC_ALL", "C", 1);
    if (captured >= 0)
        dup_to(to, captured);
    if (w->quiet)
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    replace_by(w);
    error = errno;
    if (write(ends[1], &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

struct outcome run(const struct words *w, int captured, int limit)
{
    struct outcome o = {0};
    struct child c = {.leads = limit > 0};
    int ends[2] = {-1, -1};

    if (captured >= 0 && pipe2(ends, O_CLOEXEC) != 0)
        die(FAILED, "pipe: %s", strerror(errno));
    c.deadline = limit ? milliseconds() + limit * 1000L : 0;
    catch_stops();
    o.error = start(&c, w, captured, ends[1]);
    if (captured >= 0) {
        close(ends[1]);
        collect(&c, ends[0], &o);
        close(ends[0]);
    }
    while (!c.ended && !is_late(&c)) {
        reap(&c, limit ? WNOHANG : 0);
        if (!c.ended)
            usleep(1000);
    }
    o.timed_out = !c.ended;
    if (c.leads)
        kill(-c.pid, SIGKILL); /* and all processes of its group */
    reap(&c, 0);
    passed_to = 0;
    if (stopped_by)
        exit(128 + stopped_by);
    o.status = shell_status(c.status);
    return o;
}

void want_started(const struct words *w, const struct outcome *o)
{
    if (o->error)
        die(FAILED, "cannot run %s: %s", w->word[0], strerror(o->error));
}

void become(const struct words *w)
{
    fflush(NULL);
    replace_by(w);
    die(FAILED, "cannot run %s: %s", w->word[0], strerror(errno));
}

void print_command(const struct words *w)
{
    fputc('+', stderr);
    for (size_t i = 0; i < w->count; i++)
        fprintf(stderr, " %s", shell_word(w->word[i]));
    fputc('\n', stderr);
}
