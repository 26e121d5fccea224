#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("broken", start(default_consle));
}
