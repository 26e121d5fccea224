/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(measure, console, block, stackv4);

void configure(void)
{
    unikernel("xen_guest",
              measure(default_console, block_of_file("xvda"),
                      direct_stackv4_with_default_ipv4(default_console, tap0)));
}
