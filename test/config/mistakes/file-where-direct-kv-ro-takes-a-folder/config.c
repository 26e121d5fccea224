#include <mirage/config.h>

JOB(start, kv_ro);

void configure(void)
{
    unikernel("files", start(direct_kv_ro("t/a")));
}
