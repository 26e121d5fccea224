/* SPDX-License-Identifier: ISC */
/*
 * block_engine: the ways to read and write files of the host without blocking
 * the image. block_unix.c makes the requests and chooses the engine;
 * block_uring.c and block_threads.c are the engines; block_request.c has the
 * results for both.
 */
#ifndef UNIX_BLOCK_ENGINE_H
#define UNIX_BLOCK_ENGINE_H

#include <mirage/completion.h>
#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One operation on a file. */
enum operation { READ,
                 WRITE,
                 DISCARD,
                 FLUSH };

struct request {
    enum operation operation;
    int fd; /* for the next try: with O_DIRECT, or plain */
    int plain; /* the same file without O_DIRECT */
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
     * Called once. ERR_UNSUPPORTED: the host lacks what the engine needs, as
     * *why says. ERR_NO_MEMORY.
     */
    enum status (*start)(const char **why);

    /* Starts the request. Keeps r until it calls request_finish. */
    void (*submit)(struct request *r);
};

extern const struct engine uring_engine, threads_engine;

/*
 * Takes the result of one operation on r->fd for the rest of r: a number of
 * bytes, or -errno. Returns whether r is complete. If not, the operation is to
 * be repeated: it was short or interrupted, or the host cannot do it with
 * O_DIRECT. May be called in any thread.
 */
bool request_is_over(struct request *r, ssize_t result);

/* Completes r. Called in the image's thread only. */
void request_finish(struct request *r);

#endif
