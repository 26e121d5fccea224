/* SPDX-License-Identifier: ISC */
/* Devices on one simulated wire: who hears whom. */
#include "check.h"
#include "pair.h"
#include <mirage/platform.h>
#include <string.h>

static struct network *end[3];
static unsigned heard[3];

static void hear(void *ctx, struct buf *const *frames, size_t count)
{
    *(unsigned *)ctx += (unsigned)count;
    for (size_t i = 0; i < count; i++)
        buf_free(frames[i]);
}

static void send_from(unsigned from)
{
    struct buf *b = buf_new(0);

    CHECK(b != NULL);
    memset(buf_append(b, 60), 0, 60);
    network_write(end[from], b);
}

TEST(a_frame_is_heard_by_all_other_devices_on_the_wire)
{
    sim_seed(1);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(sim_network("bus", 1500, 0, &end[i]) == OK);
        network_listen(end[i], hear, &heard[i]);
    }
    send_from(0);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard[0] == 0 && heard[1] == 1 && heard[2] == 1);
    CHECK(end[1]->counters.frames_in == 1 && end[1]->counters.bytes_in == 60);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_device_that_is_disconnected_hears_nothing_and_its_frames_still_arrive)
{
    struct sim_faults slow = {.delay = SECOND};

    sim_set_faults(end[0], &slow);
    sim_set_faults(end[1], &slow);
    send_from(0);
    send_from(1);
    network_disconnect(end[0]);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(heard[0] == 0); /* from 1 */
    CHECK(heard[1] == 2 && heard[2] == 3);
    CHECK(buf_pages_free() == buf_pages());
    network_disconnect(end[2]);
    send_from(1);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(heard[2] == 3);
    network_disconnect(end[1]);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_wire_that_all_have_left_can_be_connected_again)
{
    CHECK(sim_network("bus", 1500, 0, &end[0]) == OK);
    CHECK(sim_network("bus", 1500, 0, &end[1]) == OK);
    network_listen(end[1], hear, &heard[1]);
    heard[1] = 0;
    send_from(0);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard[1] == 1);
    network_disconnect(end[0]);
    network_disconnect(end[1]);
}

/* Two devices, of which the second notes when each frame arrives, and its first
 * byte. */
static nanoseconds came[64];
static uint8_t first_byte[64];
static size_t came_count, changed_bits;

static void note(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        came[came_count % 64] = platform_now();
        first_byte[came_count++ % 64] = frames[i]->data[0];
        for (size_t k = 1; k < frames[i]->len; k++)
            if (k != 12) /* the type: IPv4 */
                changed_bits +=
                    (size_t)__builtin_popcount(frames[i]->data[k]);
        buf_free(frames[i]);
    }
}

static void begin(const struct sim_faults *faults)
{
    CHECK(sim_network("line", 1500, 0, &end[0]) == OK);
    CHECK(sim_network("line", 1500, 0, &end[1]) == OK);
    network_listen(end[1], note, NULL);
    sim_set_faults(end[0], faults);
    came_count = changed_bits = 0;
}

static struct sim_counters finish(void)
{
    struct sim_counters c;

    CHECK(time_sleep(100 * SECOND) == OK);
    sim_counters(end[0], &c);
    network_disconnect(end[0]);
    network_disconnect(end[1]);
    CHECK(buf_pages_free() == buf_pages());
    return c;
}

static void send_frame(uint8_t number, size_t len)
{
    struct buf *b = buf_new(0);
    uint8_t *at = b ? buf_append(b, len) : NULL;

    CHECK(at != NULL);
    if (!at)
        return;
    memset(at, 0, len);
    at[0] = number;
    at[12] = 8;
    network_write(end[0], b);
}

static void send_frames(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        send_frame((uint8_t)i, 60);
}

TEST(wires_of_different_names_are_not_connected)
{
    struct network *other;

    begin(&(struct sim_faults){0});
    CHECK(sim_network("another", 1500, 0, &other) == OK);
    heard[0] = 0;
    network_listen(other, hear, &heard[0]);
    send_frames(1);
    CHECK(finish().sent == 1);
    CHECK(came_count == 1 && heard[0] == 0);
    network_disconnect(other);
}

TEST(each_device_has_an_address_of_its_own)
{
    begin(&(struct sim_faults){0});
    CHECK(memcmp(&end[0]->mac, &end[1]->mac, sizeof end[0]->mac) != 0);
    CHECK((end[0]->mac.byte[0] & 3) == 2); /* local, of one device */
    (void)finish();
}

TEST(a_frame_takes_its_delay)
{
    nanoseconds sent;

    begin(&(struct sim_faults){.delay = 5 * MILLISECOND});
    sent = platform_now();
    send_frames(3);
    (void)finish();
    CHECK(came_count == 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(came[i] == sent + 5 * MILLISECOND && first_byte[i] == i);
}

TEST(a_device_sends_at_its_rate_and_its_queue_is_bounded)
{
    nanoseconds sent;
    struct sim_counters c;

    begin(&(struct sim_faults){.rate = 480000, /* a frame each millisecond */
                               .delay = SECOND,
                               .queue = 2});
    sent = platform_now();
    send_frames(5);
    CHECK(time_sleep(2 * MILLISECOND) == OK);
    send_frame(9, 60);
    c = finish();
    CHECK(c.sent == 6 && c.overflowed == 2 && c.lost == 0);
    CHECK(came_count == 4);
    for (size_t i = 0; i < 4; i++)
        CHECK(came[i] == sent + SECOND + (i + 1) * MILLISECOND);
    CHECK(first_byte[3] == 9);
}

TEST(jitter_delays_and_does_not_reorder)
{
    nanoseconds sent, latest = 0;

    begin(&(struct sim_faults){.delay = SECOND, .jitter = SECOND});
    sent = platform_now();
    send_frames(50);
    (void)finish();
    CHECK(came_count == 50);
    for (size_t i = 0; i < 50; i++) {
        CHECK(first_byte[i] == i);
        CHECK(came[i] >= sent + SECOND && came[i] < sent + 2 * SECOND);
        latest = came[i] > latest ? came[i] : latest;
    }
    CHECK(latest > sent + SECOND);
}

TEST(reordered_frames_are_up_to_three_delays_late)
{
    nanoseconds sent;
    struct sim_counters c;
    size_t early = 0;

    begin(&(struct sim_faults){.delay = SECOND, .reorder = 500000});
    sent = platform_now();
    send_frames(50);
    c = finish();
    CHECK(came_count == 50 && c.reordered > 5 && c.reordered < 45);
    for (size_t i = 0; i < 50; i++) {
        CHECK(came[i] >= sent + SECOND && came[i] < sent + 4 * SECOND);
        early += came[i] == sent + SECOND;
    }
    CHECK(early >= 50 - c.reordered && early < 50);
    begin(&(struct sim_faults){.reorder = 1000000});
    sent = platform_now();
    send_frames(50);
    CHECK(finish().reordered == 50);
    for (size_t i = 0; i < 50; i++)
        CHECK(came[i] < sent + 3 * MILLISECOND);
}

TEST(of_all_frames_the_wanted_part_is_lost_or_comes_twice)
{
    struct sim_counters c;

    begin(&(struct sim_faults){.loss = 1000000, .duplicate = 1000000});
    send_frames(10);
    c = finish();
    CHECK(c.lost == 10 && c.duplicated == 0 && came_count == 0);
    begin(&(struct sim_faults){.duplicate = 1000000});
    send_frames(10);
    c = finish();
    CHECK(c.duplicated == 10 && came_count == 20);
    begin(&(struct sim_faults){.loss = 100000});
    for (int i = 0; i < 20; i++)
        send_frames(50);
    c = finish();
    CHECK(c.sent == 1000 && c.lost > 60 && c.lost < 140);
    CHECK(came_count == 1000 - c.lost);
}

TEST(no_frame_passes_a_wire_while_it_is_cut)
{
    nanoseconds now = platform_now();
    struct sim_counters c;

    begin(&(struct sim_faults){.cut_from = now + SECOND,
                               .cut_to = now + 2 * SECOND});
    send_frame(1, 60);
    CHECK(time_sleep(SECOND) == OK);
    send_frame(2, 60);
    CHECK(time_sleep(SECOND) == OK);
    send_frame(3, 60);
    c = finish();
    CHECK(c.lost == 1 && came_count == 2);
    CHECK(first_byte[0] == 1 && first_byte[1] == 3);
}

/* ARP, and the header of Ethernet, are spared. */
TEST(one_bit_of_a_corrupted_packet_is_wrong)
{
    struct sim_counters c;

    begin(&(struct sim_faults){.corrupt = 1000000});
    for (unsigned i = 0; i < 50; i++)
        send_frame((uint8_t)i, 15 + i);
    c = finish();
    CHECK(c.corrupted == 50 && came_count == 50 && changed_bits == 50);
    for (size_t i = 0; i < 50; i++)
        CHECK(first_byte[i] == i);
    begin(&(struct sim_faults){.corrupt = 1000000});
    send_frame(1, 14);
    (void)finish();
    CHECK(came_count == 1 && changed_bits == 0);
}

/* The faults of one device are its own sequence, from its seed. */
TEST(the_same_seed_makes_the_same_faults)
{
    uint8_t first[64];
    size_t count;

    begin(&(struct sim_faults){.loss = 500000, .seed = 7});
    send_frames(40);
    (void)finish();
    count = came_count;
    memcpy(first, first_byte, sizeof first);
    begin(&(struct sim_faults){.loss = 500000, .seed = 7});
    send_frames(40);
    (void)finish();
    CHECK(count == came_count && memcmp(first, first_byte, count) == 0);
    begin(&(struct sim_faults){.loss = 500000, .seed = 8});
    send_frames(40);
    (void)finish();
    CHECK(count != came_count || memcmp(first, first_byte, count) != 0);
}

/* SplitMix64 from 0, whose first numbers are E220A8397B1DCDAF, 6E789E6AA1B965F4
 * and 06C45D188009454F. */
TEST(random_numbers_follow_from_the_seed)
{
    static const uint8_t wanted[] = {0x39, 0x6a, 0x18};
    uint8_t given[3];

    sim_seed(0);
    platform_entropy(given, sizeof given);
    CHECK(memcmp(given, wanted, sizeof given) == 0);
    sim_seed(0);
    platform_seed(given, sizeof given);
    CHECK(memcmp(given, wanted, sizeof given) == 0);
}

TEST(time_passes_only_while_all_fibers_wait)
{
    nanoseconds before = platform_now();

    for (volatile int i = 0; i < 1000000; i++)
        ;
    CHECK(platform_now() == before);
    CHECK(platform_was_held(SECOND)); /* no fiber is to blame */
    CHECK(time_sleep(SECOND) == OK);
    CHECK(platform_now() == before + SECOND);
    CHECK(platform_wall() == 1735689600 * SECOND + platform_now());
}
