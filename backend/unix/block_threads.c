/* SPDX-License-Identifier: ISC */
/*
 * Requests by threads, for hosts without io_uring.
 *
 * The host's reads and writes of files wait, and would stop every fiber. So a
 * few threads do them: a fiber puts its request into their queue and waits,
 * the others run on, and who has done a request says so in a pipe.
 */
#include "block_engine.h"
#include "events.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  comes = PTHREAD_COND_INITIALIZER;
static struct request *first, **end = &first;
static int             tell[2]; /* a pipe of pointers to what was done */

static ssize_t operate(const struct request *r)
{
    off_t   at = r->at + (off_t)r->done;
    size_t  left = r->len - r->done;
    ssize_t n = 0;

    switch (r->operation) {
    case READ:
        n = pread(r->fd, r->data + r->done, left, at);
        break;
    case WRITE:
        n = pwrite(r->fd, r->data + r->done, left, at);
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
        while (!request_is_over(r, operate(r)))
            continue;
        while (write(tell[1], &r, sizeof r) < 0 && errno == EINTR)
            continue;
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
        for (ssize_t i = 0; i < n / (ssize_t)sizeof *r; i++)
            request_finish(r[i]);
    }
}

/* Signals are the first thread's affair. Returns how many there are. */
static unsigned start_threads(void)
{
    sigset_t  all, before;
    pthread_t t;
    unsigned  count = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count < THREADS && pthread_create(&t, NULL, serve, NULL) == 0) {
        pthread_detach(t);
        count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count;
}

static enum status threads_start(const char **why)
{
    *why = "no thread can be had";
    if (pipe(tell) != 0)
        return ERR_NO_MEMORY;
    for (int i = 0; i < 2; i++)
        fcntl(tell[i], F_SETFD, FD_CLOEXEC);
    if (fiber_start(take_done, NULL) != OK || start_threads() == 0)
        return ERR_NO_MEMORY;
    return OK;
}

static void threads_submit(struct request *r)
{
    r->next = NULL;
    pthread_mutex_lock(&lock);
    *end = r;
    end = &r->next;
    pthread_cond_signal(&comes);
    pthread_mutex_unlock(&lock);
}

const struct engine threads_engine = {
    .name = "threads",
    .how = "8 threads",
    .start = threads_start,
    .submit = threads_submit,
};
