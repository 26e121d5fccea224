/* SPDX-License-Identifier: ISC */
/* Devices on one simulated wire: who hears whom. */
#include "check.h"
#include "pair.h"
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
