#include <mirage/config.h>

JOB(start, console, block);

void configure(void)
{
    console disk = default_console;

    unikernel("block_test", start(default_console, disk));
}
