/* SPDX-License-Identifier: ISC */
/* The entropy device (virtio 1.2, 5.4) on a fake that is quick, slow, silent or
 * lies, and how long the first random number waits for it. */
#include <mirage/platform.h>
/* Time goes on while the driver waits; the test's process has its own. */
#define platform_now  tested_now
#define platform_seed tested_seed
nanoseconds tested_now(void);
void tested_seed(void *data, size_t len);
#include "rng_virtio.c"
#undef platform_now
#undef platform_seed
#include "check.h"
#include <linux/virtio_config.h>
#include <mirage/macros.h>
#include <virtio/fake/devices.h>

static struct fake *fake;
static nanoseconds now, answers_at; /* FOREVER: it does not answer */
static uint32_t gives; /* bytes at a time */
static bool is_source; /* there is another one */
static size_t mixed; /* bytes that the device gave */
static uint8_t last;
static unsigned reports;

bool entropy_is_weak(void)
{
    return !is_source && mixed < RANDOM_KEY;
}

void entropy_device(const void *data, size_t len)
{
    mixed += len;
    if (len > 0)
        last = ((const uint8_t *)data)[len - 1];
}

void entropy_report(void)
{
    reports++;
}

nanoseconds tested_now(void)
{
    return now;
}

static void answer(void)
{
    struct fake_buffer b;

    while (now >= answers_at && fake_take(fake, 0, &b)) {
        CHECK(b.out == 0 && b.in == 1);
        memset(b.piece[0].data, 42, min(gives, b.piece[0].len));
        fake_give(fake, 0, &b, gives);
        if (gives == 0)
            break;
    }
}

static void notified(struct fake *f, unsigned index)
{
    (void)f;
    (void)index;
    answer();
}

void machine_wait(nanoseconds deadline)
{
    CHECK(now < deadline);
    now += MILLISECOND;
    answer();
}

static void begin_with(uint64_t features, nanoseconds at, uint32_t bytes)
{
    fake_remove_all();
    fake = fake_new(features, false);
    fake->notified = notified;
    fake_add(fake, VIRTIO_ID_RNG);
    answers_at = at;
    gives = bytes;
    now = 0;
    got = asked = reports = 0;
    mixed = 0;
    last = 0;
    is_source = is_done = is_given_up = must_wait = false;
}

static void begin(nanoseconds at, uint32_t bytes)
{
    begin_with(UINT64_C(1) << VIRTIO_F_VERSION_1, at, bytes);
}

/* Draws the first random number, and returns how long that has taken. */
static nanoseconds draw(void)
{
    nanoseconds before = now;
    uint8_t bytes[16];

    tested_seed(bytes, sizeof bytes);
    return now - before;
}

TEST(a_device_that_answers_at_once_is_not_waited_for)
{
    begin(0, 64);
    CHECK(!entropy_ask_devices());
    CHECK(mixed == 64 && last == 42);
    CHECK(draw() == 0 && reports == 0);
}

TEST(a_packed_ring_does_it_too)
{
    begin_with(UINT64_C(1) << VIRTIO_F_VERSION_1 |
                   UINT64_C(1) << VIRTIO_F_RING_PACKED,
               10 * MILLISECOND, 64);
    CHECK(entropy_ask_devices());
    CHECK(draw() == 10 * MILLISECOND);
    CHECK(mixed == 64);
}

TEST(a_device_is_waited_for_once_if_there_is_only_jitter)
{
    begin(30 * MILLISECOND, 64);
    CHECK(entropy_ask_devices());
    CHECK(reports == 0);
    CHECK(draw() == 30 * MILLISECOND);
    CHECK(mixed == 64 && reports == 1);
    CHECK(draw() == 0 && reports == 1);
}

TEST(a_silent_device_is_waited_for_once)
{
    begin(FOREVER, 64);
    CHECK(entropy_ask_devices());
    CHECK(draw() == 100 * MILLISECOND);
    CHECK(reports == 1 && mixed == 0);
    CHECK(draw() == 0);
}

TEST(an_answer_that_is_late_is_mixed_when_it_comes)
{
    begin(150 * MILLISECOND, 64);
    CHECK(entropy_ask_devices());
    CHECK(draw() == 100 * MILLISECOND);
    now = answers_at;
    answer();
    CHECK(mixed == 64);
}

TEST(no_device_is_waited_for_where_the_processor_has_an_instruction)
{
    begin(50 * MILLISECOND, 64);
    is_source = true;
    CHECK(!entropy_ask_devices());
    CHECK(draw() == 0);
    now = answers_at;
    answer();
    CHECK(mixed == 64);
}

TEST(without_a_device_nothing_waits)
{
    begin(0, 64);
    fake_remove_all();
    CHECK(!entropy_ask_devices());
    CHECK(draw() == 0 && reports == 0);
}

TEST(a_device_that_gives_little_at_a_time_is_asked_until_it_is_enough)
{
    begin(0, 5);
    CHECK(!entropy_ask_devices());
    CHECK(mixed == 35);
}

TEST(a_device_that_gives_nothing_is_asked_a_bounded_number_of_times)
{
    begin(1, 0);
    CHECK(entropy_ask_devices());
    CHECK(draw() == 100 * MILLISECOND);
    CHECK(mixed == 0 && asked == MOST_ASKED);
}

TEST(a_device_that_says_that_it_wrote_more_than_asked_is_given_up)
{
    begin(0, ASKED + 1);
    CHECK(entropy_ask_devices());
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake->device.is_gone);
    CHECK(draw() == 0 && mixed == 0 && reports == 1);
}

TEST(a_device_that_is_reset_is_asked_again)
{
    begin(50 * MILLISECOND, 64);
    CHECK(entropy_ask_devices());
    fake_need_reset(fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(draw() == 50 * MILLISECOND && mixed == 64);
}
