/* SPDX-License-Identifier: ISC */
/*
 * Spelling suggestions by edit distance (optimal string alignment: insertions,
 * deletions, substitutions, and transpositions of adjacent letters). Three rows
 * of the usual table are kept.
 */
#include <mirage/macros.h>
#include <mirage/nearest.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 63

size_t nearest_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    uint8_t rows[3][LONGEST + 1];

    if (la > LONGEST || lb > LONGEST)
        return LONGEST + 1;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= la; i++) {
        uint8_t *row = rows[i % 3];
        const uint8_t *above = rows[(i + 2) % 3];
        const uint8_t *before = rows[(i + 1) % 3];

        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= lb; j++) {
            size_t d = above[j - 1] + (a[i - 1] != b[j - 1]);

            d = min(d, min(above[j], row[j - 1]) + 1u);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = min(d, before[j - 2] + 1u);
            row[j] = (uint8_t)d;
        }
    }
    return rows[la % 3][lb];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
    size_t d = nearest_distance(n->word, candidate);
    size_t longer = max(strlen(n->word), strlen(candidate));

    /* With more than a third of its letters wrong it is another word. */
    if (d > LONGEST || d > 1 + longer / 3 || d >= longer ||
        (n->best && d >= n->distance))
        return;
    n->best = candidate;
    n->distance = d;
}
