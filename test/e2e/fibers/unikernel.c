/* SPDX-License-Identifier: ISC */
/* Fibers in each state, for a debugger with a breakpoint at stop_here. */
#include <mirage.h>

static struct waiters never;

void stop_here(struct console *c);

static void sleeper(void *ctx)
{
    (void)ctx;
    require(time_sleep(1000 * SECOND) == OK);
}

static void waiter(void *ctx)
{
    (void)ctx;
    require(wait_until(&never, FOREVER) == OK);
}

static void patient(void *ctx)
{
    require(fiber_join(ctx, FOREVER) == OK);
}

static void busy(void *ctx)
{
    (void)ctx;
    while (fiber_yield() == OK)
        ;
}

static struct fiber *spawned(const char *name, fiber_fn *fn, void *ctx)
{
    struct fiber_options options = {.name = name};
    struct fiber *f;

    require(fiber_spawn(&options, fn, ctx, &f) == OK);
    return f;
}

__attribute__((noinline)) void stop_here(struct console *c)
{
    console_log(c, "here");
}

void start(struct console *c)
{
    struct fiber *s = spawned("sleeper", sleeper, NULL);

    spawned("waiter", waiter, NULL);
    spawned("patient", patient, s);
    spawned("busy", busy, NULL);
    for (int i = 0; i < 3; i++)
        require(fiber_yield() == OK);
    stop_here(c);
}
