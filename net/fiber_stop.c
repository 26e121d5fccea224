/* SPDX-License-Identifier: ISC */
/*
 * The end of a layer's own fiber.
 */
#include "fiber_stop.h"

void fiber_stop(struct fiber *fiber)
{
    if (!fiber)
        return;
    fiber_shield();
    fiber_cancel(fiber);
    while (fiber_join(fiber, FOREVER) != OK)
        continue;
    fiber_unshield();
}
