#include <mirage/config.h>

#include "jobs.h"

void configure(void)
{
    unikernel("elsewhere", begin(default_console));
}
