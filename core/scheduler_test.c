/* SPDX-License-Identifier: ISC */
/*
 * The scheduler of fiber.c on a clock and with stacks of the test: when events
 * are polled, which fibers are reported as slow, which stacks are kept.
 */
#include "report.h"
#include <mirage/platform.h>
#define platform_now        tested_now
#define platform_wait       tested_wait
#define platform_was_held   tested_was_held
#define platform_stack      tested_stack
#define platform_stack_free tested_stack_free
#define report_slow         tested_slow
#define report_panic        tested_panic
static nanoseconds tested_now(void);
static void tested_wait(nanoseconds deadline);
static bool tested_was_held(nanoseconds length);
static enum status tested_stack(size_t size, struct stack *stack);
static void tested_stack_free(const struct stack *stack);
static void tested_slow(const char *fiber, nanoseconds length);
static void tested_panic(const char *fiber, uintptr_t frame, const char *file,
                         int line, const char *fmt, va_list args)
    __attribute__((noreturn));
#include "fiber.c"
#undef platform_now
#undef platform_wait
#undef platform_was_held
#undef platform_stack
#undef platform_stack_free
#undef report_slow
#undef report_panic
#include "check.h"
#include <mirage/text.h>
#include <setjmp.h>

static bool testing; /* not: the platform's own clock is used */
static nanoseconds now;
static unsigned looks, waits; /* at the clock, and for events */
static nanoseconds last_wait, longest; /* between two waits */
static bool held;
static char slow_name[NAME_SIZE];
static nanoseconds slow_length;
static unsigned warnings;
static size_t stacks_made, stacks_freed;
static bool unguarded;
static jmp_buf out;
static bool panics;
static char panic_text[128];

static nanoseconds tested_now(void)
{
    looks++;
    return testing ? now : platform_now();
}

static void tested_wait(nanoseconds deadline)
{
    if (!testing) {
        platform_wait(deadline);
        return;
    }
    waits++;
    longest = max(longest, now - last_wait);
    last_wait = now;
    CHECK(deadline != FOREVER); /* nothing would end the wait */
    now = max(now, deadline);
}

static bool tested_was_held(nanoseconds length)
{
    CHECK(!testing || length >= SECOND);
    return testing ? held : platform_was_held(length);
}

static enum status tested_stack(size_t size, struct stack *stack)
{
    enum status s = platform_stack(size, stack);

    if (s == OK)
        stacks_made++;
    if (unguarded)
        stack->guarded = false;
    return s;
}

static void tested_stack_free(const struct stack *stack)
{
    stacks_freed++;
    platform_stack_free(stack);
}

static void tested_slow(const char *fiber, nanoseconds length)
{
    warnings++;
    slow_length = length;
    text_format(slow_name, sizeof slow_name, "%s", fiber);
}

static void tested_panic(const char *fiber, uintptr_t frame, const char *file,
                         int line, const char *fmt, va_list args)
{
    if (!panics)
        report_panic(fiber, frame, file, line, fmt, args);
    text_vformat(panic_text, sizeof panic_text, fmt, args);
    longjmp(out, 1);
}

/* Lets n switches take `length` each. */
static void yields(unsigned n, nanoseconds length)
{
    for (unsigned i = 0; i < n; i++) {
        now += length;
        CHECK(fiber_yield() == OK);
    }
}

/* Begins at a time of the test, at which each switch polls for events. */
static void begin(void)
{
    if (!testing)
        now = platform_now();
    testing = true;
    held = false;
    yields(2 * SWITCHES, 100 * MICROSECOND);
    now += 2 * CAREFUL;
    held = true; /* no fiber is slow because of the jump */
    yields(2, 100 * MICROSECOND);
    held = false;
    CHECK(switches_between == 1 && careful_until <= now);
    running->slow = false; /* other tests of the program may have been */
    looks = waits = warnings = 0;
    longest = 0;
    last_wait = now;
}

static void end(void)
{
    testing = false;
    last_look = platform_now();
    careful_until = 0;
}

TEST(while_time_stands_still_the_clock_is_read_every_64_switches)
{
    begin();
    yields(1 + 2 + 4 + 8 + 16 + 32 + 64, 0);
    CHECK(looks == 7 && waits == 0 && switches_between == SWITCHES);
    yields(640, 0);
    CHECK(looks == 17 && waits == 0 && switches_between == SWITCHES);
    end();
}

TEST(events_are_polled_about_every_50_microseconds)
{
    begin();
    yields(2000, 10 * MICROSECOND);
    CHECK(longest >= 50 * MICROSECOND && longest <= 150 * MICROSECOND);
    CHECK(waits >= 2000 * 10 / 150 && waits <= 2000 * 10 / 50);
    end();
    begin();
    yields(100, 50 * MICROSECOND);
    CHECK(waits == 100 && longest == 50 * MICROSECOND);
    end();
}

static void run_for(void *ctx)
{
    now += *(nanoseconds *)ctx;
}

/* Is alone, so that each of its switches is timed. */
static void run_alone(void *ctx)
{
    yields(3, 100 * MICROSECOND);
    now += *(nanoseconds *)ctx;
    yields(1, 0);
}

static void start(const char *name, nanoseconds *length)
{
    CHECK(fiber_start_as(name, run_for, length) == OK);
}

TEST(a_fiber_that_alone_runs_for_a_second_is_reported_once)
{
    static nanoseconds second = SECOND, less = SECOND - 1;
    struct fiber *f = NULL;

    begin();
    now += SECOND;
    yields(1, 0);
    CHECK(warnings == 1 && slow_length >= SECOND);
    CHECK_TEXT(slow_name, "main");
    now += 5 * SECOND;
    yields(1, 0);
    CHECK(warnings == 1);
    running->slow = false;
    begin();
    now += SECOND - 1;
    yields(1, 0);
    CHECK(warnings == 0);
    held = true; /* the machine was stopped: no fiber was slow */
    now += 10 * SECOND;
    yields(1, 0);
    CHECK(warnings == 0);
    end();
    begin();
    start("lazy", &less);
    yields(2, 0);
    CHECK(warnings == 0);
    CHECK(fiber_spawn(&(struct fiber_options){"busy", 0}, run_alone, &second,
                      &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(warnings == 1 && slow_length == SECOND);
    CHECK_TEXT(slow_name, "busy");
    end();
}

/* Two run one after the other while the clock is not read. */
TEST(of_several_fibers_the_slow_one_is_known_the_second_time)
{
    static nanoseconds second = SECOND, none;

    begin();
    yields(1 + 2 + 4 + 8, 0);
    CHECK(switches_between == 16);
    start("quick", &none);
    start("slow", &second);
    yields(16, 0);
    CHECK(warnings == 0 && switches_between == 1);
    CHECK(careful_until == now + CAREFUL);
    /* For a minute each switch is timed. */
    looks = 0;
    yields(10, 0);
    CHECK(looks == 10 && switches_between == 1);
    start("quick", &none);
    start("slow", &second);
    yields(2, 0);
    CHECK(warnings == 1);
    CHECK_TEXT(slow_name, "slow");
    now += 59 * SECOND;
    running->slow = true; /* nor because of this one */
    yields(1, 0);
    held = true;
    now = careful_until;
    yields(3, 0);
    CHECK(switches_between > 1);
    running->slow = false;
    end();
}

TEST(a_fiber_that_does_not_switch_is_reported_at_a_tick)
{
    begin();
    fiber_tick(10 * SECOND); /* the first sees who runs */
    fiber_tick(SECOND / 2);
    CHECK(warnings == 0);
    fiber_tick(SECOND / 2);
    CHECK(warnings == 1 && slow_length == SECOND);
    CHECK_TEXT(slow_name, "main");
    fiber_tick(SECOND);
    CHECK(warnings == 1);
    running->slow = false;
    warnings = 0;
    yields(1, 100 * MICROSECOND);
    fiber_tick(SECOND);
    fiber_tick(SECOND - 1);
    yields(1, 100 * MICROSECOND);
    fiber_tick(SECOND);
    fiber_tick(SECOND - 1);
    CHECK(warnings == 0);
    yields(4, 0);
    fiber_tick(SECOND);
    yields(1, 0); /* a switch at which the clock is not read counts, too */
    fiber_tick(SECOND);
    CHECK(warnings == 0);
    fiber_tick(SECOND);
    CHECK(warnings == 1);
    running->slow = false;
    end();
}

static void sleep_and_note(void *ctx)
{
    nanoseconds *woken = ctx;

    CHECK(time_sleep_until(*woken) == OK);
    *woken = now;
}

TEST(an_idle_image_waits_until_the_soonest_deadline)
{
    nanoseconds at[3], from;
    struct fiber *f[3];

    begin();
    from = now;
    for (int i = 0; i < 3; i++) {
        at[i] = from + (nanoseconds)(3 - i) * SECOND;
        CHECK(fiber_spawn(NULL, sleep_and_note, &at[i], &f[i]) == OK);
    }
    for (int i = 0; i < 3; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    for (int i = 0; i < 3; i++)
        CHECK(at[i] == from + (nanoseconds)(3 - i) * SECOND);
    CHECK(waits >= 3 && waits <= 6 && warnings == 0);
    from = now;
    CHECK(time_sleep(7 * SECOND) == OK && now == from + 7 * SECOND);
    CHECK(time_after(5) == now + 5);
    CHECK(time_after(FOREVER - now) == FOREVER);
    CHECK(time_after(FOREVER - now + 1) == FOREVER);
    CHECK(time_after(FOREVER - now - 1) == FOREVER - 1);
    end();
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

/* Runs n fibers at once, and joins them. */
static void run_many(size_t n, size_t stack)
{
    static struct fiber *f[STACKS_KEPT + 50];
    struct fiber_options o = {NULL, stack};

    stacks_made = stacks_freed = 0;
    for (size_t i = 0; i < n; i++)
        CHECK(fiber_spawn(&o, do_nothing, NULL, &f[i]) == OK);
    for (size_t i = 0; i < n; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
}

TEST(at_most_stacks_kept_stacks_of_the_default_size_are_kept)
{
    while (kept) { /* those of earlier tests */
        struct stack stack = kept->stack;

        kept = kept->next;
        kept_count--;
        platform_stack_free(&stack);
    }
    run_many(3, 2 * FIBER_STACK);
    CHECK(stacks_made == 3 && stacks_freed == 3);
    run_many(STACKS_KEPT + 50, 0);
    run_many(STACKS_KEPT + 50, FIBER_STACK);
    CHECK(stacks_made == 50 && stacks_freed == 50);
    CHECK(kept_count == STACKS_KEPT);
    run_many(STACKS_KEPT, 0);
    CHECK(stacks_made == 0 && stacks_freed == 0);
    run_many(3, 2 * FIBER_STACK);
    CHECK(stacks_made == 3 && stacks_freed == 3);
    run_many(3, FIBER_STACK / 2);
    CHECK(stacks_made == 3 && stacks_freed == 3);
}

TEST(a_fiber_that_is_not_joined_frees_its_stack_when_it_has_ended)
{
    stacks_freed = 0;
    CHECK(fiber_start_with(&(struct fiber_options){"big", 1 << 20}, do_nothing,
                           NULL) == OK);
    CHECK(fiber_yield() == OK);
    CHECK(stacks_freed == 1 && leaving == NULL);
}

/* Checks the list that debuggers see. Returns its length. */
static size_t count_listed(void)
{
    size_t count = 0;
    const struct fiber *newer = NULL;

    for (const struct fiber *f = newest; f; newer = f, f = f->older) {
        CHECK(f->newer == newer);
        count++;
    }
    return count;
}

TEST(all_fibers_are_listed_from_the_newest_on)
{
    size_t before = count_listed();
    struct fiber *f[3];

    for (int i = 0; i < 3; i++)
        CHECK(fiber_spawn(NULL, do_nothing, NULL, &f[i]) == OK);
    CHECK(count_listed() == before + 3 && newest == f[2]);
    CHECK(fiber_join(f[1], FOREVER) == OK);
    CHECK(count_listed() == before + 2 && newest->older == f[0]);
    CHECK(fiber_join(f[2], FOREVER) == OK && newest == f[0]);
    CHECK(fiber_join(f[0], FOREVER) == OK);
    CHECK(count_listed() == before);
}

/* Takes back that the running fiber is ready, after a yield that panicked. */
static void take_back(void)
{
    struct fiber **at = &ready_first, *before = NULL;

    for (; *at != ready_last; at = &before->next)
        before = *at;
    CHECK(*at == running);
    *at = NULL;
    ready_last = before;
}

/* Overwrites the byte of its stack that is `at` bytes above the lowest. */
static void damage(void *ctx)
{
    uint8_t *byte = running->stack.low + *(size_t *)ctx;
    uint8_t before = *byte;

    *byte ^= 1;
    panic_text[0] = '\0';
    panics = true;
    if (setjmp(out) == 0)
        CHECK(fiber_yield() == OK);
    else
        take_back();
    panics = false;
    *byte = before;
}

TEST(an_overflow_of_a_stack_without_a_guard_page_is_noticed)
{
    struct fiber_options o = {"deep", 128 << 10};
    struct fiber *f = NULL;

    unguarded = true;
    for (size_t at = 0; at < 8; at += 7) {
        CHECK(fiber_spawn(&o, damage, &at, &f) == OK);
        CHECK(fiber_join(f, FOREVER) == OK);
        CHECK_TEXT(panic_text, "stack overflow in fiber \"deep\": its 128 KiB "
                               "are used up");
    }
    CHECK(fiber_spawn(&o, damage, &(size_t){8}, &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK_TEXT(panic_text, "");
    unguarded = false;
    CHECK(fiber_spawn(&o, damage, &(size_t){0}, &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK_TEXT(panic_text, ""); /* with one the processor notices */
}

/* Checks that the call panics. */
#define PANICS(call)                                    \
    do {                                                \
        panics = true;                                  \
        if (setjmp(out) == 0) {                         \
            call;                                       \
            CHECK(!"it panics");                        \
        }                                               \
        CHECK(strncmp(panic_text, "require(", 8) == 0); \
        panics = false;                                 \
    } while (0)

static void join_it(void *ctx)
{
    struct fiber *f = ctx;

    CHECK(fiber_join(f, time_after(SECOND)) == OK);
}

static void wait_until_told(void *ctx)
{
    struct waiters *w = ctx;

    CHECK(wait_until(w, FOREVER) == OK);
}

TEST(joining_itself_a_second_joiner_and_an_unpaired_unshield_panic)
{
    static struct waiters told;
    struct fiber *f, *other;

    PANICS(CHECK(fiber_join(running, 0) != OK));
    CHECK(fiber_spawn(NULL, wait_until_told, &told, &f) == OK);
    CHECK(fiber_spawn(NULL, join_it, f, &other) == OK);
    CHECK(fiber_yield() == OK && f->joiners.first == other);
    PANICS(CHECK(fiber_join(f, 0) != OK));
    wake_all(&told);
    CHECK(fiber_join(other, FOREVER) == OK);
    PANICS(fiber_unshield());
    CHECK(running->shields == 0);
}
