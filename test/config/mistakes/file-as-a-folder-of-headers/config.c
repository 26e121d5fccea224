#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    job_include(j, "t.c/a");
    unikernel("sources", j);
}
