#include <mirage/config.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

JOB(start, console);

void configure(void)
{
    if (fork() == 0)
        abort();
    fork();
    getchar();
    unikernel("forks", start(default_console));
}
