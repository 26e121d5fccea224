/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, console);

void configure(void)
{
    unikernel("ports", start(default_console, custom_console("agent")));
}
