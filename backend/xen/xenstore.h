/* SPDX-License-Identifier: ISC */
/*
 * xenstore: the tree of small texts that Xen's domains share
 * (xen/io/xs_wire.h, and Xen's docs/misc/xenstore.txt). Paths that do not
 * begin with / are in this domain's own part.
 *
 * All calls block the fiber, and are not cancelled: an answer is short and
 * comes at once. ERR_IO: the store has refused, or it has done what it may
 * not, and from then on nobody hears of it.
 */
#ifndef XEN_XENSTORE_H
#define XEN_XENSTORE_H

#include <mirage/fiber.h>
#include <stdbool.h>
#include <stdint.h>

/* xen.store is there from now on. */
void xenstore_start(void);

/*
 * Copies the value of path into the size bytes at value, ended by a NUL.
 * ERR_NOT_FOUND: there is none, or we may not read it. ERR_FORMAT: there is a
 * NUL before its last byte. ERR_RANGE: it does not fit. With an error value is
 * as it was.
 */
MUST_CHECK enum status xenstore_read(const char *path, char *value,
                                     size_t size);

/* The value as a number of decimal digits. ERR_FORMAT: it is none. */
MUST_CHECK enum status xenstore_number(const char *path, uint64_t *number);

/*
 * Copies the names of what is right below path into the size bytes at names,
 * each of at least one byte and ended by a NUL, and the list by another NUL.
 * ERR_FORMAT: the store has sent another kind of list. Other errors as
 * xenstore_read.
 */
MUST_CHECK enum status xenstore_list(const char *path, char *names,
                                     size_t size);

/* ERR_PERMISSION: we may not write there. ERR_RANGE: that is too long. */
MUST_CHECK enum status xenstore_write(const char *path, const char *value);

struct xenstore_entry {
    const char *name, *value;
};

/*
 * Writes count entries below path, all at once: others see none of them, or
 * all (a transaction, begun anew as long as the store asks for that).
 */
MUST_CHECK enum status xenstore_write_all(const char *path,
                                          const struct xenstore_entry *entries,
                                          size_t count);

/* Owned by the caller, for good. */
struct xenstore_watch {
    const char *path;
    bool changed;
    struct waiters waiters;
    char token[20]; /* xenstore.c's own, as is the next */
    struct xenstore_watch *next;
};

/*
 * Has w->path, and all below it, watched; as the store has it, that is a
 * change already. Set path before.
 */
MUST_CHECK enum status xenstore_watch(struct xenstore_watch *w);

/* The same once more, after path has become another, or the store has. */
MUST_CHECK enum status xenstore_rewatch(struct xenstore_watch *w);
MUST_CHECK enum status xenstore_rewatch_all(void);

/* Waits for a change since the last call. ERR_TIMEOUT: the deadline came
 * first. ERR_CANCELLED. */
MUST_CHECK enum status xenstore_wait(struct xenstore_watch *w,
                                     nanoseconds deadline);

/* As if there had been a change. */
void xenstore_notify(struct xenstore_watch *w);

/*
 * No request is under way from here to there; who asks meanwhile, waits. It is
 * for a time in which nothing is awaited. Between them: xen.store is another's
 * from now on, who knows of no watch (xenstore_rewatch_all).
 */
void xenstore_lock(void);
void xenstore_reset(void);
void xenstore_unlock(void);

#endif
