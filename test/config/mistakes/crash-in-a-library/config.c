#include <mirage/config.h>
#include <string.h>

JOB(start, console);

void configure(void)
{
    const char *volatile text = NULL;

    unikernel(strchr(text, 'x'), start(default_console));
}
