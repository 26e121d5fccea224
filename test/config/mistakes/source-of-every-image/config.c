#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    job_source(j, "./unikernel.c");
    unikernel("twice", j);
}
