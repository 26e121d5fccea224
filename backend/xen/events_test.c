/* SPDX-License-Identifier: ISC */
/* Event channels, idling, and Xen's clock. */
#include "events.h"
#include "guest.h"
#include <fake/fake_check.h>
#include <mirage/fiber.h>

#define YEAR (365 * 24 * 3600 * SECOND)

static struct waiters place;
static unsigned came[3];

static void on_63(void *ctx)
{
    (void)ctx;
    came[0]++;
    wake_all(&place);
}

static void on_64(void *ctx)
{
    (void)ctx;
    came[1]++;
}

static void on_4095(void *ctx)
{
    (void)ctx;
    came[2]++;
}

static void listen(void)
{
    static struct event events[] = {{.port = 63, .on_event = on_63},
                                    {.port = 64, .on_event = on_64},
                                    {.port = 4095, .on_event = on_4095}};

    for (int i = 0; i < 3; i++)
        events_listen(&events[i]);
}

TEST(time_starts_with_the_image_and_runs_by_xens_clock)
{
    nanoseconds before = fake.now, now = time_now();

    CHECK(now < MILLISECOND);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(time_now() - now >= 3 * SECOND);
    CHECK(fake.now - before >= 3 * SECOND);
    CHECK(fake.now - before < 3 * SECOND + MILLISECOND);
}

TEST(the_wall_clock_is_xens_start_plus_xens_time)
{
    nanoseconds began = 5000000000 * SECOND + 999999999;

    CHECK(time_wall() == guest_shared()->wc_sec * SECOND + fake.now);
    guest_shared()->wc_version += 2;
    guest_shared()->wc_sec = (uint32_t)(5000000000 & 0xffffffff);
    guest_shared()->wc_sec_hi = 5000000000 >> 32;
    guest_shared()->wc_nsec = 999999999;
    CHECK(time_wall() == began + fake.now);
}

TEST(a_long_sleep_costs_a_few_hypercalls)
{
    unsigned before;

    CHECK(time_sleep(SECOND) == OK);
    before = fake.hypercalls;
    CHECK(time_sleep(100 * YEAR) == OK);
    CHECK(fake.hypercalls - before <= 2);
}

static void come_to_63(void)
{
    fake_event(63);
}

TEST(an_event_wakes_a_fiber_that_waits_forever)
{
    unsigned before = fake.hypercalls;

    listen();
    fake_after(YEAR, come_to_63);
    CHECK(wait_until(&place, FOREVER) == OK);
    CHECK(time_now() >= YEAR && time_now() < YEAR + SECOND);
    CHECK(fake.hypercalls - before <= 2);
}

TEST(a_deadline_near_the_largest_is_not_in_the_past)
{
    listen();
    fake_after(YEAR, come_to_63);
    CHECK(wait_until(&place, FOREVER - 1) == OK);
    CHECK(time_now() >= YEAR);
}

TEST(each_port_has_its_own_handler)
{
    listen();
    fake_event(64);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came[0] == 0 && came[1] == 1 && came[2] == 0);
    fake_event(63);
    fake_event(4095);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came[0] == 1 && came[1] == 1 && came[2] == 1);
}

TEST(events_on_ports_without_a_handler_wake_no_fiber)
{
    unsigned before;

    listen();
    for (unsigned port = 0; port < 4096; port++)
        if (port != 63 && port != 64 && port != 4095)
            fake_event(port);
    before = fake.hypercalls;
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came[0] == 0 && came[1] == 0 && came[2] == 0);
    CHECK(fake.hypercalls - before < 10);
}

TEST(an_event_that_a_poll_has_consumed_can_be_raised_again)
{
    listen();
    fake_event(63);
    event_poll(63, time_after(SECOND));
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came[0] == 0);
    event_raise(63);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came[0] == 1);
}

TEST(a_poll_ends_at_its_deadline)
{
    nanoseconds end = time_after(5 * SECOND);

    event_poll(OTHER_PORT, end);
    CHECK(time_now() >= end && time_now() < end + MILLISECOND);
}

static void on_other(void *ctx)
{
    ++*(unsigned *)ctx;
}

TEST(channels_can_be_opened_and_closed_without_end)
{
    unsigned heard = 0;

    for (unsigned i = 0; i < 1000; i++) {
        struct event e = {.on_event = on_other, .ctx = &heard};

        CHECK(event_open(&e, 7) == OK && e.is_opened);
        fake_event(e.port);
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(heard == i + 1);
        event_close(&e);
    }
}

TEST(there_are_as_many_channels_as_can_be_polled)
{
    static struct event e[EVENTS_MOST];
    static struct event more;
    unsigned count = 0, heard = 0;

    while (count < EVENTS_MOST) {
        e[count] = (struct event){.on_event = on_other, .ctx = &heard};
        if (event_open(&e[count], 7) != OK)
            break;
        count++;
    }
    CHECK(count == EVENTS_MOST - 2); /* console and xenstore */
    more = (struct event){.on_event = on_other, .ctx = &heard};
    CHECK(event_open(&more, 7) == ERR_NO_MEMORY);
    fake_event(e[count - 1].port);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard == 1);
    event_close(&e[0]);
    CHECK(event_open(&more, 7) == OK);
}

TEST(a_handler_that_was_removed_hears_nothing)
{
    unsigned heard = 0;
    struct event e = {.on_event = on_other, .ctx = &heard};
    uint32_t port;

    CHECK(event_open(&e, 7) == OK);
    port = e.port;
    event_close(&e);
    fake_event(port);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard == 0);
}

TEST(a_handler_without_a_port_hears_nothing)
{
    static unsigned heard;
    static struct event e = {
        .port = 77, .on_event = on_other, .ctx = &heard};

    events_listen(&e);
    event_rebind(&e, 0);
    fake_event(0);
    fake_event(77);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard == 0);
    event_rebind(&e, 78);
    fake_event(78);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard == 1);
}
