/* SPDX-License-Identifier: ISC */
/* netfront with a fake backend that is correct, late, hostile or gone. */
#include <fake/fake_check.h>
#include "grant.h"
#include "ipv6_segment.h"
#include <mirage/bytes.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <conform/stackv4_contract.h>
#include <fake/vif.h>
#include <stdlib.h>

#define COPY   "feature-rx-copy=1"
#define PIECES COPY "\nfeature-sg=1"
#define IPV4   PIECES "\nfeature-gso-tcpv4=1"
#define IPV6   PIECES "\nfeature-ipv6-csum-offload=1\nfeature-gso-tcpv6=1"
#define ALL    IPV4 "\nfeature-ipv6-csum-offload=1\nfeature-gso-tcpv6=1"
#define SUMS   (NETWORK_CHECKSUM | NETWORK_CHECKSUM_IPV6)

static struct fake_vif vif[2];
static struct network *net[2];

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static const struct console_ops quiet_ops = {.write = say_nothing};
static struct console quiet = {.ops = &quiet_ops};

static void check_said(const char *text)
{
    CHECK(time_sleep(SECOND) == OK);
    if (!strstr(console_text(), text))
        fake_fail("the console has no \"%s\":\n%s", text, console_text());
}

static struct network *connect(unsigned number, const char *offers)
{
    char name[4];

    snprintf(name, sizeof name, "%u", number);
    vif_add(&vif[number], number, offers);
    CHECK(network_xen_connect(name, &net[number]) == OK);
    if (!net[number])
        panic("no network");
    return net[number];
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

/* Two interfaces of the image, joined by a wire in dom0. */
static void check_contract(const char *left, const char *right)
{
    struct stackv4 *server, *client;

    vif[0].peer = &vif[1];
    vif[1].peer = &vif[0];
    server = stack_on(connect(0, left), "10.0.0.2");
    client = stack_on(connect(1, right), "10.0.0.3");
    CHECK(contract_failures("vif", server, client,
                            ipv4_address(10, 0, 0, 2)) == 0);
}

TEST(stacks_keep_their_contract_with_a_backend_that_offers_nothing)
{
    check_contract(COPY, COPY);
    CHECK(vif[0].slots_most == 1 && vif[0].segments_out == 0);
}

TEST(stacks_keep_their_contract_with_scatter_gather)
{
    check_contract(PIECES, PIECES);
    CHECK(vif[0].slots_most > 1 && vif[0].segments_out == 0);
}

TEST(stacks_keep_their_contract_with_segmentation_offload)
{
    check_contract(ALL, ALL);
    CHECK(vif[1].segments_out > 0 && vif[0].segments_in > 0);
    CHECK(vif[1].slots_most > 10);
}

TEST(stacks_keep_their_contract_on_two_processors)
{
    fake.at_once = true;
    check_contract(ALL, ALL);
}

TEST(a_backend_that_is_a_second_late_loses_no_connection)
{
    vif[0].late_by = vif[1].late_by = SECOND;
    check_contract(ALL, ALL);
}

TEST(a_network_has_the_mtu_mac_and_features_of_its_xenstore_entries)
{
    struct network *n = connect(0, ALL "\nmtu=9000");

    CHECK(n->mtu == 9000);
    CHECK(n->mac.byte[0] == 0 && n->mac.byte[2] == 0x3e &&
          n->mac.byte[5] == 1);
    CHECK(n->features ==
          (SUMS | NETWORK_TCP_SEGMENTS | NETWORK_TCP_SEGMENTS_IPV6));
    CHECK(n->up && !n->gone);
}

TEST(an_impossible_network_is_refused)
{
    struct network *n;

    vif_add(&vif[0], 0, "feature-sg=1");
    CHECK(network_xen_connect("0", &n) == ERR_UNSUPPORTED);
    vif_add(&vif[1], 1, ALL);
    for (const char *const *mac = (const char *const[]){
             "00:16:3e:00:00", "00:16:3e:00:00:0g", "00:16:3e:00:00:00:00",
             "\x10\x10:16:3e:00:00:01", "01:00:5e:00:00:01",
             "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "", NULL};
         *mac; mac++) {
        store_set("device/vif/1/mac", *mac);
        CHECK(network_xen_connect("1", &n) == ERR_FORMAT);
    }
    CHECK(network_xen_connect("7", &n) == ERR_NOT_FOUND);
    CHECK(network_xen_connect("eth0", &n) == ERR_NAME);
    check_said("there is no network 7; what there is: 0, 1. ");
    check_said("vif 0: its backend does not copy what comes in");
    check_said("vif 1: the toolstack has given it no MAC address");
}

/* The last frame that the image has sent. */
static unsigned heard;
static struct vif_frame last;
static uint8_t last_bytes[VIF_FRAME];

static void hear(struct fake_vif *v, const struct vif_frame *f)
{
    (void)v;
    heard++;
    last = *f;
    memcpy(last_bytes, f->bytes, f->len);
}

/* A TCP segment of len data bytes, to be segmented if they are over 1,460. */
static struct buf *tcp_frame(size_t len)
{
    static uint8_t bytes[VIF_FRAME];
    struct buf *b;

    memset(bytes, 0, sizeof bytes);
    bytes[12] = 8; /* IPv4 and TCP, headers of 20 bytes each */
    bytes[14] = 0x45;
    bytes[16] = (uint8_t)((40 + len) / 256);
    bytes[17] = (uint8_t)(40 + len);
    bytes[23] = 6;
    bytes[46] = 0x50;
    b = buf_copy_in(bytes, 54 + len, 0);
    if (!b)
        panic("no pages");
    b->offload = (struct offload){.csum_start = 34,
                                  .kind = OFFLOAD_TCP_IPV4,
                                  .segment = len > 1460 ? 1460 : 0};
    return b;
}

static struct buf *frame_of(size_t len)
{
    static uint8_t bytes[VIF_FRAME];
    struct buf *b;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    b = buf_copy_in(bytes, len, 0);
    if (!b)
        panic("no pages");
    return b;
}

TEST(frames_of_any_number_of_pieces_are_sent_whole)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    for (unsigned pieces = 1; pieces <= 60; pieces++) {
        struct buf *frame = frame_of(20), **end = &frame->next;

        for (unsigned i = 1; i < pieces; i++, end = &(*end)->next)
            *end = frame_of(20);
        network_write(n, frame);
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(heard == pieces && last.len == pieces * 20);
        for (unsigned i = 0; i < last.len; i++)
            CHECK(last_bytes[i] == (uint8_t)(i % 20 * 7));
    }
    CHECK(n->counters.dropped_out == 0);
}

TEST(a_hundred_thousand_frames_leak_no_pages)
{
    struct network *n = connect(0, ALL);
    size_t before;

    vif[0].on_frame = hear;
    CHECK(time_sleep(SECOND) == OK);
    before = buf_pages_free();
    for (unsigned i = 0; i < 100000; i++) {
        network_write(n, frame_of(60));
        if (i % 50 == 49)
            CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    CHECK(heard == 100000);
    CHECK(buf_pages_free() == before);
}

TEST(frames_beyond_a_full_ring_are_dropped_and_counted)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    vif[0].backend.is_stopped = true;
    for (unsigned i = 0; i < 1000; i++)
        network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out > 700 && n->counters.dropped_out < 800);
    vif[0].backend.is_stopped = false;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard + n->counters.dropped_out == 1000);
}

/* Each frame takes two places of the ring: a piece and an extra segment. */
TEST(frames_with_extra_segments_do_not_overfill_the_ring)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    vif[0].backend.is_stopped = true;
    for (unsigned i = 0; i < 1000; i++) {
        struct buf *frame = frame_of(3000);

        frame->offload = (struct offload){
            .csum_start = 34,
            .kind = OFFLOAD_TCP_IPV4,
            .segment = 1460};
        network_write(n, frame);
    }
    CHECK(n->counters.dropped_out > 850);
    vif[0].backend.is_stopped = false;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard + n->counters.dropped_out == 1000);
}

TEST(an_error_response_counts_as_a_dropped_frame)
{
    struct network *n = connect(0, ALL);

    vif[0].refuses = true;
    network_write(n, frame_of(60));
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->counters.dropped_out == 1);
}

static unsigned arrived;
static struct buf *arrival;

static void keep(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        arrived++;
        buf_free(arrival);
        arrival = frames[i];
    }
}

TEST(frames_of_any_length_are_received_whole)
{
    static uint8_t bytes[VIF_FRAME], back[VIF_FRAME];
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t len = 14; len <= VIF_FRAME; len += len < 200 ? 1 : 977) {
        unsigned before = arrived;

        vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = len});
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == before + 1 && buf_length(arrival) == len);
        buf_copy_out(arrival, 0, back, len);
        CHECK(memcmp(back, bytes, len) == 0);
    }
    CHECK(n->counters.dropped_in == 0);
}

/* With a segment size a datagram would reach the application in pieces. */
TEST(a_segment_size_is_used_for_tcp_alone)
{
    uint8_t bytes[200] = {[12] = 8, [14] = 0x45};
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        bytes[23] = (uint8_t)protocol;
        vif_send(&vif[0], &(struct vif_frame){
                              .bytes = bytes, .len = 200, .segment = 1});
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == protocol + 1);
        CHECK(arrival->offload.segment == (protocol == 6));
    }
    bytes[12] = 0x86; /* IPv6, by its type alone */
    bytes[13] = 0xdd;
    bytes[20] = bytes[23] = 6;
    vif_send(&vif[0],
             &(struct vif_frame){.bytes = bytes, .len = 200, .segment = 1});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrival->offload.segment == 0);
}

TEST(segments_of_tcp_over_ipv6_are_received_with_their_size)
{
    uint8_t bytes[IPV6_HEADERS + 3000];
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    put_ipv6(bytes, 3000);
    for (unsigned blank = 0; blank < 2; blank++) {
        vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                              .len = sizeof bytes,
                                              .segment = IPV6_MSS,
                                              .is_blank = blank,
                                              .is_checked = true});
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == blank + 1);
        CHECK(arrival->offload.segment == IPV6_MSS &&
              arrival->offload.csum_good);
        CHECK(arrival->offload.kind ==
              (blank ? OFFLOAD_TCP_IPV6 : OFFLOAD_NONE));
        CHECK(arrival->offload.csum_start == (blank ? 54 : 0));
    }
}

TEST(a_segment_size_is_used_for_the_ip_version_that_it_names)
{
    static const struct {
        uint8_t gso, protocol;
        size_t at; /* a byte of the frame that is another */
        uint8_t value;
    } lies[] = {
        {XEN_NETIF_GSO_TYPE_TCPV4, 6, 0, 0}, /* for IPv6 */
        {XEN_NETIF_GSO_TYPE_TCPV6, 17, 0, 0}, /* for UDP */
        {XEN_NETIF_GSO_TYPE_TCPV6, 44, 0, 0}, /* for a fragment */
        {XEN_NETIF_GSO_TYPE_TCPV6, 6, 14, 0x45}, /* for no version */
        {XEN_NETIF_GSO_TYPE_TCPV6, 60, 55, 255}, /* options beyond it */
    };
    uint8_t bytes[IPV6_HEADERS + 1000];
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        put_ipv6(bytes, 1000);
        bytes[20] = lies[i].protocol;
        bytes[lies[i].at] = lies[i].value;
        vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                              .len = sizeof bytes,
                                              .segment = 100,
                                              .gso = lies[i].gso});
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == i + 1 && arrival->offload.segment == 0);
    }
    memset(bytes, 0, sizeof bytes);
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[23] = 6;
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                          .len = sizeof bytes,
                                          .segment = 100,
                                          .gso = XEN_NETIF_GSO_TYPE_TCPV6});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrival->offload.segment == 0);
}

TEST(segments_of_no_known_type_are_dropped)
{
    uint8_t bytes[IPV6_HEADERS + 1000];
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    put_ipv6(bytes, 1000);
    for (unsigned gso = 3; gso < 6; gso++)
        vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                              .len = sizeof bytes,
                                              .segment = 100,
                                              .gso = (uint8_t)gso});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0 && n->counters.dropped_in == 3 && !n->gone);
}

TEST(a_frame_of_segments_without_a_size_is_dropped)
{
    uint8_t bytes[IPV6_HEADERS + 1000];
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    put_ipv6(bytes, 1000);
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                          .len = sizeof bytes,
                                          .gso = XEN_NETIF_GSO_TYPE_TCPV6});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0 && n->counters.dropped_in == 1 && !n->gone);
}

static void forward(void *to, struct buf *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        network_write(to, frames[i]);
}

static unsigned check_forwarded(const char *offers, size_t len)
{
    static uint8_t bytes[NETWORK_FRAME];
    struct network *from = connect(0, ALL);

    vif[1].on_frame = hear;
    network_listen(from, forward, connect(1, offers));
    put_ipv6(bytes, len);
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes,
                                          .len = IPV6_HEADERS + len,
                                          .segment = IPV6_MSS,
                                          .is_blank = true});
    CHECK(time_sleep(MILLISECOND) == OK);
    if (heard == 1) {
        CHECK(last.segment == IPV6_MSS && last.is_blank);
        CHECK(last.gso == XEN_NETIF_GSO_TYPE_TCPV6);
        CHECK(last.len == IPV6_HEADERS + len);
        CHECK(memcmp(last_bytes, bytes, last.len) == 0);
    }
    return heard;
}

TEST(segments_of_tcp_over_ipv6_are_passed_on_as_they_are)
{
    CHECK(check_forwarded(ALL, 60000) == 1);
}

TEST(segments_of_tcp_over_ipv6_are_cut_for_a_backend_that_cuts_ipv4_alone)
{
    CHECK(check_forwarded(IPV4, 10 * IPV6_MSS + 1) == 11);
    CHECK(!last.is_blank && last.len == IPV6_HEADERS + 1);
}

TEST(a_frame_received_with_an_error_is_dropped)
{
    uint8_t bytes[60] = {0};
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    vif[0].fails = true;
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0 && n->counters.dropped_in == 1);
}

static void check_broken_off(uint16_t promise)
{
    uint8_t bytes[60] = {0};
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1);
    vif[0].promises = promise;
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && n->gone && fake_mapped == 0);
    check_said("vif 0: its backend, domain 0, breaks a frame off");
}

TEST(a_frame_without_its_other_pieces_is_a_protocol_error)
{
    check_broken_off(NETRXF_more_data);
}

TEST(a_frame_without_its_extra_segment_is_a_protocol_error)
{
    check_broken_off(NETRXF_extra_info);
}

/* Allocates and frees all pages of the pool: none of them is page. */
static void check_is_not_used(const uint8_t *page)
{
    struct buf *all = NULL;

    for (struct buf *b; (b = buf_new(0)) != NULL;) {
        CHECK(b->data != page);
        b->next = all;
        all = b;
    }
    buf_free(all);
}

/* The backend responds for a page that it has mapped. */
TEST(a_backend_that_keeps_a_page_is_disconnected_and_the_page_not_used)
{
    uint8_t bytes[60] = {0};
    struct network *n = connect(0, ALL);
    uint32_t grant = vif_next_page(&vif[0]);
    uint8_t *page = fake_map(0, grant, true);

    network_listen(n, keep, NULL);
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0 && n->gone && !n->up);
    check_said("vif 0: its backend, domain 0, keeps a page in use");
    CHECK(time_sleep(2 * SECOND) == OK);
    check_said("still uses 1 pages that it was lent");
    CHECK(buf_pages_free() == buf_pages() - 1);
    check_is_not_used(page);
    fake_unmap(grant, true);
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

/* Pages of frames that the backend never unmaps. */
static uint32_t hoard[4096];
static unsigned hoarded;

static void keep_mapped(struct fake_vif *v, const struct vif_frame *f)
{
    (void)f;
    for (unsigned i = 0; i < v->slots; i++) {
        uint32_t grant = v->slot_grant[i];

        if (!fake_map(0, grant, false))
            fake_fail("grant %u of a sent piece permits nothing", grant);
        hoard[hoarded++] = grant;
    }
}

TEST(a_backend_that_unmaps_no_sent_page_gets_one_connections_pages)
{
    struct network *n = connect(0, ALL);
    unsigned sent = 0;

    vif[0].on_frame = keep_mapped;
    CHECK(buf_pages_free() == buf_pages() - 256);
    for (; sent < 2000 && !n->gone; sent++) {
        struct buf *b = buf_copy_in("12345678901234567890", 20, 0);

        CHECK(b != NULL);
        network_write(n, b);
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(n->gone && sent == 1);
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages() - hoarded);
    for (; hoarded > 0; hoarded--)
        fake_unmap(hoard[hoarded - 1], false);
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

/* The backend responds for a full ring of pages, and keeps all mapped. */
TEST(a_backend_can_hold_no_more_pages_than_the_network_has_added)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = keep_mapped;
    vif[0].backend.is_stopped = true;
    for (unsigned i = 0; i < 1000; i++)
        network_write(n, frame_of(60));
    vif[0].backend.is_stopped = false;
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(n->gone && hoarded > 200);
    CHECK(buf_pages_free() == buf_pages() - hoarded);
    CHECK(hoarded <= 512);
    for (; hoarded > 0; hoarded--)
        fake_unmap(hoard[hoarded - 1], false);
}

/* Keeps some pages of each connection mapped. */
static void keep_and_restart(void)
{
    for (unsigned i = 0; i < 8 && hoarded < 4096; i++) {
        uint32_t grant = fake_any_grant(
            0, hoarded ? hoard[hoarded - 1] + 1 : 8, true);

        if (grant && fake_map(0, grant, true))
            hoard[hoarded++] = grant;
    }
    backend_restart(&vif[0].backend);
    if (fake.now < 200 * SECOND)
        fake_after(10 * SECOND, keep_and_restart);
}

TEST(a_backend_that_comes_back_with_pages_in_use_is_given_no_others)
{
    struct network *n = connect(0, ALL);

    fake_after(SECOND, keep_and_restart);
    CHECK(time_sleep(300 * SECOND) == OK);
    CHECK(n->gone && vif[0].backend.connections == 1);
    check_said("keeps pages in use of the connection before");
    for (; hoarded > 0; hoarded--)
        fake_unmap(hoard[hoarded - 1], true);
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

static void let_go(void)
{
    for (; hoarded > 0; hoarded--)
        fake_unmap(hoard[hoarded - 1], true);
}

static void keep_for_a_while(void)
{
    hoard[hoarded++] = fake_any_grant(0, 100, true);
    CHECK(fake_map(0, hoard[0], true) != NULL);
    backend_restart(&vif[0].backend);
    fake_after(5 * SECOND, let_go);
}

TEST(a_backend_has_some_seconds_to_unmap_its_pages)
{
    struct network *n = connect(0, ALL);

    fake_after(SECOND, keep_for_a_while);
    CHECK(time_sleep(4 * SECOND) == OK);
    CHECK(!n->gone && !n->up);
    CHECK(time_sleep(4 * SECOND) == OK);
    CHECK(!n->gone && n->up && vif[0].backend.connections == 2);
}

/* Writes responses to no request, as a hostile backend does. */
static void answer_with(struct fake_vif *v, int16_t status, uint16_t id,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        netif_tx_response_t *r = RING_GET_RESPONSE(&v->tx,
                                                   v->tx.rsp_prod_pvt++);

        *r = (netif_tx_response_t){.id = id, .status = status};
    }
    v->tx.sring->rsp_prod = v->tx.rsp_prod_pvt;
    backend_notify(&v->backend);
}

static uint16_t retort_status;
static unsigned nulls;

static bool answer_null(struct fake_vif *v, unsigned pieces)
{
    nulls += pieces;
    answer_with(v, (int16_t)retort_status, 0, pieces);
    return true;
}

/* If they counted, each would free a place in the ring and leave its slot in
 * use, until a request used a slot beyond the last. */
TEST(a_null_response_without_an_extra_segment_is_a_protocol_error)
{
    struct network *n = connect(0, ALL);

    vif[0].respond = answer_null;
    retort_status = NETIF_RSP_NULL;
    for (unsigned i = 0; i < 3000 && !n->gone; i++) {
        network_write(n, frame_of(60));
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(n->gone && nulls == 1);
    check_said("vif 0: its backend, domain 0, answers a segment size that was "
               "not sent");
    CHECK(buf_pages_free() == buf_pages());
}

static struct buf *segments_of(size_t len)
{
    struct buf *b = frame_of(len);

    b->offload = (struct offload){
        .csum_start = 34,
        .kind = OFFLOAD_TCP_IPV4,
        .segment = 1460};
    return b;
}

/* One NETIF_RSP_NULL more than there are extra segments. */
static bool answer_and_null(struct fake_vif *v, unsigned pieces)
{
    (void)pieces;
    answer_with(v, NETIF_RSP_NULL, 0, 2);
    nulls += 2;
    return true;
}

TEST(one_null_response_too_many_is_a_protocol_error)
{
    struct network *n = connect(0, ALL);

    vif[0].respond = answer_and_null;
    network_write(n, segments_of(3000));
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone && nulls == 2);
}

TEST(extra_segments_leave_the_ring_as_it_was)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    for (unsigned i = 0; i < 5000; i++) {
        network_write(n, i % 3 ? segments_of(3000) : frame_of(60));
        if (i % 40 == 39)
            CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard == 5000 && n->counters.dropped_out == 0 && !n->gone);
}

static void restart(void);

/* The next backend gets frames that its features allow. */
TEST(a_backend_that_comes_back_with_less_gets_frames_that_it_takes)
{
    static const struct {
        const char *offers;
        unsigned features;
    } others[] = {
        {PIECES, NETWORK_CHECKSUM},
        {COPY, NETWORK_CHECKSUM},
        {IPV4 "\nfeature-no-csum-offload=1", 0},
        {IPV4, NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS},
        {IPV6, SUMS | NETWORK_TCP_SEGMENTS_IPV6},
        {IPV6 "\nfeature-no-csum-offload=1",
         NETWORK_CHECKSUM_IPV6 | NETWORK_TCP_SEGMENTS_IPV6},
        {PIECES "\nfeature-gso-tcpv6=1", NETWORK_CHECKSUM},
        {ALL, SUMS | NETWORK_TCP_SEGMENTS | NETWORK_TCP_SEGMENTS_IPV6},
        {COPY "\nfeature-sg=0\nfeature-gso-tcpv4=1\nfeature-gso-tcpv6=1",
         NETWORK_CHECKSUM},
    };
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        heard = 0;
        vif[0].backend.offers = others[i].offers;
        for (const char *const *o = (const char *const[]){
                 "feature-sg", "feature-gso-tcpv4", "feature-no-csum-offload",
                 "feature-gso-tcpv6", "feature-ipv6-csum-offload", NULL};
             *o; o++)
            backend_write(&vif[0].backend, *o, "0");
        restart();
        CHECK(time_sleep(SECOND) == OK);
        CHECK(n->up && n->features == others[i].features);
        network_write(n, tcp_frame(1000));
        network_write(n, tcp_frame(3000));
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(heard > 1);
        CHECK(!last.segment == !(others[i].features & NETWORK_TCP_SEGMENTS));
        CHECK(!last.is_blank == !(others[i].features & NETWORK_CHECKSUM));
        network_write(n, ipv6_frame(3000));
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(!last.segment ==
              !(others[i].features & NETWORK_TCP_SEGMENTS_IPV6));
        CHECK(!last.is_blank ==
              !(others[i].features & NETWORK_CHECKSUM_IPV6));
    }
}

static bool unended_list(const struct xsd_sockmsg *request, const char *body)
{
    static char names[1023];

    (void)body;
    if (request->type != XS_DIRECTORY)
        return false;
    memset(names, '1', sizeof names);
    store_send(XS_DIRECTORY, request->req_id, names, sizeof names);
    return true;
}

TEST(a_list_of_networks_without_an_end_is_not_shown)
{
    struct network *n;

    stored.on_request = unended_list;
    CHECK(network_xen_connect("7", &n) == ERR_NOT_FOUND);
    stored.on_request = NULL;
    check_said("there is no network 7; what there is: unknown (xenstore's "
               "list");
}

static void restart(void)
{
    backend_restart(&vif[0].backend);
}

TEST(a_connection_survives_a_restart_of_its_backend)
{
    vif[0].late_by = 100 * MILLISECOND;
    for (unsigned i = 1; i < 6; i++)
        fake_after(i * 100 * MILLISECOND, restart);
    check_contract(ALL, ALL);
    CHECK(vif[0].backend.connections > 2);
    check_said("vif 0: its backend is back");
}

TEST(a_network_that_is_taken_away_is_gone)
{
    struct network *n = connect(0, ALL);

    backend_remove(&vif[0].backend);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(n->gone && !n->up);
    network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out == 1);
    CHECK(fake_mapped == 0);
    check_said("vif 0 was taken away");
}

#define SECRET      "the secret"
#define FRAME_START 54 /* bytes of headers, in a page of the pool */

static const void *granted[XEN_NETIF_NR_SLOTS_MIN];

static bool has_secret(const uint8_t *page)
{
    for (size_t at = 0; at + strlen(SECRET) <= PAGE_BYTES; at++)
        if (memcmp(page + at, SECRET, strlen(SECRET)) == 0)
            return true;
    return false;
}

/* The backend reads the whole of each page that it is granted. */
static void look_for_secret(struct fake_vif *v, const struct vif_frame *f)
{
    hear(v, f);
    for (unsigned i = 0; i < v->slots; i++) {
        granted[i] = fake_map(0, v->slot_grant[i], false);
        if (!granted[i] || has_secret(granted[i]))
            fake_fail("the backend sees the secret");
        fake_unmap(v->slot_grant[i], false);
    }
}

static unsigned released;

static void note_release(void *ctx)
{
    (void)ctx;
    released++;
}

/* Sends headers and then bytes [from, to) of the foreign memory, and checks
 * what the backend receives. */
static void send_over(struct network *n, const uint8_t *data, size_t len,
                      size_t from, size_t to)
{
    struct buf *b = tcp_frame(0);
    struct buf *over = buf_over(data, len, note_release, NULL);

    heard = released = 0;
    CHECK(b && over);
    b->next = buf_share(over, from, to - from);
    b->offload.segment = to - from > 1460 ? 1460 : 0;
    buf_free(over);
    CHECK(b->next && released == 0);
    network_write(n, b);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard == 1 && last.len == FRAME_START + to - from);
    CHECK(memcmp(last_bytes + FRAME_START, data + from, to - from) == 0);
    CHECK(released == 1);
}

static bool is_granted(const uint8_t *page)
{
    for (unsigned i = 0; i < vif[0].slots; i++)
        if (granted[i] == page)
            return true;
    return false;
}

TEST(a_page_that_holds_other_data_too_is_copied_and_never_granted)
{
    static _Alignas(4096) uint8_t page[4 * 4096];
    struct network *n = connect(0, ALL);
    const size_t first = 100, len = sizeof page - 200;

    vif[0].on_frame = look_for_secret;
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)(i % 251);
    memcpy(page + 10, SECRET, strlen(SECRET));
    memcpy(page + sizeof page - 50, SECRET, strlen(SECRET));
    send_over(n, page + first, len, 0, len);
    send_over(n, page + first, len, 0, 10);
    send_over(n, page + first, len, len - 1, len);
    send_over(n, page + first, len, 4096 - first - 1, 4096 - first + 1);
    for (size_t i = 0; i < 4; i++)
        CHECK(!is_granted(page + i * 4096));
}

TEST(whole_pages_of_foreign_memory_are_granted_where_they_lie)
{
    static _Alignas(4096) uint8_t page[4 * 4096];
    struct network *n = connect(0, ALL);
    const size_t first = 100, len = sizeof page - 200;

    vif[0].on_frame = look_for_secret;
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)(i % 251);
    memcpy(page + 10, SECRET, strlen(SECRET));
    memcpy(page + sizeof page - 50, SECRET, strlen(SECRET));
    send_over(n, page + first, len, 4096 - first, 3 * 4096 - first);
    CHECK(vif[0].slots == 3);
    CHECK(is_granted(page + 4096) && is_granted(page + 2 * 4096));
    /* A part of a page that is the memory's own. */
    send_over(n, page + first, len, 4096 - first + 7, 4096 - first + 1467);
    CHECK(vif[0].slots == 2 && is_granted(page + 4096));
    CHECK(fake_mapped == 2); /* the rings */
}

TEST(data_on_the_heap_is_copied_since_it_is_not_at_its_physical_address)
{
    struct network *n = connect(0, ALL);
    uint8_t *heap = aligned_alloc(PAGE_BYTES, 4 * PAGE_BYTES);

    vif[0].on_frame = look_for_secret;
    if (!heap)
        panic("no memory");
    fake_heap_at(heap, 4 * PAGE_BYTES);
    for (size_t i = 0; i < 4 * PAGE_BYTES; i++)
        heap[i] = (uint8_t)(i % 251);
    /* guest_frame of the fake fails for a page of the heap. */
    send_over(n, heap, 4 * PAGE_BYTES, 0, 4 * PAGE_BYTES);
    send_over(n, heap, 4 * PAGE_BYTES, PAGE_BYTES, 2 * PAGE_BYTES);
    for (size_t i = 0; i < 4; i++)
        CHECK(!is_granted(heap + i * PAGE_BYTES));
    fake_heap_at(NULL, 0);
    free(heap);
}

TEST(foreign_memory_is_copied_for_a_backend_that_takes_one_page_a_frame)
{
    static _Alignas(4096) uint8_t page[4096];
    struct network *n = connect(0, COPY);

    vif[0].on_frame = look_for_secret;
    memset(page, 7, sizeof page);
    send_over(n, page, sizeof page, 0, 1400);
    CHECK(vif[0].slots == 1 && !is_granted(page));
}

/* The places of the receive ring that have a page. */
static unsigned receive_pages(void)
{
    return vif[0].rx.sring->req_prod - vif[0].rx.rsp_prod_pvt;
}

static struct buf *take_all_pages(void)
{
    struct buf *all = NULL;

    for (struct buf *b; (b = buf_new(0)) != NULL;) {
        b->next = all;
        all = b;
    }
    return all;
}

static void receive_and_free(void *ctx, struct buf *const *frames,
                             size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        arrived++;
        buf_free(frames[i]);
    }
}

static void send_to_image(size_t len)
{
    static uint8_t bytes[80000];

    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = len});
}

TEST(the_receive_ring_is_filled_when_the_pool_has_pages_again)
{
    struct network *n = connect(0, ALL);
    struct buf *all;

    network_listen(n, keep, NULL);
    CHECK(receive_pages() == 256);
    all = take_all_pages();
    send_to_image(60);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(arrived == 1 && receive_pages() == 255);
    buf_free(all);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(receive_pages() == 256);
}

static struct buf *taken;

/* The frontend closes: its pages are in the pool again. */
static bool take_pages_at_close(const struct xsd_sockmsg *request,
                                const char *body)
{
    if (request->type == XS_WRITE && strcmp(body, "device/vif/0/state") == 0 &&
        !taken)
        taken = take_all_pages();
    return false;
}

TEST(a_network_that_comes_back_to_an_empty_pool_is_filled_later)
{
    struct network *n = connect(0, ALL);

    network_listen(n, receive_and_free, NULL);
    stored.on_request = take_pages_at_close;
    backend_restart(&vif[0].backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(n->up && vif[0].backend.connections == 2);
    CHECK(taken && receive_pages() == 0);
    buf_free(taken);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(receive_pages() == 256);
    send_to_image(60);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(arrived == 1);
}

static uint32_t grabbed[4096];
static unsigned grabbed_count;

static void receive_and_grab(void *ctx, struct buf *const *frames,
                             size_t count)
{
    static _Alignas(4096) uint8_t page[4096];

    receive_and_free(ctx, frames, count);
    while (arrived == 1 && grants_free() > 0)
        grabbed[grabbed_count++] = grant_access(1, page, false);
}

TEST(the_receive_ring_is_filled_when_there_are_grants_again)
{
    struct network *n = connect(0, ALL);

    network_listen(n, receive_and_grab, NULL);
    send_to_image(60);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(arrived == 1 && grabbed_count > 100 && receive_pages() == 255);
    CHECK(buf_pages_free() == buf_pages() - 255);
    for (unsigned i = 0; i < grabbed_count; i++)
        CHECK(grant_end(grabbed[i]));
    CHECK(time_sleep(SECOND) == OK);
    CHECK(receive_pages() == 256);
    for (unsigned i = 0; i < 300; i++) {
        send_to_image(60);
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(arrived == 301 && !n->gone);
    CHECK(buf_pages_free() == buf_pages() - 256);
}

TEST(received_data_may_start_anywhere_in_its_pages)
{
    static uint8_t bytes[9000], back[9000];
    struct network *n = connect(0, ALL);
    static const uint16_t offsets[] = {1, 2, 100, 4000, 4082};

    network_listen(n, keep, NULL);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned i = 0; i < 5; i++) {
        size_t len = i < 3 ? 9000 : i == 3 ? 500
                                           : 14;

        vif[0].offset = offsets[i];
        vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = len});
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == i + 1 && buf_length(arrival) == len);
        buf_copy_out(arrival, 0, back, len);
        CHECK(memcmp(bytes, back, len) == 0);
    }
}

TEST(a_frame_that_is_too_long_is_dropped_with_all_its_pages)
{
    struct network *n = connect(0, ALL);

    network_listen(n, receive_and_free, NULL);
    send_to_image(NETWORK_FRAME + 1);
    send_to_image(NETWORK_FRAME);
    send_to_image(80000);
    send_to_image(13);
    send_to_image(14);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 2 && n->counters.dropped_in == 3);
    CHECK(buf_pages_free() == buf_pages() - 256);
}

/* What the backend responds with for the next received piece. */
static void receive_wrongly(uint16_t id, uint16_t offset, int16_t status,
                            uint16_t flags)
{
    unsigned at = vif[0].rx.rsp_prod_pvt;
    netif_rx_response_t *r = RING_GET_RESPONSE(&vif[0].rx, at);

    *r = (netif_rx_response_t){.id = (uint16_t)(at % 256 + id),
                               .offset = offset,
                               .flags = flags,
                               .status = status};
    vif[0].rx.rsp_prod_pvt++;
    vif[0].rx.req_cons++;
    vif[0].rx.sring->rsp_prod = vif[0].rx.rsp_prod_pvt;
    backend_notify(&vif[0].backend);
}

static struct network *connect_quietly(void)
{
    struct network *n = connect(0, ALL);

    network_listen(n, receive_and_free, NULL);
    vif[0].backend.is_stopped = true;
    return n;
}

static void check_received_nonsense(uint16_t id, uint16_t offset,
                                    int16_t status)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 0, 4096, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && !n->gone);
    receive_wrongly(0, 0, 100, NETRXF_more_data);
    receive_wrongly(id, offset, status, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && n->gone);
    check_said("vif 0: its backend, domain 0, says of what has come what "
               "cannot be");
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_received_page_of_another_place_is_a_protocol_error)
{
    check_received_nonsense(1, 0, 60);
}

TEST(a_received_page_of_the_place_before_is_a_protocol_error)
{
    check_received_nonsense(UINT16_MAX, 0, 60);
}

TEST(an_id_beyond_the_receive_ring_is_a_protocol_error)
{
    check_received_nonsense(256, 0, 60);
}

TEST(an_offset_beyond_the_page_is_a_protocol_error)
{
    check_received_nonsense(0, 4097, 0);
}

TEST(the_largest_offset_is_a_protocol_error)
{
    check_received_nonsense(0, 65535, 1);
}

TEST(data_that_ends_beyond_the_page_is_a_protocol_error)
{
    check_received_nonsense(0, 4000, 97);
}

TEST(more_data_than_a_page_holds_is_a_protocol_error)
{
    check_received_nonsense(0, 0, 4097);
}

TEST(the_most_data_that_can_be_said_is_a_protocol_error)
{
    check_received_nonsense(0, 1, 32767);
}

TEST(data_up_to_the_end_of_a_page_is_received)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 4000, 96, 0);
    receive_wrongly(0, 4082, 14, NETRXF_more_data);
    receive_wrongly(0, 0, 4096, 0);
    receive_wrongly(0, 4096, 0, 0); /* an error, at an offset just possible */
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 2 && n->counters.dropped_in == 1 && !n->gone);
}

TEST(a_page_is_received_only_once)
{
    struct network *n = connect_quietly();

    for (unsigned i = 0; i < 256; i++)
        receive_wrongly(0, 0, 60, 0);
    vif[0].rx.sring->rsp_prod++;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone && arrived == 0);
    check_said("vif 0: its backend, domain 0, brings more than there is room "
               "for");
}

/* The extra segment after a piece. */
static void receive_extra(uint8_t type, uint8_t gso, uint16_t size,
                          uint8_t flags)
{
    struct netif_extra_info extra = {.type = type, .flags = flags};

    extra.u.gso.type = gso;
    extra.u.gso.size = size;
    memcpy(RING_GET_RESPONSE(&vif[0].rx, vif[0].rx.rsp_prod_pvt++), &extra,
           sizeof extra);
    vif[0].rx.req_cons++;
    vif[0].rx.sring->rsp_prod = vif[0].rx.rsp_prod_pvt;
}

TEST(a_frame_with_an_unknown_extra_segment_is_dropped)
{
    static const uint8_t kinds[][3] = {
        {0, 1, 10},
        {2, 1, 10},
        {1, 0, 10},
        {1, 3, 10},
        {1, 1, 0},
    };
    struct network *n = connect_quietly();

    for (unsigned i = 0; i < 5; i++) {
        receive_wrongly(0, 0, 60, NETRXF_extra_info);
        receive_extra(kinds[i][0], kinds[i][1], kinds[i][2], 0);
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(arrived == 0 && n->counters.dropped_in == i + 1);
    }
    receive_wrongly(0, 0, 60, NETRXF_extra_info);
    receive_extra(1, 1, 10, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && !n->gone);
    CHECK(receive_pages() == 256);
}

TEST(a_frame_may_have_several_extra_segments_but_not_without_end)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 0, 60, NETRXF_extra_info);
    receive_extra(1, 1, 10, XEN_NETIF_EXTRA_FLAG_MORE);
    receive_extra(1, 1, 10, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && !n->gone);
    receive_wrongly(0, 0, 60, NETRXF_extra_info);
    for (unsigned i = 0; i < 255; i++)
        receive_extra(1, 1, 10, XEN_NETIF_EXTRA_FLAG_MORE);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && n->gone);
    check_said("vif 0: its backend, domain 0, breaks a frame off");
    CHECK(buf_pages_free() == buf_pages());
}

TEST(more_frames_at_once_than_a_batch_has_are_all_delivered)
{
    struct network *n = connect_quietly();

    for (unsigned i = 0; i < 256; i++)
        receive_wrongly(0, 0, 60, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 256 && !n->gone && receive_pages() == 256);
}

static void check_answered_nonsense(uint16_t id, unsigned count)
{
    struct network *n = connect_quietly();

    network_write(n, frame_of(60));
    CHECK(time_sleep(MILLISECOND) == OK);
    answer_with(&vif[0], NETIF_RSP_OKAY, id, count);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_response_to_a_free_slot_is_a_protocol_error)
{
    check_answered_nonsense(1, 1);
    check_said("vif 0: its backend, domain 0, answers what nobody has sent");
}

TEST(a_response_to_the_last_slot_is_a_protocol_error_if_it_is_free)
{
    check_answered_nonsense(255, 1);
}

TEST(a_response_beyond_the_last_slot_is_a_protocol_error)
{
    check_answered_nonsense(256, 1);
    check_said("vif 0: its backend, domain 0, answers what nobody has sent");
}

TEST(a_response_far_beyond_the_slots_is_a_protocol_error)
{
    check_answered_nonsense(65535, 1);
}

TEST(more_responses_than_requests_are_a_protocol_error)
{
    check_answered_nonsense(0, 2);
    check_said("vif 0: its backend, domain 0, answers more than was sent");
}

TEST(a_second_response_to_a_frame_is_a_protocol_error)
{
    struct network *n = connect_quietly();

    network_write(n, frame_of(60));
    network_write(n, frame_of(60));
    CHECK(time_sleep(MILLISECOND) == OK);
    answer_with(&vif[0], NETIF_RSP_OKAY, 0, 2);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone);
    check_said("vif 0: its backend, domain 0, answers what nobody has sent");
}

/* A backend may read what it is sent, and no more. */
static void try_to_write(struct fake_vif *v, const struct vif_frame *f)
{
    hear(v, f);
    for (unsigned i = 0; i < v->slots; i++) {
        CHECK(!fake_map(0, v->slot_grant[i], true));
        CHECK(!fake_map(1, v->slot_grant[i], false));
    }
}

TEST(a_sent_page_can_only_be_read_and_only_by_the_backend)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = try_to_write;
    network_write(n, frame_of(60));
    network_write(n, tcp_frame(9000));
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard == 2);
    for (unsigned i = 0; i < vif[0].slots; i++)
        CHECK(!fake_map(0, vif[0].slot_grant[i], false));
}

TEST(mtus_that_a_network_cannot_have_are_1500)
{
    static const char *const offers[] = {ALL "\nmtu=67", ALL "\nmtu=65522",
                                         ALL "\nmtu=4294967296"};

    for (unsigned i = 0; i < 3; i++) {
        struct network *n = NULL;
        struct fake_vif *v = calloc(1, sizeof *v);
        char name[4];

        if (!v)
            panic("no memory");
        snprintf(name, sizeof name, "%u", i);
        vif_add(v, i, offers[i]);
        CHECK(network_xen_connect(name, &n) == OK);
        CHECK(n && n->mtu == 1500);
    }
}

TEST(the_smallest_and_the_largest_mtu_are_used)
{
    struct network *n = connect(0, ALL "\nmtu=68"), *other;

    CHECK(n->mtu == 68);
    other = connect(1, ALL "\nmtu=65521");
    CHECK(other->mtu == 65521);
}

TEST(a_response_index_that_goes_back_is_a_protocol_error)
{
    struct network *n = connect_quietly();

    network_write(n, frame_of(60));
    network_write(n, frame_of(60));
    CHECK(time_sleep(MILLISECOND) == OK);
    answer_with(&vif[0], NETIF_RSP_OKAY, 0, 1);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(!n->gone);
    vif[0].tx.sring->rsp_prod--;
    backend_notify(&vif[0].backend);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone);
    check_said("vif 0: its backend, domain 0, answers more than was sent");
}

TEST(an_index_of_received_pieces_that_goes_back_is_a_protocol_error)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 0, 60, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1);
    vif[0].rx.sring->rsp_prod--;
    backend_notify(&vif[0].backend);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->gone && arrived == 1);
    check_said("vif 0: its backend, domain 0, brings more than there is room "
               "for");
}

/* Protocols read the Ethernet header from the first piece. */
TEST(a_frame_whose_header_is_in_several_pieces_is_dropped)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 0, 13, NETRXF_more_data);
    receive_wrongly(0, 0, 100, 0);
    receive_wrongly(0, 0, 14, NETRXF_more_data);
    receive_wrongly(0, 0, 100, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && n->counters.dropped_in == 1 && !n->gone);
}

/* The largest frame: 18 pieces and an extra segment. */
static struct buf *largest_frame(void)
{
    static _Alignas(4096) uint8_t page[17 * 4096];
    struct buf *b = tcp_frame(0), **end = &b->next;
    struct buf *over = buf_over(page, sizeof page, note_release, NULL);

    for (unsigned i = 0; i < 17; i++) {
        *end = buf_share(over, i * 4096, 1000);
        if (!*end)
            panic("no pages");
        end = &(*end)->next;
    }
    b->offload.segment = 1460;
    buf_free(over);
    return b;
}

static void check_room(unsigned before, bool is_sent)
{
    struct network *n = connect(0, ALL);

    vif[0].on_frame = hear;
    vif[0].backend.is_stopped = true;
    for (unsigned i = 0; i < before; i++)
        network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out == 0);
    network_write(n, largest_frame());
    CHECK(n->counters.dropped_out == !is_sent);
    vif[0].backend.is_stopped = false;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard == before + is_sent && !n->gone);
    CHECK(buf_pages_free() == buf_pages() - 256);
}

TEST(the_largest_frame_is_sent_if_the_ring_has_just_room_for_it)
{
    check_room(256 - 19, true);
    CHECK(vif[0].slots == 18);
}

TEST(the_largest_frame_is_dropped_if_one_place_is_missing)
{
    check_room(256 - 18, false);
}

TEST(a_frame_is_dropped_if_its_pieces_might_get_no_grants)
{
    static _Alignas(4096) uint8_t page[4096];
    struct network *n = connect(0, ALL);
    uint32_t other = 0;

    vif[0].on_frame = hear;
    while (grants_free() >= 18)
        other = grant_access(1, page, false);
    network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out == 1);
    CHECK(grant_end(other));
    network_write(n, largest_frame());
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->counters.dropped_out == 1 && heard == 1 && !n->gone);
}

TEST(a_frame_with_an_empty_piece_is_dropped)
{
    struct network *n = connect_quietly();

    receive_wrongly(0, 0, 60, NETRXF_more_data);
    receive_wrongly(0, 0, 0, 0);
    receive_wrongly(0, 0, 60, NETRXF_more_data);
    receive_wrongly(0, 0, -1, 0);
    receive_wrongly(0, 0, 60, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 1 && n->counters.dropped_in == 2 && !n->gone);
    CHECK(buf_pages_free() == buf_pages() - 256);
}

TEST(a_new_ring_has_room_for_as_many_frames_as_the_first)
{
    struct network *n = connect(0, ALL);
    uint64_t dropped;

    vif[0].backend.is_stopped = true;
    for (unsigned i = 0; i < 1000; i++)
        network_write(n, frame_of(60));
    dropped = n->counters.dropped_out;
    backend_restart(&vif[0].backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(vif[0].backend.connections == 2);
    for (unsigned i = 0; i < 1000; i++)
        network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out == 2 * dropped && !n->gone);
}

TEST(an_idle_network_costs_nothing)
{
    unsigned before;

    (void)connect(0, ALL);
    CHECK(time_sleep(SECOND) == OK);
    before = fake.hypercalls;
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(fake.hypercalls - before < 10);
}
