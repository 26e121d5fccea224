#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    for (;;)
        ;
}
