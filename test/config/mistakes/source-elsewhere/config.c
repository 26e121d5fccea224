#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    job_source(start(default_console), "/etc/passwd");
}
