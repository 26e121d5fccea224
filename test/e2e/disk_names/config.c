/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, block, block, block);

void configure(void)
{
    /* They are connected in this order. */
    block first = block_of_file("first.img");
    block second = block_of_file("second.img");
    block third = block_of_file("third-of-a-long-name.img");

    unikernel("names", start(first, second, third));
}
