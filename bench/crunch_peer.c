/* SPDX-License-Identifier: ISC */
/* The same look-ups in glibc's hash table, hsearch_r. */
#define _GNU_SOURCE
#include "crunch.h"
#include "measure.h"
#include <search.h>

int main(void)
{
    struct hsearch_data table = {0};
    struct moment start;
    ENTRY *found;

    make_keys();
    if (!hcreate_r(2 * KEYS, &table))
        give_up("no memory for a table");
    for (unsigned i = 0; i < KEYS; i++)
        if (!hsearch_r((ENTRY){keys[i], keys[i]}, ENTER, &found, &table))
            give_up("a key was not taken");
    start = moment_now();
    for (int i = 0; i < LOOKUPS; i++) {
        unsigned k = next_key();

        if (!hsearch_r((ENTRY){keys[k], NULL}, FIND, &found, &table) ||
            found->data != keys[k])
            give_up("a key has not its value");
    }
    report_each("view", start, LOOKUPS);
    return 0;
}
