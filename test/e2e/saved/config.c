/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(keep, console, block);
JOB(echo, stackv4);

void configure(void)
{
    block disk = block_of_file("xvda");
    stackv4 net = direct_stackv4_with_default_ipv4(default_console, tap0);

    unikernel("saved", together(keep(default_console, disk), echo(net)));
}
