#include <mirage/config.h>

JOB(start, console);

void configuer(void)
{
    unikernel("nothing", start(default_console));
}
