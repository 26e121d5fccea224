/* SPDX-License-Identifier: ISC */
#include <mirage.h>

JOB(start, console);

void configure(void)
{
    unikernel("console", start(default_console));
}
