#include <mirage/config.h>

JOB(start, console);

static int *nowhere;

static void helper(void)
{
    *nowhere = 1;
}

void configure(void)
{
    helper();
    unikernel("crash", start(default_console));
}
