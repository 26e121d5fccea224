#include <mirage/config.h>

JOB(start, fs);

void configure(void)
{
    unikernel("files", start(fat_of_files("./t/a")));
}
