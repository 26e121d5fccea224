#include <mirage/config.h>

void configure(void)
{
    package("x; rm -rf");
}
