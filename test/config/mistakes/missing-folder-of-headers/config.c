#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    job_include(j, "inc");
    unikernel("sources", j);
}
