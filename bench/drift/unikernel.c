/* SPDX-License-Identifier: ISC */
/*
 * Tells its two clocks on the console, ten times a second, and how many of its
 * sleeps have ended early so far. bench/drift.c compares them with the host's.
 */
#include <mirage.h>

static unsigned early;

static enum status sleep_for(nanoseconds length)
{
    nanoseconds before = time_now();
    enum status s = time_sleep(length);

    early += s == OK && time_now() - before < length;
    return s;
}

/* Of lengths that end between the ticks of whatever timer there is. */
static enum status sleep_often(void)
{
    enum status s = OK;

    for (nanoseconds n = 977; n < 100 * MILLISECOND && s == OK; n *= 3)
        s = sleep_for(n);
    return s;
}

void start(struct console *c)
{
    while (sleep_often() == OK)
        console_log(c, "clocks %llu %llu early %u",
                    (unsigned long long)time_now(),
                    (unsigned long long)time_wall(), early);
}
