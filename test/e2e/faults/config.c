/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("faults", start(default_console));
}
