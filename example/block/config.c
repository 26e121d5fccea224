/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, block);

void configure(void)
{
    block img = block_of_file(target() == XEN ? "xvda1" : "disk.img");

    unikernel("block_test", start(default_console, img));
}
