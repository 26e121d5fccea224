/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, stackv4);

void configure(void)
{
    package("libbearssl-dev"); /* Makefile.user links it */
    unikernel("transfer",
              start(direct_stackv4_with_default_ipv4(default_console, tap0)));
}
