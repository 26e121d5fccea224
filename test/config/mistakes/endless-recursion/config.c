#include <mirage/config.h>

static int depth(int n) { return n < 0 ? 0 : 1 + depth(n + 1); }

void configure(void)
{
    fail("depth %d", depth(0));
}
