/* SPDX-License-Identifier: ISC */
/* The pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). */
#include "timer.h"
#include <stddef.h>

static bool sooner(const struct timer *a, const struct timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline
                                      : a->turn < b->turn;
}

/* Makes one heap of two; neither root has siblings. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (sooner(b, a)) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (a->child)
        a->child->back = b;
    b->back = a;
    a->child = b;
    return a;
}

/*
 * Makes one heap of a list of siblings: in pairs from left to right, then all
 * into one from right to left, which is what keeps the cost low.
 */
static struct timer *meld_all(struct timer *list)
{
    struct timer *pairs = NULL, *all = NULL;

    while (list) {
        struct timer *a = list, *b = a->sibling;

        list = b ? b->sibling : NULL;
        a->sibling = NULL;
        if (b)
            b->sibling = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *next = pairs->sibling;

        pairs->sibling = NULL;
        all = meld(pairs, all);
        pairs = next;
    }
    return all;
}

static void set_top(struct timers *all, struct timer *t)
{
    all->soonest = t;
    if (t) {
        t->sibling = NULL;
        t->back = t;
    }
}

void timer_add(struct timers *all, struct timer *t, nanoseconds deadline)
{
    t->deadline = deadline;
    t->turn = all->turn++;
    t->child = t->sibling = NULL;
    set_top(all, meld(all->soonest, t));
}

void timer_remove(struct timers *all, struct timer *t)
{
    struct timer *rest;

    if (!t->back)
        return;
    rest = meld_all(t->child);
    if (t == all->soonest) {
        set_top(all, rest);
    } else {
        if (t->back->child == t)
            t->back->child = t->sibling;
        else
            t->back->sibling = t->sibling;
        if (t->sibling)
            t->sibling->back = t->back;
        set_top(all, meld(all->soonest, rest));
    }
    t->back = NULL;
}

bool timer_is_set(const struct timer *t)
{
    return t->back != NULL;
}

nanoseconds timers_deadline(const struct timers *all)
{
    return all->soonest ? all->soonest->deadline : FOREVER;
}
