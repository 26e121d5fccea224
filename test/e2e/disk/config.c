/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, block);

void configure(void)
{
    unikernel("disk", start(block_of_file("disk.img")));
}
