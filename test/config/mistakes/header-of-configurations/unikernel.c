/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

void start(struct console *c)
{
    for (int i = 0; i < 5; i++) {
        console_log(c, "hello");
        if (time_sleep(1 * SECOND) != OK)
            return; /* we were asked to stop */
        console_log(c, "world");
    }
}
