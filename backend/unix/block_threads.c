/* SPDX-License-Identifier: ISC */
/*
 * A block engine of threads, for hosts without io_uring. A fiber submits a
 * request to a queue and waits. A thread does it, by a blocking call, and adds
 * it to the list of completed requests; the thread that finds the list empty
 * writes a byte to a pipe, for which the engine's fiber waits.
 */
#define _GNU_SOURCE /* fallocate */
#include "block_engine.h"
#include "events.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t submitted = PTHREAD_COND_INITIALIZER;
static struct request *first, **end = &first;
static struct request *completed;
static int completed_pipe[2]; /* a byte: the list is not empty any more */

/* Frees the space of the sectors in the host's file system. */
static int punch_hole(const struct request *r)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    return fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, r->at,
                     (off_t)r->len);
#else
    (void)r;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

static ssize_t operate(const struct request *r)
{
    off_t at = r->at + (off_t)r->done;
    size_t left = r->len - r->done;
    ssize_t n = 0;

    switch (r->operation) {
    case READ:
        n = pread(r->fd, r->data + r->done, left, at);
        break;
    case WRITE:
        n = pwrite(r->fd, r->data + r->done, left, at);
        break;
    case DISCARD:
        n = punch_hole(r);
        break;
    case FLUSH:
#ifdef __APPLE__
        n = fcntl(r->fd, F_FULLFSYNC);
#else
        n = fdatasync(r->fd);
#endif
        break;
    }
    return n < 0 ? -errno : n;
}

/* Waits for a request. The caller has the lock. */
static struct request *next_request(void)
{
    struct request *r;

    while (!first)
        pthread_cond_wait(&submitted, &lock);
    r = first;
    first = r->next;
    if (!first)
        end = &first;
    return r;
}

static void *run_thread(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        struct request *r = next_request();
        bool is_first;

        pthread_mutex_unlock(&lock);
        while (!request_is_over(r, operate(r)))
            continue;
        pthread_mutex_lock(&lock);
        is_first = !completed;
        r->next = completed;
        completed = r;
        if (!is_first)
            continue;
        pthread_mutex_unlock(&lock);
        while (write(completed_pipe[1], "", 1) < 0 && errno == EINTR)
            continue;
        pthread_mutex_lock(&lock);
    }
    return NULL;
}

/* The engine's fiber: finishes the completed requests. */
static void run_completions(void *unused)
{
    (void)unused;
    for (;;) {
        struct request *r, *next;
        char bytes[64];

        if (events_wait(completed_pipe[0], false, FOREVER) != OK ||
            read(completed_pipe[0], bytes, sizeof bytes) < 0)
            continue;
        pthread_mutex_lock(&lock);
        r = completed;
        completed = NULL;
        pthread_mutex_unlock(&lock);
        for (; r; r = next) {
            next = r->next;
            request_finish(r);
        }
    }
}

/* Starts threads, and returns their number. They block the signals that the
 * image's thread handles, but not those of the sandbox and of crashes: the
 * kernel kills the process when a thread causes one that it blocks. */
static unsigned start_threads(void)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};

    sigset_t all, before;
    pthread_t t;
    unsigned count = 0;

    sigfillset(&all);
    sigdelset(&all, SANDBOX_SIGNAL);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count < THREADS && pthread_create(&t, NULL, run_thread, NULL) == 0) {
        pthread_detach(t);
        count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count;
}

static enum status threads_start(const char **why)
{
    *why = "no thread can be had";
    if (pipe(completed_pipe) != 0)
        return ERR_NO_MEMORY;
    for (int i = 0; i < 2; i++)
        fcntl(completed_pipe[i], F_SETFD, FD_CLOEXEC);
    if (fiber_start_as("block", run_completions, NULL) != OK ||
        start_threads() == 0)
        return ERR_NO_MEMORY;
    return OK;
}

static void threads_submit(struct request *r)
{
    r->next = NULL;
    pthread_mutex_lock(&lock);
    *end = r;
    end = &r->next;
    pthread_cond_signal(&submitted);
    pthread_mutex_unlock(&lock);
}

const struct engine threads_engine = {
    .name = "threads",
    .how = "8 threads",
    .start = threads_start,
    .submit = threads_submit,
};
