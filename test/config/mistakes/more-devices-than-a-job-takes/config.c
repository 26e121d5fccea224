#include <mirage/config.h>

JOB(start, console, console, console, console, console, console, console,
    console, console, console, console, console, console);

void configure(void)
{
    unikernel("thirteen", start(default_console));
}
