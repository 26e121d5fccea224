/* SPDX-License-Identifier: ISC */
/*
 * Fibers and their scheduler. There is no scheduler fiber: a fiber that waits
 * switches directly to the next in the ready queue. A waiting fiber is in a
 * list of waiters, in the heap of timers, or in both; make_ready removes it
 * from both, so that a wait ends exactly once. The struct of a fiber is at the
 * top of its stack, which the next fiber to run frees.
 */
#include "report.h"
#include "sanitizer.h"
#include "timer.h"
#include <mirage/arch.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define NAME_SIZE    32
#define STACKS_KEPT  256
#define STACK_CANARY 0x5afe57ac4b0770e5u

/* How long ready fibers may run before events are polled, and the most switches
 * between two readings of the clock. */
#define EVENTS_EVERY (50 * MICROSECOND)
#define SWITCHES     64

/* How long a fiber may run without a warning, and for how long each switch is
 * timed after one of several fibers has run for that long. */
#define SLOW    SECOND
#define CAREFUL (60 * SECOND)

struct fiber {
    void *sp; /* valid while it does not run */
    struct fiber *older, *newer; /* in the list of all fibers */
    struct fiber *next; /* in the ready queue, or among kept stacks */
    struct waiters *waiting_in; /* NULL: in none */
    struct fiber *before, *after; /* in waiting_in */
    struct timer timer; /* the deadline of its wait */
    enum status outcome; /* what its wait returns */
    bool waiting, cancelled, ended, watched;
    bool slow; /* the warning was logged */
    unsigned shields;
    void *fake_stack; /* for the address sanitizer */
    struct waiters joiners;
    fiber_fn *fn;
    void *ctx;
    struct stack stack;
    char name[NAME_SIZE];
};

static struct fiber boot; /* what runs first, on the stack of the platform */
static struct fiber *running = &boot;
static struct fiber *newest; /* for debuggers: all fibers but boot */
static struct fiber *ready_first, *ready_last;
static struct timers timers;
static struct fiber *leaving; /* has ended; its stack is to be freed */
static struct fiber *kept; /* free stacks of the default size */
static size_t kept_count;
static unsigned switches_left = 1, switches_between = 1;
static nanoseconds last_look, careful_until;

static struct fiber *fiber_of(struct timer *t)
{
    return containing(t, struct fiber, timer);
}

static void push_ready(struct fiber *f)
{
    f->next = NULL;
    if (ready_first)
        ready_last->next = f;
    else
        ready_first = f;
    ready_last = f;
}

static void leave_waiters(struct fiber *f)
{
    struct waiters *w = f->waiting_in;

    if (!w)
        return;
    if (f->before)
        f->before->after = f->after;
    else
        w->first = f->after;
    if (f->after)
        f->after->before = f->before;
    else
        w->last = f->before;
    f->waiting_in = NULL;
}

static void make_ready(struct fiber *f, enum status outcome)
{
    leave_waiters(f);
    timer_remove(&timers, &f->timer);
    f->waiting = false;
    f->outcome = outcome;
    push_ready(f);
}

static void warn_slow(struct fiber *f, nanoseconds length)
{
    if (f == &boot || f->slow)
        return;
    f->slow = true;
    report_slow(f->name, length);
}

/*
 * Finds out why events were not polled for SLOW. If no other fiber has run
 * since, the running fiber is to blame. Otherwise each switch is timed for a
 * while, so that the next time the fiber is known.
 */
static __attribute__((noinline, cold)) void find_slow(nanoseconds now)
{
    /* The present switch was counted if a fiber is ready. */
    unsigned others = switches_between - switches_left - (ready_first ? 1 : 0);

    if (platform_was_held(now - last_look))
        return;
    if (others == 0)
        warn_slow(running, now - last_look);
    careful_until = now + CAREFUL;
}

void fiber_tick(nanoseconds since_last)
{
    static const struct fiber *was;
    static unsigned left;
    static nanoseconds look, length;

    if (running != was || switches_left != left || last_look != look) {
        was = running;
        left = switches_left;
        look = last_look;
        length = 0;
        return;
    }
    length += since_last;
    if (length >= SLOW)
        warn_slow(running, length);
}

/*
 * Polls for events, and idles when no fiber is ready. Otherwise the number of
 * switches between two readings of the clock adapts, so that events are polled
 * about every EVENTS_EVERY at little cost to fibers that switch often.
 */
static void poll_events(void)
{
    nanoseconds now = platform_now();

    if (ready_first && now - last_look < EVENTS_EVERY) {
        if (switches_between < SWITCHES && now >= careful_until)
            switches_between *= 2;
        switches_left = switches_between;
        return;
    }
    if (now - last_look >= SLOW && last_look > 0)
        find_slow(now);
    do {
        platform_wait(ready_first ? 0 : timers_deadline(&timers));
        now = platform_now();
        while (timers_deadline(&timers) <= now && timers.soonest)
            make_ready(fiber_of(timers.soonest), ERR_TIMEOUT);
    } while (!ready_first);
    if (switches_between > 1)
        switches_between = now < careful_until ? 1 : switches_between / 2;
    switches_left = switches_between;
    last_look = now;
}

static void enlist(struct fiber *f)
{
    f->older = newest;
    if (newest)
        newest->newer = f;
    newest = f;
}

static void delist(const struct fiber *f)
{
    if (f->older)
        f->older->newer = f->newer;
    if (f->newer)
        f->newer->older = f->older;
    else
        newest = f->older;
}

static void free_stack(struct fiber *f)
{
    struct stack stack = f->stack;

    delist(f);
    sanitizer_forget(stack.low, stack.size);
    if (stack.size == FIBER_STACK && kept_count < STACKS_KEPT) {
        f->next = kept;
        kept = f;
        kept_count++;
        return;
    }
    platform_stack_free(&stack);
}

static void check_canary(const struct fiber *f)
{
    uint64_t canary;

    if (f->stack.guarded || f == &boot)
        return;
    memcpy(&canary, f->stack.low, sizeof canary);
    if (canary != STACK_CANARY)
        panic("stack overflow in fiber \"%s\": its %zu KiB are used up",
              f->name, f->stack.size / 1024);
}

/* Frees the stack of the fiber that has ended in the last switch. */
static void reap(void)
{
    if (leaving) {
        free_stack(leaving);
        leaving = NULL;
    }
}

/* Switches to the next ready fiber; returns when this one runs again. */
static void schedule(void)
{
    struct fiber *me = running, *to;

    check_canary(me);
    if (!ready_first || --switches_left == 0)
        poll_events();
    to = ready_first;
    ready_first = to->next;
    if (to == me)
        return;
    running = to;
    sanitizer_leave(me->ended ? NULL : &me->fake_stack, to->stack.low,
                    to->stack.size);
    arch_switch(&me->sp, to->sp);
    sanitizer_arrive(me->fake_stack, NULL, NULL);
    reap();
}

static void entry(void)
{
    struct fiber *me = running;
    uint8_t *low = NULL;
    size_t size = 0;

    /* The first fiber is switched to from boot, and learns the bounds of its
     * stack. */
    sanitizer_arrive(NULL, (const void **)&low, &size);
    if (!boot.stack.low)
        boot.stack = (struct stack){low, size, true};
    reap();
    me->fn(me->ctx);
    me->ended = true;
    wake_all(&me->joiners);
    if (!me->watched)
        leaving = me;
    schedule();
    panic("an ended fiber was switched to");
}

static struct fiber *new_stack(size_t size, struct stack *stack)
{
    struct fiber *f = kept;

    if (size == FIBER_STACK && f) {
        kept = f->next;
        kept_count--;
        *stack = f->stack;
        return f;
    }
    if (platform_stack(size, stack) != OK)
        return NULL;
    if (!stack->guarded)
        memcpy(stack->low, &(uint64_t){STACK_CANARY}, sizeof(uint64_t));
    return (struct fiber *)(void *)(stack->low + stack->size -
                                    (sizeof *f + 15) / 16 * 16);
}

static struct fiber *new_fiber(const struct fiber_options *options,
                               fiber_fn *fn, void *ctx, bool watched)
{
    size_t size = options && options->stack ? options->stack
                                            : FIBER_STACK;
    const char *name = options && options->name ? options->name : "fiber";
    struct stack stack;
    struct fiber *f = new_stack(size, &stack);

    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    f->stack = stack;
    f->fn = fn;
    f->ctx = ctx;
    f->watched = watched;
    memcpy(f->name, name, strnlen(name, NAME_SIZE - 1));
    f->sp = arch_stack(f, entry);
    enlist(f);
    push_ready(f);
    return f;
}

enum status fiber_start(fiber_fn *fn, void *ctx)
{
    return fiber_start_with(NULL, fn, ctx);
}

enum status fiber_start_with(const struct fiber_options *options, fiber_fn *fn,
                             void *ctx)
{
    return new_fiber(options, fn, ctx, false) ? OK : ERR_NO_MEMORY;
}

enum status fiber_spawn(const struct fiber_options *options, fiber_fn *fn,
                        void *ctx, struct fiber **fiber)
{
    struct fiber *f = new_fiber(options, fn, ctx, true);

    if (!f)
        return ERR_NO_MEMORY;
    *fiber = f;
    return OK;
}

enum status fiber_join(struct fiber *f, nanoseconds deadline)
{
    require(f->watched && f != running && !f->joiners.first);
    while (!f->ended) {
        enum status s = wait_until(&f->joiners, deadline);

        if (s != OK)
            return s;
    }
    free_stack(f);
    return OK;
}

static bool must_end(const struct fiber *f)
{
    return f->cancelled && f->shields == 0;
}

void fiber_cancel(struct fiber *f)
{
    f->cancelled = true;
    if (f->waiting && !f->ended && must_end(f))
        make_ready(f, ERR_CANCELLED);
}

bool fiber_is_cancelled(void)
{
    return running->cancelled;
}

void fiber_shield(void)
{
    running->shields++;
}

void fiber_unshield(void)
{
    require(running->shields > 0);
    running->shields--;
}

struct fiber *fiber_self(void)
{
    return running;
}

const char *fiber_name(const struct fiber *f)
{
    return f == &boot ? "boot" : f->name;
}

enum status fiber_yield(void)
{
    push_ready(running);
    schedule();
    return must_end(running) ? ERR_CANCELLED : OK;
}

static enum status wait_in(struct waiters *w, nanoseconds deadline)
{
    struct fiber *me = running;

    if (must_end(me))
        return fiber_yield();
    if (w) {
        me->waiting_in = w;
        me->before = w->last;
        me->after = NULL;
        if (w->last)
            w->last->after = me;
        else
            w->first = me;
        w->last = me;
    }
    if (deadline != FOREVER)
        timer_add(&timers, &me->timer, deadline);
    me->waiting = true;
    schedule();
    return me->outcome;
}

enum status wait_until(struct waiters *w, nanoseconds deadline)
{
    return wait_in(w, deadline);
}

void wake_one(struct waiters *w)
{
    if (w->first)
        make_ready(w->first, OK);
}

void wake_all(struct waiters *w)
{
    while (w->first)
        make_ready(w->first, OK);
}

nanoseconds time_now(void)
{
    return platform_now();
}

nanoseconds time_wall(void)
{
    return platform_wall();
}

nanoseconds time_after(nanoseconds length)
{
    nanoseconds now = platform_now();

    return length > FOREVER - now ? FOREVER : now + length;
}

enum status time_sleep_until(nanoseconds deadline)
{
    enum status s = wait_in(NULL, deadline);

    return s == ERR_TIMEOUT ? OK : s;
}

enum status time_sleep(nanoseconds length)
{
    if (length == 0)
        return fiber_yield();
    return time_sleep_until(time_after(length));
}

struct stack image_fiber_stack(void)
{
    return running->stack;
}

const char *image_fiber_name(void)
{
    return fiber_name(running);
}

void image_panic(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report_panic(image_fiber_name(), (uintptr_t)__builtin_frame_address(0),
                 file, line, fmt, args);
}
