#include <mirage/config.h>

JOB(first);
JOB(second, job);

void configure(void)
{
    unikernel("wrong", second(first()));
}
