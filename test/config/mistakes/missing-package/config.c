#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    package("libno-such-thing-dev");
    library("no-such-library");
    library("zlib");
    unikernel("needs", start(default_console));
}
