#include <mirage/config.h>

void configure(void)
{
    const char *mode = env("FS", "direct");

    if (!is(mode, "fat") && !is(mode, "crunch") && !is(mode, "direct"))
        fail("FS=%s: expected fat, crunch or direct", mode);
}
