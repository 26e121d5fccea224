#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    job_source(j, "t.c");
    unikernel("sources", j);
}
