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

#include "checks.h"
#include <mirage/fiber.h>
#include <mirage/main.h>
#include <mirage/platform.h>

/* The pages that tests reserve, once for all tests of a program. */
#define TEST_PAGES 8192

__attribute__((weak)) const char mirage_name[] = "test";

__attribute__((weak)) void mirage_main(void)
{
    int counts[2] = {0};

    run_tests(counts);
    /* Lets core print its warning about slow fibers before the last line. */
    (void)fiber_yield();
    printf("%d passed, %d failed\n", counts[0], counts[1]);
    fflush(stdout);
    if (counts[1] > 0)
        platform_exit(1);
}

#endif
