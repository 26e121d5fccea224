/* SPDX-License-Identifier: ISC */
/* Identities of packets, with a clock in a variable. */
#include "check.h"
#include <mirage/time.h>

static nanoseconds today;

static nanoseconds clock_now(void)
{
    return today;
}

#define time_now clock_now
#include "ipv4_id.c"

#define US   0x0a000001
#define THEM 0x0a000002

static struct ipv4_ids ids;

static void begin(void)
{
    today = 1000 * SECOND;
    ipv4_ids_init(&ids);
}

static uint16_t next_to(uint32_t to)
{
    return ipv4_ids_alloc(&ids, US, to, 17, 1);
}

/* The counter of a destination that no packet was sent to yet. */
static size_t counter_of(uint32_t to)
{
    size_t i = 0;

    memset(ids.counter, 0, sizeof ids.counter);
    (void)next_to(to);
    while (i < IPV4_ID_COUNTERS - 1 && ids.counter[i].used == 0)
        i++;
    return i;
}

TEST(the_key_is_random)
{
    struct ipv4_ids other;

    begin();
    ipv4_ids_init(&other);
    CHECK(memcmp(&ids.key, &other.key, sizeof ids.key) != 0);
}

TEST(identities_of_one_millisecond_are_consecutive)
{
    uint16_t first;

    begin();
    first = next_to(THEM);
    CHECK(next_to(THEM) == (uint16_t)(first + 1));
    CHECK(ipv4_ids_alloc(&ids, US, THEM, 17, 40) == (uint16_t)(first + 2));
    CHECK(next_to(THEM) == (uint16_t)(first + 42));
}

TEST(after_a_pause_the_increment_is_random_and_at_most_its_milliseconds)
{
    unsigned most = 0, least = 1000, small = 0;
    uint16_t last;

    begin();
    last = next_to(THEM);
    for (int i = 0; i < 500; i++) {
        uint16_t id;
        unsigned by;

        today += SECOND;
        id = next_to(THEM);
        by = (uint16_t)(id - last);
        last = id;
        CHECK(by >= 1 && by <= 1000);
        most = by > most ? by : most;
        least = by < least ? by : least;
        small += by <= 500;
    }
    CHECK(most > 900 && least < 100 && small > 150 && small < 350);
}

/* Of two destinations with one counter, the identities of one do not disclose
 * those of the other. */
TEST(destinations_with_one_counter_have_distant_identities)
{
    unsigned pairs = 0, near = 0;

    begin();
    for (uint32_t to = THEM + 1; pairs < 20 && to < THEM + 100000; to++) {
        size_t shared = counter_of(to);
        uint16_t one;

        if (shared != counter_of(THEM))
            continue;
        one = next_to(THEM);
        near += (uint16_t)(next_to(to) - one + 64) < 128;
        pairs++;
    }
    CHECK(pairs == 20 && near < 3);
}

/* The hash of a flow must not be taken for that of the next one. */
TEST(packets_of_another_flow_leave_the_identities_of_one_consecutive)
{
    unsigned after_source = 0, after_destination = 0, after_protocol = 0;

    begin();
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t to = THEM + 2 * i;
        uint16_t id = next_to(to);

        (void)ipv4_ids_alloc(&ids, US + 1, to, 17, 1);
        after_source += next_to(to) == (uint16_t)(id + 1);
        id = next_to(to);
        (void)next_to(to + 1);
        after_destination += next_to(to) == (uint16_t)(id + 1);
        id = next_to(to);
        (void)ipv4_ids_alloc(&ids, US, to, 6, 1);
        after_protocol += next_to(to) == (uint16_t)(id + 1);
    }
    CHECK(after_source > 45 && after_destination > 45 && after_protocol > 45);
}

/* RFC 7739: neither the source nor the protocol may be left out. */
TEST(identities_depend_on_both_addresses_and_the_protocol)
{
    unsigned by_source = 0, by_protocol = 0;

    begin();
    for (uint32_t i = 0; i < 50; i++) {
        size_t at = counter_of(THEM + i);

        memset(ids.counter, 0, sizeof ids.counter);
        (void)ipv4_ids_alloc(&ids, US + 1, THEM + i, 17, 1);
        by_source += ids.counter[at].used == 0;
        memset(ids.counter, 0, sizeof ids.counter);
        (void)ipv4_ids_alloc(&ids, US, THEM + i, 6, 1);
        by_protocol += ids.counter[at].used == 0;
    }
    CHECK(by_source > 45 && by_protocol > 45);
}

TEST(a_counter_begins_at_random)
{
    unsigned same = 0;
    uint16_t last = 0;

    begin();
    for (int i = 0; i < 50; i++) {
        uint16_t id;

        memset(ids.counter, 0, sizeof ids.counter);
        id = next_to(THEM);
        same += (uint16_t)(id - last + 64) < 128;
        last = id;
    }
    CHECK(same < 5);
}
