/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(disks, block, block, block);
JOB(stacks, stackv4, stackv4);

static stackv4 stack(const char *name, const char *address)
{
    return direct_stackv4_with_static_ipv4(default_console, netif(name),
                                           address, "255.255.255.0", "");
}

void configure(void)
{
    job of_disks = disks(block_of_file("xvda"), block_of_file("xvdb"),
                         block_of_file("xvdc"));

    unikernel("contracts", together(of_disks, stacks(stack("0", "10.0.0.2"),
                                                     stack("1", "10.0.0.3"))));
}
