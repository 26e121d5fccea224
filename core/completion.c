/* SPDX-License-Identifier: ISC */
/* The end of a request that a device finishes later. */
#include <mirage/completion.h>
#include <mirage/panic.h>

void completion_finish(struct completion *c, enum status s)
{
    require(!c->is_done);
    c->status = s;
    c->is_done = true;
    wake_all(&c->waiters);
}

enum status completion_wait(struct completion *c)
{
    fiber_shield();
    while (!c->is_done)
        if (wait_until(&c->waiters, FOREVER) != OK)
            continue;
    fiber_unshield();
    return c->status;
}
