#include <mirage/config.h>

void configure(void)
{
    unikernel("wrong", default_console);
}
