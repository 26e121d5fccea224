/* SPDX-License-Identifier: ISC */
/*
 * block_engine: the ways to read and write files of the host without blocking
 * the image. block_unix.c makes the requests and chooses the engine;
 * block_uring.c and block_threads.c are the engines.
 */
#ifndef UNIX_BLOCK_ENGINE_H
#define UNIX_BLOCK_ENGINE_H

#include <mirage/completion.h>
#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum operation { READ,
                 WRITE,
                 DISCARD,
                 FLUSH };

struct request {
    enum operation operation;
    int fd; /* to use next */
    int plain; /* the same file, by the host's cache */
    uint8_t *data;
    size_t len;
    off_t at;
    size_t done; /* bytes */
    int error; /* errno, or 0 */
    struct completion completion;
    struct request *next; /* the engine's own */
};

struct engine {
    const char *name; /* as --block-engine has it */
    const char *how; /* for the log: "by ..." */

    /*
     * Called once. ERR_UNSUPPORTED: the host has not what it takes, and *why
     * says what. ERR_NO_MEMORY.
     */
    enum status (*start)(const char **why);

    /* Keeps r, until request_finish is called on it. */
    void (*submit)(struct request *r);
};

extern const struct engine uring_engine, threads_engine;

/*
 * One operation on r->fd, of what is left of r, came out as result: a number
 * of bytes, or an errno below zero. Returns whether that is the end of it: a
 * short operation is continued, an interrupted one is done again, and what
 * the host cannot do without its cache is done with it. Any thread.
 */
bool request_is_over(struct request *r, ssize_t result);

/* Completes r, which is over. Called in the image's thread only. */
void request_finish(struct request *r);

#endif
