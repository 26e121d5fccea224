#include <mirage/config.h>

JOB(start, block, block);

void configure(void)
{
    block one = block_of_file("/dev/fd/0"), two;

    two = block_of_file("/dev/stdin");
    unikernel("disks", start(one, two));
}
