/* SPDX-License-Identifier: ISC */
/* Timers, as a randomised meldable heap (Gambin and Malinowski, 1998). */
#include "timer.h"
#include <stddef.h>

static bool sooner(const struct timer *a, const struct timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline
                                      : a->turn < b->turn;
}

/* A pseudo-random bit (xorshift; Marsaglia, 2003). */
static unsigned coin(struct timers *all)
{
    if (all->coin == 0)
        all->coin = 1;
    all->coin ^= all->coin << 13;
    all->coin ^= all->coin >> 7;
    all->coin ^= all->coin << 17;
    return all->coin >> 63;
}

/*
 * Merges two heaps along a random path from the roots. The expected length of
 * such a path is O(log n) for any shape, so the heap needs no balancing.
 */
static struct timer *meld(struct timers *all, struct timer *a, struct timer *b)
{
    struct timer *top, **at = &top, *parent = NULL;

    while (a && b) {
        struct timer *first = sooner(b, a) ? b : a;

        b = first == a ? b : a;
        *at = first;
        first->parent = parent;
        parent = first;
        at = &first->child[coin(all)];
        a = *at;
    }
    a = a ? a : b;
    *at = a;
    if (a)
        a->parent = parent;
    return top;
}

void timer_add(struct timers *all, struct timer *t, nanoseconds deadline)
{
    t->deadline = deadline;
    t->turn = all->turn++;
    t->child[0] = t->child[1] = t->parent = NULL;
    t->is_set = true;
    all->soonest = meld(all, all->soonest, t);
}

void timer_remove(struct timers *all, struct timer *t)
{
    struct timer *rest, *parent = t->parent;

    if (!t->is_set)
        return;
    t->is_set = false;
    rest = meld(all, t->child[0], t->child[1]);
    if (rest)
        rest->parent = parent;
    if (parent)
        parent->child[parent->child[1] == t] = rest;
    else
        all->soonest = rest;
}

bool timer_is_set(const struct timer *t)
{
    return t->is_set;
}

nanoseconds timers_deadline(const struct timers *all)
{
    return all->soonest ? all->soonest->deadline : FOREVER;
}
