/* SPDX-License-Identifier: ISC */
/*
 * check: unit tests. A test program is an image; its first fiber runs the TESTs
 * in the order in which they are written. It ends with "N passed, N failed".
 *
 *     TEST(a_sentence_that_is_true)
 *     {
 *         CHECK(1 + 1 == 2);
 *     }
 *
 * A CHECK that fails is printed with its file and line, and the test goes on.
 * Definitions are weak, so that several files of tests can be one program.
 */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <mirage/fiber.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdio.h>
#include <string.h>

/* The pages that tests reserve, once for all tests of a program. */
#define TEST_PAGES 8192

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
    if (strcmp(found, wanted) == 0)
        return;
    checks_failed++;
    printf("%s:%d: %s:\n  found  \"%s\"\n  wanted \"%s\"\n", file, line, test,
           found, wanted);
}

__attribute__((weak)) const char mirage_name[] = "test";

__attribute__((weak)) void mirage_main(void)
{
    int passed = 0, failed = 0;

    for (struct test *t = tests; t; t = t->next) {
        int before = checks_failed;

        t->run();
        checks_failed == before ? passed++ : failed++;
    }
    /* Lets core print its warning about slow fibers before the last line. */
    (void)fiber_yield();
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    if (failed > 0)
        platform_exit(1);
}

#endif
