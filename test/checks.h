/* SPDX-License-Identifier: ISC */
/* checks: TEST, CHECK and CHECK_TEXT of check.h, for programs of any kind. */
#ifndef TEST_CHECKS_H
#define TEST_CHECKS_H

#include <stdio.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

__attribute__((weak)) struct test *tests, **tests_end = &tests;
__attribute__((weak)) int checks_failed;

#define TEST(id)                                                 \
    static void id(void);                                        \
    static __attribute__((constructor)) void test_add_##id(void) \
    {                                                            \
        static struct test t = {#id, id, NULL};                  \
        *tests_end = &t;                                         \
        tests_end = &t.next;                                     \
    }                                                            \
    static void id(void)

#define CHECK(condition)                                           \
    ((condition) ? (void)0                                         \
                 : (void)(checks_failed++,                         \
                          printf("%s:%d: %s: does not hold: %s\n", \
                                 __FILE__, __LINE__, __func__,     \
                                 #condition)))

#define CHECK_TEXT(found, wanted) \
    check_text(__FILE__, __LINE__, __func__, found, wanted)

static inline void check_text(const char *file, int line, const char *test,
                              const char *found, const char *wanted)
{
    if (!found)
        found = "(there is no text)";
    if (strcmp(found, wanted) == 0)
        return;
    checks_failed++;
    printf("%s:%d: %s:\n  found  \"%s\"\n  wanted \"%s\"\n", file, line, test,
           found, wanted);
}

/* Runs all tests; counts[0] have passed, counts[1] have failed. */
static inline void run_tests(int counts[2])
{
    for (struct test *t = tests; t; t = t->next) {
        int before = checks_failed;

        t->run();
        counts[checks_failed != before]++;
    }
}

#endif
