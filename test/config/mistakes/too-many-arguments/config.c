#include <mirage/config.h>

JOB(start, kv_ro);

void configure(void)
{
    unikernel("many", start(crunch("a", "b")));
}
