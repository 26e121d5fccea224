/* SPDX-License-Identifier: ISC */
/* Draws random numbers, and has no device but the console. */
#include <mirage.h>

void start(struct console *c)
{
    nanoseconds before = time_now();
    uint32_t drawn[4];

    random_bytes(drawn, sizeof drawn);
    console_log(c, "first random number after %llu ms: %08x%08x",
                (unsigned long long)((time_now() - before) / MILLISECOND),
                (unsigned)drawn[0], (unsigned)drawn[1]);
    (void)time_sleep(SECOND);
}
