/* SPDX-License-Identifier: ISC */
#include <mirage.h>

void start(struct console *c)
{
    console_log(c, "hello");
}
