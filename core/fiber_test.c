/* SPDX-License-Identifier: ISC */
/* Tests of fibers, waiters, mutexes and mailboxes, as contracts in fiber.h. */
#include "check.h"
#include <mirage/random.h>
#include <stdlib.h>

static char trace[256];
static size_t trace_len;

static void add_to_trace(char c)
{
    trace[trace_len++] = c;
    trace[trace_len] = '\0';
}

static void clear_trace(void)
{
    trace_len = 0;
    trace[0] = '\0';
}

static struct fiber *spawn(fiber_fn *fn, void *ctx)
{
    struct fiber *f;

    if (fiber_spawn(NULL, fn, ctx, &f) != OK)
        panic("no fiber");
    return f;
}

static void note_three_times(void *ctx)
{
    for (int i = 0; i < 3; i++) {
        add_to_trace(*(const char *)ctx);
        fiber_yield();
    }
}

TEST(fibers_take_turns)
{
    struct fiber *a = spawn(note_three_times, "a");
    struct fiber *b = spawn(note_three_times, "b");

    clear_trace();
    add_to_trace('-');
    CHECK(fiber_join(a, FOREVER) == OK);
    CHECK(fiber_join(b, FOREVER) == OK);
    CHECK_TEXT(trace, "-ababab");
}

static void note_once(void *ctx)
{
    add_to_trace(*(const char *)ctx);
}

TEST(a_fiber_that_is_not_joined_runs)
{
    clear_trace();
    CHECK(fiber_start(note_once, "x") == OK);
    fiber_yield();
    CHECK_TEXT(trace, "x");
}

TEST(a_fiber_has_a_name_of_at_most_31_bytes)
{
    struct fiber_options o = {"a name that is longer than thirty-one", 0};
    struct fiber *f;

    CHECK_TEXT(fiber_name(fiber_self()), "main");
    CHECK(fiber_spawn(&o, note_once, "x", &f) == OK);
    CHECK_TEXT(fiber_name(f), "a name that is longer than thir");
    CHECK(fiber_join(f, FOREVER) == OK);
}

static void use_the_stack(void *ctx)
{
    volatile char big[200000];

    memset((char *)big, 1, sizeof big);
    *(bool *)ctx = big[100000];
}

TEST(a_stack_has_the_size_that_was_asked_for)
{
    struct fiber_options o = {"big", 1 << 20};
    struct fiber *f;
    bool done = false;

    CHECK(fiber_spawn(&o, use_the_stack, &done, &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(done);
    o.stack = SIZE_MAX / 2 + 1;
    CHECK(fiber_spawn(&o, use_the_stack, &done, &f) == ERR_NO_MEMORY);
}

static nanoseconds woken_at[100], last_to_sleep;
static int woken_order[100], woken_count;

static void sleep_until(void *ctx)
{
    int i = (int)(intptr_t)ctx;

    last_to_sleep = time_now();
    CHECK(time_sleep_until(woken_at[i]) == OK);
    CHECK(time_now() >= woken_at[i]);
    woken_order[woken_count++] = i;
}

/* Lets 100 fibers sleep. False: the machine was so busy that a fiber began
 * after its deadline. */
static bool let_sleep(nanoseconds least)
{
    struct fiber *f[100];
    nanoseconds now = time_now();

    woken_count = 0;
    for (int i = 0; i < 100; i++) {
        woken_at[i] = now + least + random_below(20) * MILLISECOND;
        f[i] = spawn(sleep_until, (void *)(intptr_t)i);
    }
    for (int i = 0; i < 100; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    return last_to_sleep < now + least;
}

TEST(sleepers_wake_in_the_order_of_their_deadlines_and_never_early)
{
    nanoseconds least = 50 * MILLISECOND;

    while (!let_sleep(least) && least < 10 * SECOND)
        least *= 4;
    for (int i = 1; i < 100; i++) {
        int a = woken_order[i - 1], b = woken_order[i];

        CHECK(woken_at[a] < woken_at[b] ||
              (woken_at[a] == woken_at[b] && a < b));
    }
}

TEST(a_deadline_that_has_passed_does_not_wait)
{
    struct waiters w = {0};
    nanoseconds before = time_now();

    CHECK(wait_until(&w, 0) == ERR_TIMEOUT);
    CHECK(time_sleep_until(1) == OK);
    CHECK(time_sleep(0) == OK);
    CHECK(time_now() - before < 60 * SECOND);
    CHECK(time_after(FOREVER) == FOREVER);
    CHECK(w.first == NULL && w.last == NULL);
}

static struct waiters place;

static void wait_and_note(void *ctx)
{
    enum status s = wait_until(&place, FOREVER);

    add_to_trace(s == OK ? *(const char *)ctx : '!');
}

TEST(wake_one_wakes_the_first_and_wake_all_the_others)
{
    struct fiber *f[4] = {spawn(wait_and_note, "a"), spawn(wait_and_note, "b"),
                          spawn(wait_and_note, "c"), spawn(wait_and_note, "d")};

    clear_trace();
    fiber_yield();
    wake_one(&place);
    fiber_yield();
    CHECK_TEXT(trace, "a");
    wake_all(&place);
    wake_all(&place);
    wake_one(&place);
    for (int i = 0; i < 4; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    CHECK_TEXT(trace, "abcd");
}

TEST(a_wait_ends_at_its_deadline_and_leaves_the_queue)
{
    nanoseconds deadline = time_after(3 * MILLISECOND);

    CHECK(wait_until(&place, deadline) == ERR_TIMEOUT);
    CHECK(time_now() >= deadline);
    CHECK(place.first == NULL);
}

static void count_cancelled_waits(void *ctx)
{
    int *count = ctx;

    *count += time_sleep(FOREVER) == ERR_CANCELLED;
    *count += wait_until(&place, FOREVER) == ERR_CANCELLED;
    *count += fiber_yield() == ERR_CANCELLED;
    *count += fiber_is_cancelled();
}

TEST(cancelling_ends_the_present_wait_and_all_later_ones)
{
    int count = 0;
    struct fiber *f = spawn(count_cancelled_waits, &count);

    fiber_yield();
    CHECK(count == 0);
    fiber_cancel(f);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(count == 4);
    CHECK(place.first == NULL);
}

TEST(a_fiber_cancelled_before_it_runs_still_runs)
{
    int count = 0;
    struct fiber *f = spawn(count_cancelled_waits, &count);

    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(count == 4);
}

static void spin_until_told(void *ctx)
{
    while (!*(volatile bool *)ctx)
        time_sleep(SECOND); /* ignores ERR_CANCELLED */
}

TEST(a_fiber_that_ignores_its_cancellation_lets_others_run)
{
    bool told = false;
    struct fiber *f = spawn(spin_until_told, &told);

    fiber_yield();
    fiber_cancel(f);
    CHECK(time_sleep(5 * MILLISECOND) == OK);
    told = true;
    CHECK(fiber_join(f, FOREVER) == OK);
}

static void wait_shielded(void *ctx)
{
    fiber_shield();
    *(enum status *)ctx = wait_until(&place, FOREVER);
    fiber_unshield();
}

TEST(a_shielded_wait_is_not_cancelled)
{
    enum status s = ERR_IO;
    struct fiber *f = spawn(wait_shielded, &s);

    fiber_yield();
    fiber_cancel(f);
    fiber_yield();
    CHECK(place.first == f);
    wake_all(&place);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(s == OK);
}

TEST(fiber_join_ends_at_its_deadline)
{
    struct fiber *f = spawn(wait_and_note, "x");

    CHECK(fiber_join(f, time_after(2 * MILLISECOND)) == ERR_TIMEOUT);
    wake_all(&place);
    CHECK(fiber_join(f, FOREVER) == OK);
}

static struct fiber_mutex mutex;

static void lock_and_note(void *ctx)
{
    CHECK(fiber_lock(&mutex, FOREVER) == OK);
    add_to_trace(*(const char *)ctx);
    fiber_yield();
    add_to_trace(*(const char *)ctx);
    fiber_unlock(&mutex);
}

TEST(a_mutex_is_held_by_one_fiber_at_a_time_in_order)
{
    struct fiber *a = spawn(lock_and_note, "a");
    struct fiber *b = spawn(lock_and_note, "b");
    struct fiber *c = spawn(lock_and_note, "c");

    clear_trace();
    CHECK(fiber_join(c, FOREVER) == OK);
    CHECK(fiber_join(b, FOREVER) == OK);
    CHECK(fiber_join(a, FOREVER) == OK);
    CHECK_TEXT(trace, "aabbcc");
    CHECK(mutex.owner == NULL);
}

static void lock_in_vain(void *ctx)
{
    *(enum status *)ctx = fiber_lock(&mutex, FOREVER);
}

TEST(waiting_for_a_mutex_can_time_out_and_be_cancelled)
{
    enum status s = OK;
    struct fiber *holder, *f;

    CHECK(fiber_lock(&mutex, 0) == OK);
    f = spawn(lock_in_vain, &s);
    fiber_yield();
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(s == ERR_CANCELLED);
    fiber_unlock(&mutex);
    holder = spawn(lock_and_note, "h");
    fiber_yield();
    CHECK(fiber_lock(&mutex, 0) == ERR_TIMEOUT || mutex.owner == fiber_self());
    CHECK(fiber_join(holder, FOREVER) == OK);
    if (mutex.owner == fiber_self())
        fiber_unlock(&mutex);
}

static struct mailbox box;

static void send_numbers(void *ctx)
{
    for (intptr_t i = 0; i < (intptr_t)ctx; i++)
        CHECK(mailbox_send(&box, (void *)i, FOREVER) == OK);
    mailbox_close(&box);
}

TEST(a_mailbox_keeps_order_and_ends_when_closed)
{
    void *slots[3], *message;
    struct fiber *f;
    intptr_t next = 0;
    enum status s;

    mailbox_init(&box, slots, 3);
    f = spawn(send_numbers, (void *)(intptr_t)100);
    while ((s = mailbox_receive(&box, &message, FOREVER)) == OK)
        CHECK((intptr_t)message == next++);
    CHECK(s == ERR_EOF && next == 100);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(mailbox_send(&box, NULL, FOREVER) == ERR_GONE);
}

TEST(a_mailbox_that_is_full_or_empty_times_out)
{
    void *slots[1], *message;

    mailbox_init(&box, slots, 1);
    CHECK(mailbox_receive(&box, &message, 0) == ERR_TIMEOUT);
    CHECK(mailbox_send(&box, "1", 0) == OK);
    CHECK(mailbox_send(&box, "2", 0) == ERR_TIMEOUT);
    CHECK(mailbox_receive(&box, &message, 0) == OK);
    CHECK_TEXT(message, "1");
}

static double sum_in_turn(double start)
{
    double sum = start;

    for (int i = 1; i < 100; i++) {
        sum += 1.0 / i;
        fiber_yield();
    }
    return sum;
}

static void keep_sum(void *ctx)
{
    *(double *)ctx = sum_in_turn(*(double *)ctx);
}

TEST(registers_survive_switches)
{
    double sum[8];
    struct fiber *f[8];

    for (int i = 0; i < 8; i++) {
        sum[i] = i;
        f[i] = spawn(keep_sum, &sum[i]);
    }
    for (int i = 0; i < 8; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    for (int i = 0; i < 8; i++) {
        double wanted = i;

        for (int j = 1; j < 100; j++)
            wanted += 1.0 / j;
        CHECK(sum[i] == wanted);
    }
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

TEST(thousands_of_fibers_are_started_and_joined)
{
    static struct fiber *f[5000];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++)
            f[i] = spawn(do_nothing, NULL);
        for (int i = 0; i < 5000; i++)
            CHECK(fiber_join(f[i], FOREVER) == OK);
    }
}

static void wait_at_random(void *ctx)
{
    struct waiters *places = ctx;

    for (int i = 0; i < 50; i++) {
        struct waiters *w = &places[random_below(4)];

        switch (random_below(4)) {
        case 0:
            wake_one(w);
            break;
        case 1:
            wake_all(w);
            break;
        case 2:
            fiber_yield();
            break;
        default:
            if (wait_until(w, time_after(random_below(300) * 1000)) ==
                ERR_CANCELLED)
                return;
        }
    }
}

TEST(random_waits_wakes_and_cancels_lose_no_fiber)
{
    for (int round = 0; round < 20; round++) {
        struct waiters places[4] = {{0}};
        struct fiber *f[40];

        for (int i = 0; i < 40; i++)
            f[i] = spawn(wait_at_random, places);
        for (int i = 0; i < 10; i++) {
            fiber_yield();
            fiber_cancel(f[random_below(40)]);
        }
        for (int i = 0; i < 40; i++)
            CHECK(fiber_join(f[i], time_after(60 * SECOND)) == OK);
        for (int i = 0; i < 4; i++)
            CHECK(places[i].first == NULL && places[i].last == NULL);
    }
}
