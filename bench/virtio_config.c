/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, block, stackv4);

void configure(void)
{
    unikernel("virtio_guest",
              start(block_of_file("disk"),
                    direct_stackv4_with_default_ipv4(default_console, tap0)));
}
