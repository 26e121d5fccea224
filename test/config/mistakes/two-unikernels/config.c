#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("one", start(default_console));
    unikernel("two", start(default_console));
}
