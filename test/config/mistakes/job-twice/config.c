#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    unikernel("twice", together(j, j));
}
