#include <mirage/config.h>
#include <assert.h>

void configure(void)
{
    assert(target() == XEN);
}
