#include <mirage/config.h>

static volatile int turns;

void configure(void)
{
    while (1)
        turns = turns + 1 > 1000 ? 0 : turns + 1;
}
