#include <mirage/config.h>

JOB(start, block, block);

void configure(void)
{
    block one = block_of_file("disk.img");
    block two = block_of_file("./disk.img");

    unikernel("disks", start(one, two));
}
