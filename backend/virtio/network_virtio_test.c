/* SPDX-License-Identifier: ISC */
/* Network devices on the fake: correct ones, and some that lie. */
#include "check.h"
#include "network_queues.h"
#include "ipv6_segment.h"
#include <conform/stackv4_contract.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <malloc.h>
#include <mirage/bytes.h>
#include <mirage/drivers.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <mirage/panic.h>
#include <mirage/time.h>
#include <stdlib.h>
#include <virtio/fake/nic.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define RINGS        (BIT(VIRTIO_RING_F_EVENT_IDX) | \
               BIT(VIRTIO_RING_F_INDIRECT_DESC))
#define SUMS     (BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM))
#define SEGMENTS (SUMS | BIT(VIRTIO_NET_F_HOST_TSO4) | \
                  BIT(VIRTIO_NET_F_GUEST_TSO4))
#define SEGMENTS_IPV6 (SUMS | BIT(VIRTIO_NET_F_HOST_TSO6) | \
                       BIT(VIRTIO_NET_F_GUEST_TSO6))
#define MERGED   BIT(VIRTIO_NET_F_MRG_RXBUF)
#define ALL      (RINGS | SEGMENTS | SEGMENTS_IPV6 | MERGED)
#define ALL_SUMS (NETWORK_CHECKSUM | NETWORK_CHECKSUM_IPV6)
#define PACKED   BIT(VIRTIO_F_RING_PACKED)
#define ANNOUNCE (BIT(VIRTIO_NET_F_CTRL_VQ) | \
                  BIT(VIRTIO_NET_F_GUEST_ANNOUNCE))

static const char *const names[] = {
    "left", "02:00:00:00:00:01", "right", "02:00:00:00:00:02", NULL};

static struct nic *nic; /* two */
static unsigned heard; /* frames */
static struct buf *kept; /* the last one */

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static const struct console_ops quiet_ops = {.write = say_nothing};
static struct console quiet = {.ops = &quiet_ops};

/* A machine with two devices. */
static void begin(uint64_t features, bool is_legacy)
{
    fake_remove_all();
    nic = calloc(2, sizeof *nic); /* those of earlier tests are in use */
    for (unsigned i = 0; i < 2; i++) {
        nic_add(&nic[i], features, is_legacy, i + 1);
    }
}

static void pause(void)
{
    CHECK(time_sleep(100 * MILLISECOND) == OK);
}

static void hear(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        heard++;
        buf_free(kept);
        kept = frames[i];
    }
}

static void forget(void)
{
    heard = 0;
    buf_free(kept);
    kept = NULL;
}

static struct network *connect(const char *name)
{
    struct network *n = NULL;

    CHECK(network_virtio_connect(name, names, &n) == OK);
    if (!n)
        panic("no network");
    forget();
    network_listen(n, hear, NULL);
    pause();
    return n;
}

static struct stackv4 *stack_on(struct network *n, const char *address)
{
    struct stackv4 *s = NULL;

    CHECK(stackv4_static_connect(&quiet, n, address, "255.255.255.0", "",
                                 &s) == OK);
    if (!s)
        panic("no stack");
    return s;
}

static void check_contract(uint64_t features, bool is_legacy)
{
    struct stackv4 *server, *client;

    begin(features, is_legacy);
    nic[0].peer = &nic[1];
    nic[1].peer = &nic[0];
    server = stack_on(connect("left"), "10.0.0.2");
    client = stack_on(connect("right"), "10.0.0.3");
    CHECK(contract_failures("virtio", server, client,
                            ipv4_address(10, 0, 0, 2)) == 0);
}

TEST(stacks_keep_their_contract_with_a_device_that_offers_nothing)
{
    check_contract(0, false);
    CHECK(nic[0].segmented == 0 && nic[0].sent > 0);
}

TEST(stacks_keep_their_contract_with_all_offloads_and_merged_buffers)
{
    check_contract(ALL, false);
    CHECK(nic[1].segmented > 0 && nic[0].buffers_most > 10);
}

TEST(stacks_keep_their_contract_with_a_packed_ring)
{
    check_contract(ALL | PACKED, false);
    CHECK(nic[1].segmented > 0 && nic[0].buffers_most > 10);
}

TEST(stacks_keep_their_contract_without_merged_buffers)
{
    check_contract(RINGS | SUMS | BIT(VIRTIO_NET_F_GUEST_TSO4) |
                       BIT(VIRTIO_NET_F_GUEST_TSO6),
                   false);
    CHECK(nic[0].received > 0 && nic[0].buffers_most == 1);
    /* Buffers for whole segments would be too few for bursts of frames. */
    CHECK(!(nic[0].fake->accepted & BIT(VIRTIO_NET_F_GUEST_TSO4)));
    CHECK(!(nic[0].fake->accepted & BIT(VIRTIO_NET_F_GUEST_TSO6)));
}

TEST(stacks_keep_their_contract_with_a_legacy_device)
{
    check_contract(ALL, true);
    check_contract(SUMS, true);
}

TEST(a_network_has_the_mtu_mac_and_features_of_its_device)
{
    struct network *n;

    begin(ALL | BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MQ), false);
    put_le16(nic[0].fake->config + 10, 9000);
    n = connect("left");
    CHECK(n->mtu == 9000 && n->up && !n->gone);
    CHECK_TEXT(mac_text(n->mac).s, "02:00:00:00:00:01");
    CHECK(n->features == (ALL_SUMS | NETWORK_TCP_SEGMENTS |
                          NETWORK_TCP_SEGMENTS_IPV6));
    CHECK(!(nic[0].fake->accepted & BIT(VIRTIO_NET_F_MQ)));
    put_le16(nic[1].fake->config + 10, 67);
    CHECK(connect("right")->mtu == 1500);
}

TEST(a_feature_without_the_one_that_it_needs_is_not_accepted)
{
    begin(RINGS | MERGED | ((SEGMENTS | SEGMENTS_IPV6) & ~SUMS) |
              BIT(VIRTIO_NET_F_GUEST_ANNOUNCE),
          false);
    CHECK(connect("left")->features == 0);
    CHECK(!(nic[0].fake->accepted & (SEGMENTS | SEGMENTS_IPV6 |
                                     BIT(VIRTIO_NET_F_GUEST_ANNOUNCE))));
    nic[1].fake->features |= SUMS | BIT(VIRTIO_NET_F_CTRL_VQ);
    CHECK(connect("right")->features ==
          (ALL_SUMS | NETWORK_TCP_SEGMENTS | NETWORK_TCP_SEGMENTS_IPV6));
    CHECK(nic[1].fake->accepted & BIT(VIRTIO_NET_F_GUEST_TSO4));
    CHECK(nic[1].fake->accepted & BIT(VIRTIO_NET_F_GUEST_TSO6));
    CHECK(nic[1].fake->accepted & BIT(VIRTIO_NET_F_GUEST_ANNOUNCE));
}

TEST(a_name_without_its_address_gets_the_first_device_that_nobody_else_has)
{
    static const char *const other[] = {
        "b", "02:00:00:00:00:01", "c", "02:00:00:00:00:77", NULL};
    struct network *n = NULL;

    begin(ALL, false);
    CHECK(network_virtio_connect("c", other, &n) == OK);
    CHECK(n && n->mac.byte[5] == 2);
    CHECK(network_virtio_connect("c", other, &n) == ERR_IN_USE);
    CHECK(network_virtio_connect("b", other, &n) == OK);
    CHECK(n && n->mac.byte[5] == 1);
}

TEST(an_address_without_a_device_is_an_error)
{
    static const char *const other[] = {
        "02:00:00:00:00:77", "02:00:00:00:00:77", NULL};
    struct network *n;

    begin(ALL, false);
    CHECK(network_virtio_connect(other[0], other, &n) == ERR_NOT_FOUND);
}

static struct buf *frame_of(size_t len)
{
    uint8_t bytes[2000];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7);
    return buf_copy_in(bytes, len, 0);
}

TEST(frames_are_sent_from_where_they_lie_and_the_heap_is_copied)
{
    struct network *n;
    struct buf *b;
    const uint8_t *at;

    begin(ALL, false);
    n = connect("left");
    b = frame_of(1000);
    at = b->data;
    network_write(n, b);
    pause();
    CHECK(nic[0].sent == 1 && nic[0].last_len == 1000);
    CHECK(nic[0].last_at == at);
    b = buf_over(fake_heap + 100, 900, NULL, NULL);
    network_write(n, b);
    pause();
    CHECK(nic[0].sent == 2 && nic[0].last_len == 900);
    CHECK(nic[0].last_at != fake_heap + 100);
    CHECK(n->counters.dropped_out == 0);
}

TEST(frames_of_any_number_of_pieces_are_sent_whole)
{
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    for (unsigned pieces = 1; pieces <= 60; pieces++) {
        struct buf *frame = frame_of(20), **end = &frame->next;

        for (unsigned i = 1; i < pieces; i++, end = &(*end)->next)
            *end = frame_of(20);
        network_write(n, frame);
        pause();
        CHECK(nic[0].sent == pieces && nic[0].last_len == pieces * 20);
        for (unsigned i = 0; i < nic[0].last_len; i++)
            CHECK(nic[0].last[i] == (uint8_t)(i % 20 * 7));
    }
    CHECK(n->counters.dropped_out == 0);
}

TEST(frames_of_one_turn_are_one_kick_and_are_freed_without_an_interrupt)
{
    struct network *n;
    size_t pages;

    begin(ALL, false);
    n = connect("left");
    pause();
    pages = buf_pages_free();
    for (int i = 0; i < 100; i++)
        network_write(n, frame_of(100));
    pause();
    CHECK(nic[0].sent == 100 && nic[0].fake->queue[1].notified == 1);
    CHECK(nic[0].fake->queue[1].interrupted == 0);
    CHECK(buf_pages_free() == pages);
}

#define IPV6_MOST (NETWORK_FRAME - IPV6_HEADERS)

TEST(ipv6_segments_are_left_to_a_device_that_cuts_them)
{
    static const struct {
        uint64_t features;
        unsigned frames;
    } cases[] = {
        {ALL, 1},
        {RINGS | SEGMENTS_IPV6, 1},
        {RINGS | SEGMENTS, 3},
        {RINGS, 3},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t *header;
        struct network *n;

        begin(cases[i].features, false);
        n = connect("left");
        network_write(n, ipv6_frame(2 * IPV6_MSS + 1));
        pause();
        header = nic[0].header;
        CHECK(nic[0].sent == cases[i].frames && n->counters.dropped_out == 0);
        CHECK(nic[0].segmented == (cases[i].frames == 1));
        if (cases[i].frames == 1) {
            CHECK(header[0] == VIRTIO_NET_HDR_F_NEEDS_CSUM);
            CHECK(header[1] == VIRTIO_NET_HDR_GSO_TCPV6);
            CHECK(get_le16(header + 4) == IPV6_MSS);
            CHECK(get_le16(header + 6) == 54 && get_le16(header + 8) == 16);
        } else {
            CHECK(nic[0].last_len == IPV6_HEADERS + 1);
            CHECK(header[0] == (cases[i].features & SUMS ? 1 : 0));
        }
    }
}

static void forward(void *to, struct buf *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        network_write(to, frames[i]);
}

/* A header for a frame of put_ipv6 that was joined. */
static void put_joined(uint8_t header[NIC_HEADER])
{
    memset(header, 0, NIC_HEADER);
    header[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header[1] = VIRTIO_NET_HDR_GSO_TCPV6;
    put_le16(header + 2, IPV6_HEADERS);
    put_le16(header + 4, IPV6_MSS);
    put_le16(header + 6, 54);
    put_le16(header + 8, 16);
}

TEST(joined_ipv6_segments_are_passed_on_to_another_device_as_they_are)
{
    static uint8_t bytes[NETWORK_FRAME];
    uint8_t header[NIC_HEADER];

    begin(ALL, false);
    network_listen(connect("left"), forward, connect("right"));
    put_joined(header);
    for (size_t len = IPV6_MSS + 1; len < IPV6_MOST; len += 3001) {
        unsigned sent = nic[1].sent;

        put_ipv6(bytes, len);
        CHECK(nic_receive(&nic[0], header, bytes, IPV6_HEADERS + len));
        pause();
        CHECK(nic[1].sent == sent + 1);
        CHECK(nic[1].last_len == IPV6_HEADERS + len);
        CHECK(memcmp(nic[1].last, bytes, IPV6_HEADERS + len) == 0);
        /* The length of the headers is only a hint, and may be larger. */
        CHECK(memcmp(nic[1].header, header, 2) == 0);
        CHECK(memcmp(nic[1].header + 4, header + 4, 6) == 0);
    }
}

TEST(joined_ipv6_segments_are_cut_for_a_device_without_offloads)
{
    uint8_t bytes[IPV6_HEADERS + 10 * IPV6_MSS], header[NIC_HEADER];

    begin(ALL, false);
    nic[1].fake->features &= ~(SEGMENTS | SEGMENTS_IPV6);
    network_listen(connect("left"), forward, connect("right"));
    put_ipv6(bytes, 10 * IPV6_MSS);
    put_joined(header);
    CHECK(nic_receive(&nic[0], header, bytes, sizeof bytes));
    pause();
    CHECK(nic[1].sent == 10 && nic[1].last_len == IPV6_HEADERS + IPV6_MSS);
    CHECK(memcmp(nic[1].last + IPV6_HEADERS,
                 bytes + IPV6_HEADERS + 9 * IPV6_MSS, IPV6_MSS) == 0);
}

TEST(a_frame_whose_offload_contradicts_its_ipv6_headers_is_dropped)
{
    static const struct {
        size_t at; /* in the header, or behind it in the frame */
        uint8_t value;
    } lies[] = {
        {1, VIRTIO_NET_HDR_GSO_TCPV4},
        {1, 5}, /* UDP_L4 */
        {1, VIRTIO_NET_HDR_GSO_UDP},
        {1, 0xff},
        {5, 0}, /* with the next: a size of 0 */
        {7, 0xff}, /* a transport header beyond the frame */
        {9, 0xff}, /* a checksum beyond it */
        {6, 53},
        {8, 6},
        {NIC_HEADER + 12, 0x08}, /* of another type */
        {NIC_HEADER + 14, 0x45}, /* of another version */
        {NIC_HEADER + 20, 17}, /* UDP */
        {NIC_HEADER + 20, 44}, /* a fragment */
    };
    uint8_t bytes[NIC_HEADER + IPV6_HEADERS + 1000];
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        put_joined(bytes);
        put_le16(bytes + 4, 256);
        put_ipv6(bytes + NIC_HEADER, 1000);
        bytes[lies[i].at] = lies[i].value;
        CHECK(nic_receive(&nic[0], bytes, bytes + NIC_HEADER,
                          sizeof bytes - NIC_HEADER));
        pause();
        CHECK(heard == 0 && n->counters.dropped_in == i + 1 && !n->gone);
    }
}

TEST(buffers_have_room_for_joined_segments_when_merging_is_withdrawn)
{
    static const unsigned joins[] = {VIRTIO_NET_F_GUEST_TSO4,
                                     VIRTIO_NET_F_GUEST_TSO6};
    static uint8_t bytes[NETWORK_FRAME];
    uint8_t header[NIC_HEADER] = {0};

    for (size_t i = 0; i < 2; i++) {
        begin(RINGS | SUMS | MERGED | BIT(joins[i]), false);
        (void)connect("left");
        nic[0].fake->features &= ~MERGED;
        fake_need_reset(nic[0].fake);
        CHECK(time_sleep(2 * SECOND) == OK);
        CHECK(!(nic[0].fake->accepted & MERGED));
        /* The fake ends the program if it does not fit. */
        CHECK(nic_receive(&nic[0], header, bytes, sizeof bytes));
        pause();
        CHECK(heard == 1 && buf_length(kept) == sizeof bytes);
        forget();
    }
}

static const uint8_t no_offload[NIC_HEADER];

TEST(a_thousand_frames_at_once_starve_no_receive_queue)
{
    uint8_t bytes[1000] = {0};
    unsigned sent = 0;

    begin(ALL, false);
    (void)connect("left");
    pause();
    for (int turn = 0; turn < 8; turn++) {
        while (nic_receive(&nic[0], no_offload, bytes, sizeof bytes))
            sent++;
        pause();
    }
    CHECK(sent >= 8 * 240 && heard == sent);
}

TEST(a_checksum_that_is_left_to_us_is_taken_from_any_device)
{
    uint8_t bytes[100] = {0}, header[NIC_HEADER] = {
                                  VIRTIO_NET_HDR_F_NEEDS_CSUM};

    begin(MERGED, false); /* GUEST_CSUM is not negotiated */
    (void)connect("left");
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[23] = 17;
    put_le16(header + 6, 34);
    put_le16(header + 8, 6);
    CHECK(nic_receive(&nic[0], header, bytes, sizeof bytes));
    pause();
    CHECK(heard == 1 && kept->offload.kind == OFFLOAD_UDP_IPV4 &&
          kept->offload.csum_good);
}

TEST(a_device_without_an_address_gets_a_local_one)
{
    struct network *n;

    begin(ALL, false);
    nic[0].fake->features &= ~BIT(VIRTIO_NET_F_MAC);
    nic[1].fake->features &= ~BIT(VIRTIO_NET_F_MAC);
    n = connect("left");
    CHECK((n->mac.byte[0] & 3) == 2);
    CHECK(!mac_equal(n->mac, connect("right")->mac));
    for (size_t i = 0; i < 6; i++)
        CHECK(!nic[0].fake->is_read[i]);
}

TEST(the_link_of_a_device_without_a_status_is_up)
{
    begin(ALL, false);
    nic[0].fake->features &= ~BIT(VIRTIO_NET_F_STATUS);
    put_le16(nic[0].fake->config + 6, 0);
    CHECK(connect("left")->up);
    CHECK(!nic[0].fake->is_read[6] && !nic[0].fake->is_read[7]);
}

TEST(a_frame_of_any_mtu_has_room_without_merged_buffers)
{
    static const uint16_t sizes[] = {68, 1500, 4070, 4071, 9000, 16000};
    static uint8_t bytes[20000];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(RINGS | SUMS | BIT(VIRTIO_NET_F_MTU), false);
        put_le16(nic[0].fake->config + 10, sizes[i]);
        CHECK(connect("left")->mtu == sizes[i]);
        /* The fake ends the program if it does not fit. */
        CHECK(nic_receive(&nic[0], no_offload, bytes, sizes[i] + 14u));
        pause();
        CHECK(heard == 1 && buf_length(kept) == sizes[i] + 14u);
    }
}

TEST(the_length_of_the_headers_is_not_relied_on)
{
    static const uint16_t lengths[] = {0, 1, 54, 100, 0xffff};
    uint8_t bytes[100] = {0}, header[NIC_HEADER] = {
                                  VIRTIO_NET_HDR_F_NEEDS_CSUM};

    begin(MERGED, false);
    (void)connect("left");
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[23] = 17;
    put_le16(header + 6, 34);
    put_le16(header + 8, 6);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        put_le16(header + 2, lengths[i]);
        CHECK(nic_receive(&nic[0], header, bytes, sizeof bytes));
        pause();
        CHECK(heard == i + 1 && kept->offload.kind == OFFLOAD_UDP_IPV4);
    }
}

TEST(the_link_follows_the_device)
{
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    nic_set_status(&nic[0], 0);
    pause();
    CHECK(!n->up && !n->gone);
    network_write(n, frame_of(100));
    pause();
    CHECK(nic[0].sent == 0 && n->counters.dropped_out == 1);
    nic_set_status(&nic[0], VIRTIO_NET_S_LINK_UP);
    pause();
    CHECK(n->up);
}

TEST(a_device_that_asks_for_it_is_announced_and_told)
{
    struct network *n;

    begin(ALL | ANNOUNCE, false);
    n = connect("left");
    (void)stack_on(n, "10.0.0.2");
    CHECK(time_sleep(10 * SECOND) == OK);
    nic[0].sent = 0;
    nic_set_status(&nic[0], VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
    pause();
    CHECK(nic[0].announced == 1 && nic[0].sent > 0);
    CHECK(nic[0].last[12] == 8 && nic[0].last[13] == 6); /* ARP */
    CHECK(n->up);
}

TEST(a_request_to_announce_that_is_there_at_the_start_is_acknowledged)
{
    begin(ALL | ANNOUNCE, false);
    put_le16(nic[0].fake->config + 6,
             VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
    CHECK(connect("left")->up);
    CHECK(nic[0].announced == 1);
    fake_need_reset(nic[0].fake); /* it starts again, and asks again */
    pause();
    CHECK(nic[0].announced == 2);
    nic_set_status(&nic[0], VIRTIO_NET_S_LINK_UP);
    pause();
    CHECK(nic[0].announced == 2);
}

/* With AddressSanitizer; mallinfo2 does not know its heap. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static void check_restarts(uint64_t features)
{
    struct network *n;
    uint8_t bytes[100] = {0};
    size_t pages, ring_pages, heap;

    begin(features, false);
    n = connect("left");
    pause();
    pages = buf_pages_free();
    ring_pages = fake_pages;
    heap = heap_in_use();
    for (unsigned i = 0; i < 1000; i++) {
        fake_need_reset(nic[0].fake);
        CHECK(time_sleep(1100 * MILLISECOND) == OK); /* restart_wait */
        CHECK(n->up && !n->gone && buf_pages_free() == pages);
        CHECK(fake_pages == ring_pages);
        network_write(n, frame_of(100));
        CHECK(nic_receive(&nic[0], no_offload, bytes, sizeof bytes));
        pause();
        CHECK(nic[0].sent == i + 1 && heard == 1);
        forget();
    }
    CHECK(nic[0].fake->resets >= 1000 && heap_in_use() <= heap);
}

TEST(a_device_that_is_started_again_a_thousand_times_loses_no_memory)
{
    check_restarts(ALL);
    check_restarts(ALL | ANNOUNCE | PACKED);
}

static const struct virtio_transport *real;
static unsigned resets_left;

/* Needs a reset once a queue is there, and then before there are any. */
static bool start_queue(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t device)
{
    if (resets_left > 0 && resets_left % 2 == 0) {
        resets_left--;
        fake_need_reset(fake_of(d));
    }
    return real->queue_start(d, index, size, descriptors, driver, device);
}

static void need_reset(struct fake *f, uint8_t status)
{
    if (resets_left % 2 && status == 11) {
        resets_left--;
        fake_need_reset(f);
    }
}

TEST(a_device_that_asks_for_resets_while_it_starts_loses_no_page)
{
    static struct virtio_transport transport;
    struct network *n;
    size_t pages;

    begin(ALL, false);
    real = nic[0].fake->device.transport;
    transport = *real;
    transport.queue_start = start_queue;
    nic[0].fake->device.transport = &transport;
    nic[0].fake->on_status = need_reset;
    n = connect("left");
    pages = buf_pages_free();
    for (unsigned i = 1; i < 8; i++) {
        for (int j = 0; j < 10; j++) {
            fake_need_reset(nic[0].fake); /* further starts have to wait */
            pause();
        }
        resets_left = i;
        network_write(n, frame_of(100)); /* so that it looks again soon */
        fake_need_reset(nic[0].fake);
        CHECK(time_sleep(20 * SECOND) == OK);
        CHECK(resets_left == 0);
        CHECK(n->up && !n->gone && buf_pages_free() == pages);
    }
}

/* Each of these ends the device, and not the image. */
static void check_ends(struct network *n, size_t pages)
{
    pause();
    CHECK(n->gone && !n->up);
    CHECK(nic[0].fake->status & VIRTIO_CONFIG_S_FAILED);
    forget();
    CHECK(buf_pages_free() == pages);
    network_write(n, frame_of(100));
    pause();
    CHECK(buf_pages_free() == pages);
}

static void check_lie(uint16_t buffers, uint32_t written)
{
    static struct fake_buffer b;
    struct network *n;
    size_t pages;

    begin(ALL, false);
    forget();
    pages = buf_pages_free() - buf_pages();
    n = connect("left");
    pages += buf_pages(); /* with those that the driver has added */
    pause();
    CHECK(fake_take(nic[0].fake, 0, &b));
    memset(b.piece[0].data, 0, 4096);
    put_le16(b.piece[0].data + 10, buffers);
    fake_give(nic[0].fake, 0, &b, written);
    check_ends(n, pages);
}

TEST(a_device_ends_that_says_a_frame_has_no_buffers)
{
    check_lie(0, 1000);
}

TEST(a_device_ends_that_says_a_frame_has_too_many_buffers)
{
    check_lie(18, 4096);
    check_lie(65535, 4096);
}

TEST(a_device_ends_that_fills_more_buffers_than_the_largest_frame_takes)
{
    static struct fake_buffer b[18];
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    for (int i = 0; i < 18; i++)
        CHECK(fake_take(nic[0].fake, 0, &b[i]));
    memset(b[0].piece[0].data, 0, 4096);
    put_le16(b[0].piece[0].data + 10, 18);
    for (int i = 0; i < 18; i++)
        fake_give(nic[0].fake, 0, &b[i], 4096);
    pause();
    CHECK(n->gone && heard == 0);
}

TEST(a_device_ends_that_uses_fewer_buffers_than_a_frame_has)
{
    check_lie(2, 4096);
}

TEST(a_device_ends_that_writes_less_than_a_header)
{
    check_lie(1, 11);
    check_lie(1, 0);
}

TEST(a_device_ends_that_writes_more_than_the_buffer_has)
{
    check_lie(1, 4097);
    check_lie(1, UINT32_MAX);
}

TEST(a_frame_shorter_than_its_ethernet_header_is_dropped)
{
    struct network *n;
    uint8_t bytes[13] = {0};

    begin(ALL, false);
    n = connect("left");
    CHECK(nic_receive(&nic[0], no_offload, bytes, sizeof bytes));
    CHECK(nic_receive(&nic[0], no_offload, bytes, 0));
    pause();
    CHECK(heard == 0 && n->counters.dropped_in == 2 && !n->gone);
}

TEST(a_frame_of_as_many_buffers_as_the_largest_takes_is_received)
{
    static uint8_t bytes[16 * 4096 + 1];
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    CHECK(nic_receive(&nic[0], no_offload, bytes, sizeof bytes));
    CHECK(nic[0].buffers_most == 17);
    pause();
    CHECK(!n->gone && heard == 1 && buf_length(kept) == sizeof bytes);
    forget();
}

/* The driver's fiber has nothing to do. */
TEST(a_network_without_traffic_waits_without_a_limit)
{
    struct network *n;
    bool enough = false;

    begin(ALL, false);
    n = connect("left");
    pause();
    CHECK(!network_queues_turn(containing(n, struct interface, network),
                               &enough));
    CHECK(enough);
}

TEST(a_network_has_the_name_of_its_place)
{
    begin(ALL, false);
    CHECK_TEXT(connect("left")->name, nic[0].fake->device.place);
}

TEST(addresses_are_read_in_upper_and_lower_case)
{
    static const char *const other[] = {
        "a", "02:09:9a:af:AF:Fa", "b", "02:90:A0:f9:00:99", NULL};
    static const uint8_t macs[2][6] = {{2, 9, 0x9a, 0xaf, 0xaf, 0xfa},
                                       {2, 0x90, 0xa0, 0xf9, 0, 0x99}};
    struct network *n = NULL;

    begin(ALL, false);
    for (unsigned i = 0; i < 2; i++)
        memcpy(nic[i].fake->config, macs[1 - i], 6);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(network_virtio_connect(other[2 * i], other, &n) == OK);
        CHECK(n && memcmp(n->mac.byte, macs[i], 6) == 0);
    }
}

/* The device takes what was sent, and gives nothing back. */
static unsigned take_frames(struct nic *n, const uint8_t **headers,
                            unsigned most)
{
    static struct fake_buffer b;
    unsigned count = 0;

    while (count < most && fake_take(n->fake, 1, &b))
        headers[count++] = b.piece[0].data;
    return count;
}

TEST(no_header_is_that_of_two_frames_also_after_a_reset)
{
    static const uint8_t *headers[1024];
    struct network *n;
    unsigned count;

    begin(RINGS, true);
    nic[0].fake->queue_size = 1024; /* more than the driver has headers */
    n = connect("left");
    for (unsigned i = 0; i < 3; i++)
        network_write(n, frame_of(100));
    pause();
    fake_need_reset(nic[0].fake);
    CHECK(time_sleep(3 * SECOND) == OK);
    nic[0].fake->notified = NULL;
    for (unsigned i = 0; i < 600; i++)
        network_write(n, frame_of(100));
    pause();
    count = take_frames(&nic[0], headers, 1024);
    CHECK(count == NETWORK_TX && n->counters.dropped_out == 600 - NETWORK_TX);
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(headers[i] != headers[j]);
}

TEST(nothing_is_sent_while_the_link_is_down)
{
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    nic_set_status(&nic[0], 0);
    pause();
    network_write(n, frame_of(100));
    pause();
    CHECK(!n->up && nic[0].sent == 0 && n->counters.dropped_out == 1);
    nic_set_status(&nic[0], VIRTIO_NET_S_LINK_UP);
    pause();
    network_write(n, frame_of(100));
    pause();
    CHECK(n->up && nic[0].sent == 1 && n->counters.dropped_out == 1);
}

TEST(an_mtu_beyond_the_largest_frame_is_less)
{
    begin(ALL | BIT(VIRTIO_NET_F_MTU), false);
    put_le16(nic[0].fake->config + 10, 0xffff);
    CHECK(connect("left")->mtu == NETWORK_JOINED - 14);
}

TEST(a_device_ends_that_uses_a_further_buffer_for_nothing)
{
    static struct fake_buffer b[2];
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    for (int i = 0; i < 2; i++)
        CHECK(fake_take(nic[0].fake, 0, &b[i]));
    memset(b[0].piece[0].data, 0, 4096);
    put_le16(b[0].piece[0].data + 10, 2);
    fake_give(nic[0].fake, 0, &b[0], 4096);
    fake_give(nic[0].fake, 0, &b[1], 0);
    pause();
    CHECK(n->gone && heard == 0);
}

TEST(a_network_needs_memory_for_its_pool)
{
    struct network *n;

    begin(ALL, false);
    fake_no_pages = true;
    CHECK(network_virtio_connect("left", names, &n) == ERR_NO_MEMORY);
    fake_no_pages = false;
}

TEST(a_network_adds_a_fixed_number_of_pages_to_the_pool)
{
    size_t pages = buf_pages();

    begin(ALL, false);
    (void)connect("left");
    CHECK(buf_pages() - pages == NETWORK_RX + NETWORK_TX / 2);
}

TEST(a_frame_whose_header_asks_for_what_we_have_not_is_dropped)
{
    static const uint8_t header[NIC_HEADER] = {0, 77};
    uint8_t bytes[100] = {0};
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    CHECK(nic_receive(&nic[0], header, bytes, sizeof bytes));
    pause();
    CHECK(heard == 0 && n->counters.dropped_in == 1 && !n->gone);
}

TEST(frames_that_were_sent_make_room_before_one_is_dropped)
{
    struct network *n;

    begin(ALL, false);
    n = connect("left");
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 100; i++)
            network_write(n, frame_of(100));
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    pause();
    CHECK(nic[0].sent == 1000 && n->counters.dropped_out == 0);
}

TEST(an_address_that_no_interface_can_have_is_replaced)
{
    static const uint8_t wrong[][6] = {{0}, {3, 0, 0, 0, 0, 1}};

    for (size_t i = 0; i < 2; i++) {
        struct network *n;

        begin(ALL, false);
        memcpy(nic[0].fake->config, wrong[i], 6);
        n = connect("left");
        CHECK((n->mac.byte[0] & 3) == 2);
        CHECK(memcmp(n->mac.byte, wrong[i], 6) != 0);
    }
}

TEST(an_announcement_that_the_device_still_has_is_enough)
{
    begin(ALL | ANNOUNCE, false);
    (void)connect("left");
    nic[0].fake->notified = NULL;
    for (int i = 0; i < 6; i++) {
        nic_set_status(&nic[0], VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
        pause();
    }
    {
        static struct fake_buffer b;

        CHECK(fake_take(nic[0].fake, 2, &b));
        CHECK(!fake_take(nic[0].fake, 2, &b));
    }
}

TEST(pages_that_a_device_may_still_use_are_not_used_again)
{
    size_t pages;

    begin(ALL, false);
    (void)connect("left");
    pause();
    pages = buf_pages_free();
    nic[0].fake->never_resets = true;
    virtio_broken(&nic[0].fake->device, "is tested");
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(nic[0].fake->device.keeps_memory && buf_pages_free() == pages);
}
