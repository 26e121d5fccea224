/* SPDX-License-Identifier: ISC */
/* Measures switches between fibers, and starting and joining them. */
#include "measure.h"
#include <mirage/main.h>

BOOT_STRING(measure, "switch", "switch, message, spawn or burst");

#define YIELDS   4000000
#define MESSAGES 1000000
#define SPAWNS   300000
#define BURST    1000
#define BURSTS   20

static void yield(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < YIELDS; i++)
        (void)fiber_yield();
}

static void end_at_once(void *ctx)
{
    (void)ctx;
}

static void spawn(struct fiber **f, fiber_fn *fn)
{
    if (fiber_spawn(NULL, fn, NULL, f) != OK)
        give_up("no memory for a fiber");
}

static void join(struct fiber *f)
{
    while (fiber_join(f, FOREVER) != OK)
        ;
}

/* Two fibers yield to each other. */
static void measure_switch(void)
{
    struct fiber *a, *b;
    struct moment start = moment_now();

    spawn(&a, yield);
    spawn(&b, yield);
    join(a);
    join(b);
    report_each("switch", start, 2.0 * YIELDS);
}

static struct mailbox there, back;

static void answer(void *ctx)
{
    void *message;

    (void)ctx;
    while (mailbox_receive(&there, &message, FOREVER) == OK)
        if (mailbox_send(&back, message, FOREVER) != OK)
            give_up("an answer was not sent");
}

/* A message is sent to another fiber and back. */
static void measure_message(void)
{
    void *slots[2], *message = NULL;
    struct fiber *f;
    struct moment start;

    mailbox_init(&there, &slots[0], 1);
    mailbox_init(&back, &slots[1], 1);
    spawn(&f, answer);
    start = moment_now();
    for (int i = 0; i < MESSAGES / 2; i++)
        if (mailbox_send(&there, message, FOREVER) != OK ||
            mailbox_receive(&back, &message, FOREVER) != OK)
            give_up("a message was lost");
    report_each("message", start, MESSAGES);
    mailbox_close(&there);
    join(f);
}

/* Fibers are spawned and joined one by one. */
static void measure_spawn(void)
{
    struct moment start = moment_now();

    for (int i = 0; i < SPAWNS; i++) {
        struct fiber *f;

        spawn(&f, end_at_once);
        join(f);
    }
    report_each("spawn", start, SPAWNS);
}

/* All fibers are spawned, then all are joined. */
static void measure_burst(void)
{
    static struct fiber *f[BURST];
    struct moment start = moment_now();

    for (int n = 0; n < BURSTS; n++) {
        for (int i = 0; i < BURST; i++)
            spawn(&f[i], end_at_once);
        for (int i = 0; i < BURST; i++)
            join(f[i]);
    }
    report_each("burst", start, BURST * BURSTS);
}

void mirage_main(void)
{
    if (strcmp(measure, "switch") == 0)
        measure_switch();
    else if (strcmp(measure, "message") == 0)
        measure_message();
    else if (strcmp(measure, "spawn") == 0)
        measure_spawn();
    else if (strcmp(measure, "burst") == 0)
        measure_burst();
    else
        give_up("--measure is switch, message, spawn or burst");
}
