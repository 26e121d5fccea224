/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, network);

void configure(void)
{
    unikernel("ping", start(default_console, tap0));
}
