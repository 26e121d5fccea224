#include <mirage/config.h>

JOB(start, console, fs);

void configure(void)
{
    unikernel("files", start(default_console, fat_of_files("t")));
}
