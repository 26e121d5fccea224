/* SPDX-License-Identifier: ISC */
/*
 * fiber: cooperative threads, and the objects they wait on.
 *
 * One fiber runs at a time, until it makes a call that blocks; code between two
 * blocking calls needs no lock. Ready fibers run in the order in which they
 * became ready.
 *
 * All fibers share the floating-point environment (rounding, exceptions).
 */
#ifndef MIRAGE_FIBER_H
#define MIRAGE_FIBER_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>

struct fiber;
typedef void fiber_fn(void *ctx);

#define FIBER_STACK ((size_t)65536) /* bytes, if options say 0 */

struct fiber_options {
    const char *name; /* for crash reports and warnings; cut to 31 bytes.
                       * NULL: "fiber" */
    size_t stack; /* bytes, rounded up to whole pages; 0: FIBER_STACK */
};

/*
 * Starts a fiber that runs fn(ctx). It is ready, and runs once the caller
 * waits. It is freed when fn returns. Does not block.
 *
 * A fiber does not belong to the job that started it: stopping the job does not
 * cancel the fiber, and when all jobs have ended the image ends, even if other
 * fibers still run.
 *
 * ERR_NO_MEMORY: there is no memory for the stack; fn will not run.
 */
MUST_CHECK enum status fiber_start(fiber_fn *fn, void *ctx);

/* fiber_start with a name and a size of stack. options may be NULL, and are
 * copied. */
MUST_CHECK enum status fiber_start_with(const struct fiber_options *options,
                                        fiber_fn *fn, void *ctx);

/* fiber_start with a name. */
MUST_CHECK static inline enum status fiber_start_as(const char *name,
                                                    fiber_fn *fn, void *ctx)
{
    struct fiber_options options = {name, 0};

    return fiber_start_with(&options, fn, ctx);
}

/*
 * fiber_start_with for a fiber that is joined: *fiber is yours, and is freed by
 * fiber_join, not when fn returns.
 */
MUST_CHECK enum status fiber_spawn(const struct fiber_options *options,
                                   fiber_fn *fn, void *ctx,
                                   struct fiber **fiber);

/*
 * Waits until a fiber of fiber_spawn has ended, and frees it. Blocks. Panics if
 * another fiber joins it already, or if it is the running one.
 *
 * ERR_TIMEOUT, ERR_CANCELLED (the caller was cancelled): it has not ended, and
 * is still yours.
 */
MUST_CHECK enum status fiber_join(struct fiber *fiber, nanoseconds deadline);

/*
 * Asks a fiber to end. Its present wait, and each later one, returns
 * ERR_CANCELLED after the other ready fibers have run. Nothing is unwound: the
 * fiber should release what it holds, and return. No effect on a fiber that has
 * ended. Does not block.
 */
void fiber_cancel(struct fiber *fiber);

/* Returns whether the running fiber was cancelled, shielded or not. */
bool fiber_is_cancelled(void);

/*
 * Between these two calls, waits of the running fiber are not cancelled: for
 * work that must be completed, such as flushing. Pairs nest.
 */
void fiber_shield(void);
void fiber_unshield(void);

/* The running fiber. */
struct fiber *fiber_self(void);

/* The name lives as long as the fiber. */
const char *fiber_name(const struct fiber *fiber);

/* Lets every other ready fiber run once. Blocks. ERR_CANCELLED: the fiber was
 * cancelled; the others have run. */
enum status fiber_yield(void);

/*
 * A queue of fibers that wait for a condition, which the user of the queue
 * defines. Zeroed memory is an empty queue. A wake-up means that the condition
 * may hold, so waiting is always a loop:
 *     while (ring_is_empty(r))
 *         if ((s = wait_until(&r->filled, deadline)) != OK)
 *             return s;
 */
struct waiters {
    struct fiber *first, *last;
};

/*
 * Waits at the end of the queue w until the fiber is woken. Blocks.
 *
 * ERR_TIMEOUT: the deadline passed first. ERR_CANCELLED: the fiber was
 * cancelled. A fiber that was woken gets OK, even if the deadline has passed or
 * it was cancelled before it ran again.
 */
MUST_CHECK enum status wait_until(struct waiters *w, nanoseconds deadline);

/* Make the fiber that has waited longest, or all, ready. No effect on an empty
 * queue. Do not block. */
void wake_one(struct waiters *w);
void wake_all(struct waiters *w);

/*
 * A mutex, for state that must be consistent across a blocking call. Zeroed
 * memory is an unlocked mutex. Fibers get it in the order in which they asked.
 * Panics if a fiber locks it twice, or unlocks it without having locked it.
 */
struct fiber_mutex {
    struct fiber *owner;
    struct waiters waiters;
};

/* Locks m; blocks while another fiber has it. ERR_TIMEOUT, ERR_CANCELLED: m is
 * not locked by the caller. */
MUST_CHECK enum status fiber_lock(struct fiber_mutex *m, nanoseconds deadline);
void fiber_unlock(struct fiber_mutex *m);

/*
 * A bounded first-in, first-out queue of messages between fibers. A message is
 * a pointer; sender and receiver agree on its meaning and ownership.
 */
struct mailbox {
    void **slots;
    size_t capacity, first, count;
    bool closed;
    struct waiters senders, receivers;
};

/* Initialises m. Keeps slots, an array of `capacity` pointers, at least one. */
void mailbox_init(struct mailbox *m, void **slots, size_t capacity);

/*
 * Appends a message; blocks while the mailbox is full.
 *
 * ERR_GONE: the mailbox is closed. ERR_TIMEOUT, ERR_CANCELLED. In each case the
 * message was not sent.
 */
MUST_CHECK enum status mailbox_send(struct mailbox *m, void *message,
                                    nanoseconds deadline);

/*
 * Removes the oldest message; blocks while there is none.
 *
 * ERR_EOF: the mailbox is closed and empty. ERR_TIMEOUT, ERR_CANCELLED. In each
 * case *message is unchanged.
 */
MUST_CHECK enum status mailbox_receive(struct mailbox *m, void **message,
                                       nanoseconds deadline);

/* Closes the mailbox, and wakes all who wait. Messages in it can still be
 * received. */
void mailbox_close(struct mailbox *m);

#endif
