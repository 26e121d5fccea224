#include <mirage/config.h>

JOB(start, kv_ro);

void configure(void)
{
    unikernel("files", start(crunch("t/a")));
}
