/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("drift", start(default_console));
}
