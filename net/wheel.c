/* SPDX-License-Identifier: ISC */
/*
 * Hierarchical timing wheels (Varghese and Lauck, 1987). Level 0 has a slot for
 * each of the next 64 ticks, level 1 one for each 64 ticks after them, and so
 * on. When the time of a slot of a higher level has come, its timers move to
 * lower levels. Bitmaps of occupied slots let the wheel skip empty time.
 */
#include "wheel.h"
#include "fiber_stop.h"
#include <mirage/macros.h>
#include <string.h>

#define TICK_BITS 20 /* a tick is 2^20 ns */
#define SLOT_BITS 6
#define MOST      ((uint64_t)1 << SLOT_BITS * WHEEL_LEVELS)

static uint64_t tick_of(nanoseconds deadline)
{
    return (deadline >> TICK_BITS) +
           ((deadline & (((nanoseconds)1 << TICK_BITS) - 1)) != 0);
}

static void insert(struct wheel *w, struct wheel_timer *t)
{
    uint64_t tick = tick_of(t->deadline), ahead;
    unsigned level = 0;
    struct wheel_timer **list;

    if (tick <= w->tick)
        tick = w->tick + 1;
    ahead = tick - w->tick;
    if (ahead >= MOST) { /* beyond the range: inserted again later */
        tick = w->tick + MOST - 1;
        ahead = MOST - 1;
    }
    while (ahead >> SLOT_BITS * (level + 1))
        level++;
    t->level = (uint8_t)level;
    t->slot = (uint8_t)(tick >> SLOT_BITS * level & (WHEEL_SLOTS - 1));
    list = &w->slot[t->level][t->slot];
    w->occupied[level] |= (uint64_t)1 << t->slot;
    t->next = *list;
    t->link = list;
    if (t->next)
        t->next->link = &t->next;
    *list = t;
}

void wheel_clear(struct wheel *w, struct wheel_timer *t)
{
    if (!t->link)
        return;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->link = NULL;
    if (!w->slot[t->level][t->slot])
        w->occupied[t->level] &= ~((uint64_t)1 << t->slot);
}

void wheel_set(struct wheel *w, struct wheel_timer *t, nanoseconds deadline)
{
    wheel_clear(w, t);
    t->deadline = deadline;
    insert(w, t);
    if (deadline < w->awaited)
        wake_all(&w->fiber);
}

bool wheel_is_set(const struct wheel_timer *t)
{
    return t->link != NULL;
}

/* The tick of the next occupied slot of a level. */
static uint64_t next_tick_of_level(const struct wheel *w, unsigned level)
{
    uint64_t at = w->tick >> SLOT_BITS * level, bits = w->occupied[level];
    unsigned by = (unsigned)(at + 1) & (WHEEL_SLOTS - 1);

    if (bits == 0)
        return UINT64_MAX;
    if (by > 0)
        bits = bits >> by | bits << (WHEEL_SLOTS - by);
    return (at + 1 + (unsigned)__builtin_ctzll(bits)) << SLOT_BITS * level;
}

static uint64_t next_tick(const struct wheel *w)
{
    uint64_t next = UINT64_MAX;

    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        next = min(next, next_tick_of_level(w, level));
    }
    return next;
}

nanoseconds wheel_next(const struct wheel *w)
{
    uint64_t tick = next_tick(w);

    return tick >= FOREVER >> TICK_BITS ? FOREVER : tick << TICK_BITS;
}

static void run_slot(struct wheel *w, unsigned level)
{
    unsigned slot = (unsigned)(w->tick >> SLOT_BITS * level) &
                    (WHEEL_SLOTS - 1);
    struct wheel_timer *due = w->slot[level][slot];

    /* Detach the list: callbacks may insert timers into the same slot. */
    w->slot[level][slot] = NULL;
    w->occupied[level] &= ~((uint64_t)1 << slot);
    if (due)
        due->link = &due;
    while (due) {
        struct wheel_timer *t = due;

        due = t->next;
        if (due)
            due->link = &due;
        t->link = NULL;
        if (tick_of(t->deadline) <= w->tick)
            t->expired(t->ctx);
        else
            insert(w, t);
    }
}

void wheel_turn(struct wheel *w, nanoseconds now)
{
    uint64_t until = now >> TICK_BITS, tick;

    while ((tick = next_tick(w)) <= until) {
        w->tick = tick;
        for (unsigned level = WHEEL_LEVELS; level-- > 0;)
            if ((tick & (((uint64_t)1 << SLOT_BITS * level) - 1)) == 0)
                run_slot(w, level);
    }
    w->tick = max(w->tick, until);
}

void wheel_init(struct wheel *w, nanoseconds now)
{
    memset(w, 0, sizeof *w);
    w->tick = now >> TICK_BITS;
    w->awaited = 0; /* no fiber waits */
}

static void run_wheel(void *ctx)
{
    struct wheel *w = ctx;

    for (;;) {
        enum status s;

        w->awaited = wheel_next(w);
        s = wait_until(&w->fiber, w->awaited);
        w->awaited = 0;
        if (s == ERR_CANCELLED)
            return;
        wheel_turn(w, time_now());
    }
}

enum status wheel_start(struct wheel *w)
{
    wheel_init(w, time_now());
    return fiber_spawn(&(struct fiber_options){"timers", 0}, run_wheel, w,
                       &w->turner);
}

void wheel_stop(struct wheel *w)
{
    fiber_stop(w->turner);
}
