/* SPDX-License-Identifier: ISC */
/*
 * nearest: suggests the word that a misspelt one may have been meant to be.
 */
#ifndef MIRAGE_NEAREST_H
#define MIRAGE_NEAREST_H

#include <stddef.h>

/*
 * Returns the edit distance of a and b: the least number of insertions,
 * deletions, substitutions and swaps of neighbouring bytes. A word of more than
 * 63 bytes is at a large distance from any.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * A search for the nearest of several candidates:
 *     struct nearest n = {word};
 *     nearest_offer(&n, "candidate"); ...
 * Afterwards n.best is the nearest, the first of equals, or NULL if none is
 * near enough to be a misspelling. Keeps the word and the candidates.
 */
struct nearest {
    const char *word;
    const char *best;
    size_t distance;
};

void nearest_offer(struct nearest *n, const char *candidate);

#endif
