/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, block, stackv4);

void configure(void)
{
    unikernel("restart",
              start(block_of_file("xvda"),
                    direct_stackv4_with_default_ipv4(default_console, tap0)));
}
