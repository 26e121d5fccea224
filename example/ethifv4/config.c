/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, network);

void configure(void)
{
    unikernel("ethifv4", start(default_console, tap0));
}
