#include <mirage/config.h>

JOB(start, block);

void configure(void)
{
    unikernel("files", start(block_of_file("t")));
}
