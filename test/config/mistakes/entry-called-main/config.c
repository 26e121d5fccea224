#include <mirage/config.h>

JOB(main, console);

void configure(void)
{
    unikernel("main", main(default_console));
}
