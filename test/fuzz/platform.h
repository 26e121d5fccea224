/* SPDX-License-Identifier: ISC */
/* platform: the platform for fuzz targets. */
#ifndef FUZZ_PLATFORM_H
#define FUZZ_PLATFORM_H

#include <mirage/time.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>

/* platform_exit jumps here: call setjmp before code that may end the image. */
extern jmp_buf fuzz_exit;

/* The time, which advances when a fiber waits or the target sets it. */
extern nanoseconds fuzz_now;

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

#endif
