#include <mirage/config.h>

JOB(begin, console);

void configure(void)
{
    unikernel("entry", begin(default_console));
}
