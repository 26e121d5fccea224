/* SPDX-License-Identifier: ISC */
/* The driver of a TAP, on a socket that keeps the bounds of frames, as a TAP
 * does: what it reads and writes, and what it drops. */
#include "network_unix.c"
#include "check.h"
#include <sys/socket.h>

#define WAIT (20 * SECOND) /* for what comes at once */

/* The host. */
static int host = -1; /* its end */
static bool host_is_up, host_has_header;
static struct network *net;

/* What was delivered. */
static struct buf *came[512];
static size_t came_count, most_at_once;
static bool is_to_echo;

enum status tap_open(struct tap *t, const char *name)
{
    int ends[2], size = 4 << 20;

    if (strcmp(name, "tap0") != 0)
        return ERR_NAME;
    *t = (struct tap){.has_header = host_has_header, .name = "tap0"};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
    for (int i = 0; i < 2; i++)
        (void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
                         sizeof size);
    t->fd = ends[0];
    host = ends[1];
    return OK;
}

bool tap_is_up(const struct tap *t)
{
    CHECK_TEXT(t->name, "tap0");
    return host_is_up;
}

enum status tap_read_facts(const struct tap *t, uint16_t *mtu, struct mac *mac)
{
    (void)t;
    *mtu = 65535;
    *mac = (struct mac){{2, 3, 4, 5, 6, 7}};
    return OK;
}

unsigned tap_set_offloads(const struct tap *t)
{
    return t->has_header ? NETWORK_CHECKSUM : 0;
}

static void take(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    most_at_once = max(most_at_once, count);
    for (size_t i = 0; i < count; i++)
        if (is_to_echo)
            network_write(net, frames[i]);
        else if (came_count < 512)
            came[came_count++] = frames[i];
        else
            buf_free(frames[i]);
}

static void begin(bool has_header)
{
    host_has_header = has_header;
    host_is_up = true;
    is_to_echo = false;
    came_count = most_at_once = 0;
    CHECK(network_unix_connect("tap0", &net) == OK);
    network_listen(net, take, NULL);
}

static void finish(void)
{
    for (size_t i = 0; i < came_count; i++)
        buf_free(came[i]);
    network_disconnect(net);
    close(host);
    CHECK(buf_pages_free() == buf_pages());
}

/* The host sends a frame of len bytes, each of which is number. */
static void host_sends(uint8_t number, size_t len, const uint8_t *header)
{
    static uint8_t bytes[VIRTIO_NET_HDR + 70000];
    size_t before = host_has_header ? VIRTIO_NET_HDR : 0;

    memset(bytes, 0, before);
    if (before && header)
        memcpy(bytes, header, before);
    memset(bytes + before, number, len);
    CHECK(send(host, bytes, before + len, 0) == (ssize_t)(before + len));
}

static void await_count(const uint64_t *counter, uint64_t count)
{
    nanoseconds end = time_after(WAIT);

    while (*counter < count && time_now() < end)
        (void)time_sleep(MILLISECOND / 10);
    CHECK(*counter == count);
}

/* Reads what the host gets. Returns its length, without the header, which must
 * be zero. */
static size_t host_gets(uint8_t *data, size_t size)
{
    static uint8_t bytes[VIRTIO_NET_HDR + 70000];
    size_t before = host_has_header ? VIRTIO_NET_HDR : 0;
    nanoseconds end = time_after(WAIT);
    ssize_t n;

    while ((n = recv(host, bytes, sizeof bytes, 0)) < 0 && time_now() < end)
        (void)time_sleep(MILLISECOND / 10);
    CHECK(n >= (ssize_t)before);
    for (size_t i = 0; i < before; i++)
        CHECK(bytes[i] == 0);
    memcpy(data, bytes + before, min((size_t)n - before, size));
    return (size_t)n - before;
}

static bool host_has_nothing(void)
{
    uint8_t byte;

    return recv(host, &byte, 1, MSG_PEEK) < 0;
}

/* A frame of len bytes, in bufs of part bytes. */
static struct buf *frame_of(uint8_t number, size_t len, size_t part)
{
    struct buf *frame = NULL, **end = &frame;

    for (size_t n; len > 0; len -= n) {
        n = min(len, part);
        *end = buf_new(0);
        CHECK(*end != NULL);
        memset(buf_append(*end, n), number, n);
        end = &(*end)->next;
    }
    return frame;
}

static bool is_all(const uint8_t *data, size_t len, uint8_t number)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != number)
            return false;
    return true;
}

TEST(the_device_has_the_facts_of_the_tap)
{
    begin(true);
    CHECK(net->mtu == 65535 && net->up && !net->gone);
    CHECK(net->features == NETWORK_CHECKSUM && net->mac.byte[5] == 7);
    CHECK_TEXT(net->name, "tap0");
    finish();
    CHECK(network_unix_connect("none", &net) == ERR_NAME);
}

/* The longest that can be told from one that was cut. */
TEST(frames_of_each_length_are_delivered_whole_and_in_order)
{
    static const size_t lengths[] = {14, 60, 1514, 4095, 4096, 4097,
                                     8192, 65549, 20};

    for (int header = 0; header < 2; header++) {
        begin(header == 1);
        for (size_t i = 0; i < 9; i++)
            host_sends((uint8_t)i, lengths[i], NULL);
        await_count(&net->counters.frames_in, 9);
        CHECK(came_count == 9 && net->counters.dropped_in == 0);
        for (size_t i = 0; i < came_count; i++) {
            static uint8_t data[70000];

            CHECK(buf_length(came[i]) == lengths[i]);
            buf_copy_out(came[i], 0, data, lengths[i]);
            CHECK(is_all(data, lengths[i], (uint8_t)i));
        }
        finish();
    }
}

TEST(a_runt_and_a_frame_that_was_perhaps_cut_are_dropped_and_counted)
{
    for (int header = 0; header < 2; header++) {
        begin(header == 1);
        host_sends(1, 13, NULL);
        host_sends(2, 14, NULL);
        host_sends(3, PAGES * PAGE_BYTES, NULL);
        host_sends(4, 14, NULL);
        await_count(&net->counters.frames_in, 2);
        CHECK(net->counters.dropped_in == 2 && came_count == 2);
        CHECK(came[0]->data[0] == 2 && came[1]->data[0] == 4);
        finish();
    }
}

/* With few pages also one that is not too long for a frame. */
TEST(a_frame_that_fills_all_pages_of_its_read_is_dropped)
{
    struct receive_slot slot = {.count = 1};
    struct device *d;
    struct buf *frame;

    begin(false);
    d = device_of(net);
    slot.page[0] = buf_new(0);
    CHECK(!finish_read(d, &slot, 13) && net->counters.dropped_in == 1);
    CHECK(!finish_read(d, &slot, PAGE_BYTES) && slot.page[0]);
    CHECK(net->counters.dropped_in == 2);
    frame = finish_read(d, &slot, PAGE_BYTES - 1);
    CHECK(frame && frame->len == PAGE_BYTES - 1 && !slot.page[0]);
    buf_free(frame);
    finish();
}

TEST(a_frame_whose_header_contradicts_it_is_dropped)
{
    uint8_t beyond[VIRTIO_NET_HDR] = {1, 0, 0, 0, 0, 0, 0xff, 0xff};

    begin(true);
    host_sends(1, 60, beyond); /* the checksum is to begin at byte 65,535 */
    host_sends(2, 60, NULL);
    await_count(&net->counters.frames_in, 1);
    CHECK(net->counters.dropped_in == 1 && came[0]->data[0] == 2);
    finish();
}

TEST(frames_that_have_come_together_are_delivered_together)
{
    begin(false);
    for (uint8_t i = 0; i < 100; i++)
        host_sends(i, 60, NULL);
    await_count(&net->counters.frames_in, 100);
    CHECK(most_at_once > 1 && most_at_once <= READS);
    for (uint8_t i = 0; i < 100; i++)
        CHECK(came[i]->data[0] == i);
    finish();
}

/* Up to SHORT_FRAME bytes by a copy, up to PIECES bufs without, and more. */
TEST(frames_of_each_length_and_number_of_bufs_are_written)
{
    static const struct {
        size_t len, part;
    } frames[] = {
        {14, 14},
        {60, 7},
        {2048, 1000},
        {2049, 2049},
        {9000, 1500},
        {9000, 9000 / PIECES},
        {60000, 4096},
        {9000, 50},
    };
    static uint8_t data[70000];

    for (int header = 0; header < 2; header++) {
        begin(header == 1);
        for (uint8_t i = 0; i < 8; i++) {
            network_write(net, frame_of(i, frames[i].len, frames[i].part));
            CHECK(host_gets(data, sizeof data) == frames[i].len);
            CHECK(is_all(data, frames[i].len, i));
        }
        CHECK(net->counters.frames_out == 8);
        CHECK(net->counters.dropped_out == 0);
        finish();
    }
}

/* Answers of the handler are gathered, and written by one call. */
TEST(answers_are_written_in_their_order)
{
    static uint8_t data[70000];

    for (int header = 0; header < 2; header++) {
        begin(header == 1);
        is_to_echo = true;
        for (unsigned i = 0; i < 200; i++)
            host_sends((uint8_t)i, i % 10 == 3 ? 30000 : 60 + i, NULL);
        for (unsigned i = 0; i < 200; i++) {
            size_t len = i % 10 == 3 ? 30000 : 60 + i;

            CHECK(host_gets(data, sizeof data) == len);
            CHECK(is_all(data, len, (uint8_t)i));
        }
        CHECK(net->counters.dropped_out == 0);
        finish();
    }
}

/* A stack holds the one, and writes others while frames are gathered. */
TEST(frames_beyond_the_limits_of_a_batch_are_written_too)
{
    struct device *d;
    static uint8_t data[70000];

    begin(true);
    d = device_of(net);
    d->is_gathering = true;
    for (uint8_t i = 0; i < WRITES - 1; i++)
        network_write(net, frame_of(i, 60, 60));
    CHECK(host_has_nothing());
    network_write(net, frame_of(WRITES - 1, 60, 60));
    CHECK(!host_has_nothing() && d->gathered.frames == 0);
    for (uint8_t i = 0; i < WRITES; i++)
        CHECK(host_gets(data, sizeof data) == 60 && data[0] == i);
    /* By bytes. */
    for (uint8_t i = 0; i < 5; i++)
        network_write(net, frame_of(i, 60000, 4096));
    CHECK(!host_has_nothing() && d->gathered.bytes == 0);
    for (uint8_t i = 0; i < 5; i++)
        CHECK(host_gets(data, sizeof data) == 60000 && data[0] == i);
    /* One that cannot be gathered does not overtake the others. */
    network_write(net, frame_of(1, 60, 60));
    network_write(net, frame_of(2, 9000, 50));
    CHECK(host_gets(data, sizeof data) == 60 && data[0] == 1);
    CHECK(host_gets(data, sizeof data) == 9000 && data[0] == 2);
    /* Frames of many bufs: their parts have a limit, too. */
    for (uint8_t i = 0; i < 20; i++)
        network_write(net, frame_of(i, 128, 1));
    d->is_gathering = false;
    network_write(net, frame_of(20, 60, 60));
    for (uint8_t i = 0; i < 20; i++)
        CHECK(host_gets(data, sizeof data) == 128 && data[0] == i);
    CHECK(host_gets(data, sizeof data) == 60 && data[0] == 20);
    finish();
}

TEST(without_pages_frames_are_dropped_and_later_ones_delivered)
{
    static struct buf *held[70000];
    nanoseconds end = time_after(WAIT);
    size_t count = 0;

    begin(false);
    host_sends(1, 60, NULL);
    await_count(&net->counters.frames_in, 1);
    while (count < 70000 && (held[count] = buf_new(0)))
        count++;
    CHECK(count > 0 && count < 70000);
    /* The pages that the reader has already. */
    for (uint8_t i = 0; i < 40; i++)
        host_sends(2, 65549, NULL);
    while (net->counters.frames_in + net->counters.dropped_in < 41 &&
           time_now() < end)
        (void)time_sleep(MILLISECOND);
    CHECK(net->counters.dropped_in > 20);
    while (count > 0)
        buf_free(held[--count]);
    count = (size_t)net->counters.frames_in;
    host_sends(3, 60, NULL);
    await_count(&net->counters.frames_in, count + 1);
    CHECK(came[came_count - 1]->data[0] == 3);
    finish();
}

TEST(a_link_that_goes_down_and_up_is_followed)
{
    nanoseconds end = time_after(WAIT);

    begin(false);
    host_is_up = false;
    complete_write(device_of(net), NULL, EIO);
    CHECK(!net->up && !net->gone && net->counters.dropped_out == 1);
    CHECK(time_sleep(20 * MILLISECOND) == OK && !net->up);
    host_is_up = true;
    while (!net->up && time_now() < end)
        CHECK(wait_until(&net->changed, end) == OK);
    CHECK(net->up);
    complete_write(device_of(net), NULL, ENOBUFS);
    CHECK(net->up && net->counters.dropped_out == 2);
    finish();
}

TEST(a_tap_that_is_not_up_yet_is_waited_for)
{
    nanoseconds end = time_after(WAIT);

    begin(false);
    finish();
    host_is_up = false;
    CHECK(network_unix_connect("tap0", &net) == OK);
    CHECK(!net->up);
    host_is_up = true;
    while (!net->up && time_now() < end)
        CHECK(wait_until(&net->changed, end) == OK);
    CHECK(net->up);
    came_count = 0;
    finish();
}

/* By each error that Linux gives. */
TEST(a_deleted_tap_is_gone_for_good)
{
    static const int errors[] = {EBADFD, ENODEV, ENXIO};

    for (size_t i = 0; i < 3; i++) {
        begin(false);
        complete_write(device_of(net), NULL, errors[i]);
        CHECK(net->gone && !net->up && net->counters.dropped_out == 1);
        host_sends(1, 60, NULL);
        CHECK(time_sleep(5 * MILLISECOND) == OK);
        CHECK(!net->up);
        finish();
    }
}
