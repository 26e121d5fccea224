/* SPDX-License-Identifier: ISC */
/*
 * Measures sleeping fibers: memory of each, whether its stack is guarded, and
 * whether they wake in order and on time.
 */
#define _GNU_SOURCE
#include "sleep.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/main.h>
#include <unistd.h>

BOOT_NUMBER(sleepers, 10000, 1, 1000000, "how many fibers sleep");
BOOT_FLAG(alone, "one fiber sleeps for a second, and no other");

static struct waiters go, all_awake;
static nanoseconds first_due;
static double *late, *due;
static size_t awake, guarded;
static int probe[2];

static bool is_readable(const void *byte)
{
    if (write(probe[1], byte, 1) < 0)
        return errno != EFAULT;
    return read(probe[0], &(char){0}, 1) == 1;
}

/*
 * A system call that reads the byte below the stack must fail. The struct of
 * the fiber is in the highest page of the stack.
 */
static bool is_guarded(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)fiber_self() / page * page + page;
    char *low = (char *)end - FIBER_STACK;

    return is_readable(low) && !is_readable(low - 1);
}

static void sleeper(void *ctx)
{
    size_t i = (size_t)ctx;
    double mine = sleep_due(i, (size_t)sleepers);
    nanoseconds deadline;

    if (wait_until(&go, FOREVER) != OK)
        give_up("a fiber was cancelled");
    deadline = first_due + (nanoseconds)(mine * 1e9);
    if (time_sleep_until(deadline) != OK)
        give_up("a sleep was cancelled");
    due[awake] = mine;
    late[awake++] = (double)(int64_t)(time_now() - deadline) * 1e-9;
    guarded += is_guarded();
    if (awake == (size_t)sleepers)
        wake_all(&all_awake);
}

static void *memory_in_use(size_t size)
{
    void *memory = malloc(size);

    if (!memory)
        give_up("no memory");
    return memset(memory, 1, size);
}

static void sleep_alone(void)
{
    nanoseconds deadline = time_after(SECOND);

    if (time_sleep_until(deadline) != OK)
        give_up("a sleep was cancelled");
    report("alone", (double)(time_now() - deadline) * 1e-9, "s");
}

static void sleep_together(void)
{
    size_t count = (size_t)sleepers;
    struct fiber **fibers = memory_in_use(count * sizeof(struct fiber *));
    struct memory before, after;
    struct moment start, end, woken;

    late = memory_in_use(count * sizeof *late);
    due = memory_in_use(count * sizeof *due);
    if (pipe2(probe, O_NONBLOCK) != 0)
        give_up("no pipe");
    before = memory_now();
    start = moment_now();
    for (size_t i = 0; i < count; i++)
        if (fiber_spawn(NULL, sleeper, (void *)i, &fibers[i]) != OK)
            give_up("no memory for a fiber");
    (void)fiber_yield();
    end = moment_now();
    first_due = time_after((nanoseconds)(SLEEP_BEFORE * 1e9));
    wake_all(&go);
    (void)fiber_yield();
    after = memory_now();
    if (time_now() > first_due)
        give_up("the sleepers took too long to fall asleep");
    while (awake < count)
        if (wait_until(&all_awake, FOREVER) != OK)
            give_up("the first fiber was cancelled");
    for (size_t i = 0; i < count; i++)
        while (fiber_join(fibers[i], FOREVER) != OK)
            ;
    woken = moment_now();
    report_sleep(count, count,
                 (struct moment){end.wall - start.wall, end.cpu - start.cpu},
                 woken.cpu - end.cpu,
                 (struct memory){after.resident - before.resident,
                                 after.kernel - before.kernel},
                 late, due);
    report_as("guarded", count, (double)guarded, "1");
}

void mirage_main(void)
{
    if (alone)
        sleep_alone();
    else
        sleep_together();
}
