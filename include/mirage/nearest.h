/* SPDX-License-Identifier: ISC */
/*
 * nearest: what somebody who misspelt a word may have meant.
 */
#ifndef MIRAGE_NEAREST_H
#define MIRAGE_NEAREST_H

#include <stddef.h>

/*
 * How many letters must be inserted, removed, replaced, or swapped with their
 * neighbour to turn a into b. Words over 63 bytes count as far away.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * The best of the candidates offered one by one, if one is near enough to
 * mean: struct nearest n = {word}; nearest_offer(&n, ...); n.best or NULL.
 * Keeps what is offered.
 */
struct nearest {
    const char *word;
    const char *best;
    size_t distance;
};

void nearest_offer(struct nearest *n, const char *candidate);

#endif
