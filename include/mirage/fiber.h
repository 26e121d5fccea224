/* SPDX-License-Identifier: ISC */
/*
 * fiber: cooperative threads, and what they wait on.
 *
 * One fiber runs at a time, until it makes a call that blocks; so what stands
 * between two blocking calls needs no lock. Ready fibers run in turn, first
 * come, first served.
 *
 * The floating-point environment (rounding, exceptions) is shared by all.
 */
#ifndef MIRAGE_FIBER_H
#define MIRAGE_FIBER_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>

struct fiber;
typedef void fiber_fn(void *ctx);

#define FIBER_STACK ((size_t)65536) /* bytes, where options say 0 */

struct fiber_options {
    const char *name; /* for crash reports and warnings; cut at 31 bytes.
                          NULL: "fiber" */
    size_t stack; /* bytes, rounded up to whole pages; 0: FIBER_STACK */
};

/*
 * A job's fibers are its own affair: stopping the job does not cancel them, and
 * when all jobs have ended the image ends, whatever other fibers still do.
 */

/*
 * Runs fn(ctx) in a fiber of its own, from the caller's next wait on. The
 * fiber is freed when fn returns. Does not block.
 *
 * ERR_NO_MEMORY: no stack could be had; fn will not run.
 */
MUST_CHECK enum status fiber_start(fiber_fn *fn, void *ctx);

/* The same with a name and a stack of one's own; options are copied. */
MUST_CHECK enum status fiber_start_with(const struct fiber_options *options,
                                        fiber_fn *fn, void *ctx);

/* The same with a name alone. */
MUST_CHECK static inline enum status fiber_start_as(const char *name,
                                                    fiber_fn *fn, void *ctx)
{
    struct fiber_options options = {name, 0};

    return fiber_start_with(&options, fn, ctx);
}

/*
 * The same for a fiber that is watched: *fiber is yours, and fiber_join frees
 * it. options may be NULL.
 */
MUST_CHECK enum status fiber_spawn(const struct fiber_options *options,
                                   fiber_fn *fn, void *ctx,
                                   struct fiber **fiber);

/*
 * Waits until the fiber has ended and frees it. Blocks.
 *
 * ERR_TIMEOUT, ERR_CANCELLED (the caller was): it has not ended, and is yours
 * as before.
 */
MUST_CHECK enum status fiber_join(struct fiber *fiber, nanoseconds deadline);

/*
 * Asks a fiber to end. Its present wait, and each later one, returns
 * ERR_CANCELLED (after the others have had their turn); nothing is unwound
 * for it. What it does then is its own affair: return, as a rule. A fiber
 * that has ended takes no notice. Does not block.
 */
void fiber_cancel(struct fiber *fiber);

/* Was the running fiber asked to end? (Also while shielded.) */
bool fiber_is_cancelled(void);

/*
 * Between the two, the running fiber's waits are not cancelled: for the last
 * things that must be done properly. They nest.
 */
void fiber_shield(void);
void fiber_unshield(void);

/* The running fiber. */
struct fiber *fiber_self(void);

/* Lives as long as the fiber. */
const char *fiber_name(const struct fiber *fiber);

/* Lets every other ready fiber run once. ERR_CANCELLED: as for any wait. */
enum status fiber_yield(void);

/*
 * A place to wait for a condition that the caller owns. Zeroed is ready for
 * use. A wake-up means "look again", so waiting is always a loop:
 *     while (ring_is_empty(r))
 *         if ((s = wait_until(&r->filled, deadline)) != OK)
 *             return s;
 */
struct waiters {
    struct fiber *first, *last;
};

/*
 * Waits in w, behind those who wait there already, until it is woken. Blocks.
 * ERR_TIMEOUT: the deadline came first. ERR_CANCELLED: the fiber was asked to
 * end. A fiber that was woken gets OK, even if the deadline has come since.
 */
MUST_CHECK enum status wait_until(struct waiters *w, nanoseconds deadline);

/* Make the one that waits longest, or all, ready. No one there: no effect. */
void wake_one(struct waiters *w);
void wake_all(struct waiters *w);

/*
 * A lock, for what must stay whole across a blocking call. Zeroed is open.
 * First come, first served; not to be taken twice by one fiber, and to be
 * opened by the one who took it (a bug otherwise: panics).
 */
struct fiber_mutex {
    struct fiber *owner;
    struct waiters waiters;
};

/* ERR_TIMEOUT, ERR_CANCELLED: it was not taken. */
MUST_CHECK enum status fiber_lock(struct fiber_mutex *m, nanoseconds deadline);
void fiber_unlock(struct fiber_mutex *m);

/*
 * Messages between fibers, in order: a queue of at most capacity pointers in
 * the caller's slots. What a pointer means, and who owns it, is between
 * sender and receiver.
 */
struct mailbox {
    void **slots;
    size_t capacity, first, count;
    bool closed;
    struct waiters senders, receivers;
};

/* Keeps slots, of which there are capacity, at least one. */
void mailbox_init(struct mailbox *m, void **slots, size_t capacity);

/*
 * Waits for room. ERR_GONE: the mailbox is closed. With this, ERR_TIMEOUT and
 * ERR_CANCELLED, the message was not sent.
 */
MUST_CHECK enum status mailbox_send(struct mailbox *m, void *message,
                                    nanoseconds deadline);

/* Waits for a message. ERR_EOF: it is closed, and all messages are taken. */
MUST_CHECK enum status mailbox_receive(struct mailbox *m, void **message,
                                       nanoseconds deadline);

/* No more is sent; what is queued can still be received. */
void mailbox_close(struct mailbox *m);

#endif
