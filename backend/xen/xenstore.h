/* SPDX-License-Identifier: ISC */
/*
 * xenstore: a client of xenstored, the tree of small values that Xen's domains
 * share (xen/io/xs_wire.h, Xen's docs/misc/xenstore.txt). Paths that do not
 * begin with / are relative to this domain's own directory.
 *
 * All calls block the fiber, and cancellation does not end them, since replies
 * are short and quick. ERR_IO: the store has refused, or it has broken the
 * protocol; then all further calls fail.
 */
#ifndef XEN_XENSTORE_H
#define XEN_XENSTORE_H

#include <mirage/fiber.h>
#include <stdbool.h>
#include <stdint.h>

/* Uses the ring in xen.store from now on. */
void xenstore_start(void);

/*
 * Reads the value of path into the size bytes at value, ended by a NUL.
 * ERR_NOT_FOUND: there is none, or this domain may not read it. ERR_FORMAT: it
 * has a NUL before its last byte. ERR_RANGE: it does not fit. After an error
 * value is unchanged.
 */
MUST_CHECK enum status xenstore_read(const char *path, char *value,
                                     size_t size);

/* Reads a decimal number. ERR_FORMAT: the value is none. Other errors as
 * xenstore_read. */
MUST_CHECK enum status xenstore_number(const char *path, uint64_t *number);

/*
 * Lists the names directly below path into the size bytes at names: each has at
 * least one byte and ends with a NUL, and another NUL ends the list.
 * ERR_FORMAT: the store has sent a list of another form. Other errors as
 * xenstore_read.
 */
MUST_CHECK enum status xenstore_list(const char *path, char *names,
                                     size_t size);

/* Writes one value. ERR_PERMISSION: this domain may not write there. ERR_RANGE:
 * path and value do not fit into a message. */
MUST_CHECK enum status xenstore_write(const char *path, const char *value);

struct xenstore_entry {
    const char *name, *value;
};

/*
 * Writes count entries below path in one transaction: others see none of them
 * or all. A transaction that conflicts with others is repeated, 100 times at
 * most (ERR_IN_USE).
 */
MUST_CHECK enum status xenstore_write_all(const char *path,
                                          const struct xenstore_entry *entries,
                                          size_t count);

/* A watch on path and all below it. Owned by the caller, for good. */
struct xenstore_watch {
    const char *path;
    bool changed;
    struct waiters waiters;
    char token[20]; /* xenstore.c's own, as next is */
    struct xenstore_watch *next;
};

/*
 * Registers a watch on w->path, which the caller has set. The store reports a
 * first change at once.
 */
MUST_CHECK enum status xenstore_watch(struct xenstore_watch *w);

/* Registers a watch, or all watches, again, after path has changed, or after a
 * migration to another store. */
MUST_CHECK enum status xenstore_rewatch(struct xenstore_watch *w);
MUST_CHECK enum status xenstore_rewatch_all(void);

/* Blocks until there is a change since the last call. ERR_TIMEOUT: the deadline
 * has passed. ERR_CANCELLED. */
MUST_CHECK enum status xenstore_wait(struct xenstore_watch *w,
                                     nanoseconds deadline);

/* Wakes fibers that wait for w, as a change would. */
void xenstore_notify(struct xenstore_watch *w);

/*
 * For suspending. Between xenstore_lock and xenstore_unlock no request is in
 * flight; requests of other fibers wait. xenstore_reset, called between them:
 * xen.store is the ring of another store now, which has no watches until
 * xenstore_rewatch_all.
 */
void xenstore_lock(void);
void xenstore_reset(void);
void xenstore_unlock(void);

#endif
