/* SPDX-License-Identifier: ISC */
/* Counts conditions that hold, and prints those that do not. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>

static int passed, failed;

#define EXPECT(condition)                                                  \
    do {                                                                   \
        if (condition) {                                                   \
            passed++;                                                      \
        } else {                                                           \
            failed++;                                                      \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                  \
    } while (0)

#define CONCLUDE() \
    (printf("%d passed, %d failed\n", passed, failed), failed > 0)

#endif
