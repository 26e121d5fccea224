/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_PLATFORM_H
#define FUZZ_PLATFORM_H

#include <mirage/time.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>

/* Where platform_exit goes: setjmp it before what may end the image. */
extern jmp_buf fuzz_exit;

/* The time: it goes on when somebody waits, or the target says so. */
extern nanoseconds fuzz_now;

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

#endif
