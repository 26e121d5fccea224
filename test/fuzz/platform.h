/* SPDX-License-Identifier: ISC */
/* platform: the platform for fuzz targets. */
#ifndef FUZZ_PLATFORM_H
#define FUZZ_PLATFORM_H

#include <mirage/time.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* platform_exit jumps here: call setjmp before code that may end the image. */
extern jmp_buf fuzz_exit;

/* What is left of the input, for targets that read it by bytes. After its end
 * all are 0. */
extern const uint8_t *fuzz_input;
extern size_t fuzz_left;

static inline void begin_input(const uint8_t *data, size_t size)
{
    fuzz_input = data;
    fuzz_left = size;
}

static inline uint8_t next_byte(void)
{
    if (fuzz_left == 0)
        return 0;
    fuzz_left--;
    return *fuzz_input++;
}

/* The time, which advances when a fiber waits or the target sets it. */
extern nanoseconds fuzz_now;

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

#endif
