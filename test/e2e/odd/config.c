/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("odd", start(default_console));
}
