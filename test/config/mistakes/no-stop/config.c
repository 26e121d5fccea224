#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job j = start(default_console);

    job_stop(j, "halt");
    unikernel("stop", j);
}
