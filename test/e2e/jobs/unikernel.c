/* SPDX-License-Identifier: ISC */
/*
 * Three concurrent jobs: one with a stop function that waits, one that is
 * cancelled, one that ends by itself.
 */
#include <mirage.h>

static bool asked;
static struct waiters asking;

void patient(struct console *c)
{
    console_log(c, "patient starts");
    while (!asked)
        if (wait_until(&asking, FOREVER) != OK)
            console_log(c, "patient was cancelled, which is wrong");
    time_sleep(100 * MILLISECOND);
    console_log(c, "patient ends");
}

void patient_stop(void)
{
    time_sleep(100 * MILLISECOND);
    asked = true;
    wake_all(&asking);
}

void obedient(struct console *c)
{
    console_log(c, "obedient starts");
    while (time_sleep(SECOND) == OK)
        ;
    console_log(c, "obedient ends");
}

void brief(struct console *c)
{
    console_log(c, "brief starts");
    time_sleep(10 * MILLISECOND);
    console_log(c, "brief ends");
}
