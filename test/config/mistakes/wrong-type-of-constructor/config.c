#include <mirage/config.h>

JOB(start, console, kv_ro);

void configure(void)
{
    console log = default_console;

    unikernel("wrong", start(log,
                             kv_ro_of_fs(log)));
}
