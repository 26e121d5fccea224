/* SPDX-License-Identifier: ISC */
/*
 * hostile_check: check.h for tests on a fake Xen that lies (liar.h). Each test
 * runs with many seeds ($SEEDS; by default enough for each kind of lie), in a
 * process of its own each time. It fails, too, if it was not hostile enough.
 */
#ifndef XEN_FAKE_HOSTILE_CHECK_H
#define XEN_FAKE_HOSTILE_CHECK_H

#include "check.h"
#include "fake.h"
#include "liar.h"
#include <mirage/macros.h>
#include <stdlib.h>

static uint64_t seed;
static struct tally *tally; /* of the present test */

/* What a test must have done with its default seeds: lies of each kind,
 * thousands in a row, and at least half of all acts are lies. A test whose name
 * says that something changes while it is read has a second thread. */
static bool was_hostile(const char *test)
{
    bool is_enough = tally->writes > 0 ||
                     (2 * tally->lies >= tally->acts &&
                      2 * tally->heard_lies >= tally->heard_acts);

    is_enough = is_enough && tally->acts + tally->writes > 5000;
    for (unsigned k = 0; k < tally->kinds && tally->writes == 0; k++)
        is_enough = is_enough && tally->longest[k] >= 1000;
    if (!is_enough || getenv("SHOW")) {
        printf("%s: %u lies of %u acts, %u of %u heard, %u writes, %u devices "
               "ended, %u did not; of each kind, and in a row:",
               test, tally->lies, tally->acts, tally->heard_lies,
               tally->heard_acts, tally->writes, tally->ended,
               tally->survived);
        for (unsigned k = 0; k < tally->kinds; k++)
            printf(" %u (%u)", tally->lies_of[k], tally->longest[k]);
        printf("\n");
    }
    return is_enough;
}

/* Seeds enough for each kind of lie alone (liar.h), and for each set of what a
 * thread changes. */
static uint64_t few(const struct test *t)
{
    return strstr(t->name, "_changes_while_") ? 15 : max(3 * tally->kinds, 3u);
}

/* Runs the test with each seed, in a process of its own. seeds 0: a few. */
static bool passes(struct test *t, uint64_t seeds, bool is_whole)
{
    t->next = NULL;
    tests = t;
    tally = tally_new();
    for (seed = 1; seed <= (seeds ? seeds : few(t)); seed++)
        if (!fake_run(t->name, &checks_failed)) {
            printf("with seed %llu\n", (unsigned long long)seed);
            return false;
        }
    return !is_whole || was_hostile(t->name);
}

int main(void)
{
    const char *text = getenv("SEEDS");
    uint64_t seeds = text             ? strtoull(text, NULL, 10)
                     : getenv("SOAK") ? 5000
                     : getenv("RAN")  ? 150
                                      : 0;
    int passed = 0, failed = 0;

    for (struct test *t = tests, *next; t; t = next) {
        next = t->next;
        passes(t, seeds, !text) ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}

#endif
