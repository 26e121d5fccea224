/* SPDX-License-Identifier: ISC */
/*
 * liar: chooses which acts of a daemon or backend are lies, and counts them. By
 * its seed it lies in one of three ways: the same lie for thousands of acts,
 * two kinds of lies, or all kinds; in the last two ways five of eight acts are
 * lies. Before the first one it may be honest for a while.
 *
 * A second thread can lie as well, in shared memory, while the image reads it.
 */
#ifndef XEN_FAKE_LIAR_H
#define XEN_FAKE_LIAR_H

#include <stdbool.h>
#include <stdint.h>

#define LIAR_KINDS  16
#define LIAR_HONEST LIAR_KINDS /* no kind of lie */

/* Of all seeds together: it lies in memory that processes share. */
struct tally {
    unsigned acts, lies, heard_acts, heard_lies; /* heard: by a driver */
    unsigned lies_of[LIAR_KINDS], longest[LIAR_KINDS]; /* in a row */
    unsigned kinds;
    unsigned writes; /* of second threads */
    unsigned ended, survived; /* devices or connections */
};

struct liar {
    struct tally *tally;
    uint64_t seed;
    unsigned kinds;
    unsigned left; /* acts before the first lie */
    unsigned kind[2], some; /* the kinds of this seed; 0: all */
    unsigned before, row; /* the last kind, and how often in a row */
};

/* Returns a tally that child processes add to. */
struct tally *tally_new(void);

void liar_begin(struct liar *l, struct tally *t, unsigned kinds, uint64_t seed);

/* A number below bound. The next kind of lie; or LIAR_HONEST. */
uint32_t liar_pick(struct liar *l, uint32_t bound);
unsigned liar_choose(struct liar *l);

/* Counts an act that was really done. is_heard: a driver is connected. */
void liar_count(struct liar *l, unsigned kind, bool is_heard);

/* A number that limits are tried out with. */
uint32_t liar_number(struct liar *l);

/*
 * Starts a second thread, which calls lie again and again with random numbers,
 * until liar_thread_end. Between liar_lock and liar_unlock it does not. A lie
 * is one call; it may only write with liar_write.
 */
void liar_thread(struct tally *t, void (*lie)(uint32_t random));
void liar_thread_end(void);
void liar_lock(void);
void liar_unlock(void);

/* Writes so that a concurrent access is no fault by itself. */
static inline void liar_write(volatile void *at, uint8_t value)
{
    __atomic_store_n((volatile uint8_t *)at, value, __ATOMIC_RELAXED);
}

static inline void liar_write_index(volatile void *at, uint32_t value)
{
    __atomic_store_n((volatile uint32_t *)at, value, __ATOMIC_RELAXED);
}

/* Lets the second thread run until it has lied so often. */
void liar_wait(unsigned lies);

#endif
