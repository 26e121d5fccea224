/* SPDX-License-Identifier: ISC */
/* Networks of Xen's, with a backend that is as it should be, late, or gone. */
#include <fake_check.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <stackv4_contract.h>
#include <vif.h>

#define COPY   "feature-rx-copy=1"
#define PIECES COPY "\nfeature-sg=1"
#define ALL    PIECES "\nfeature-gso-tcpv4=1"

static struct fake_vif vif[2];
static struct network *net[2];

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static const struct console_ops quiet_ops = {.write = say_nothing};
static struct console           quiet = {.ops = &quiet_ops};

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

/* Two interfaces of the image's, on one wire in dom0. */
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

TEST(stacks_keep_their_contract_where_the_backend_offers_nothing)
{
    check_contract(COPY, COPY);
    CHECK(vif[0].slots_most == 1 && vif[0].segments_out == 0);
}

TEST(stacks_keep_their_contract_where_it_takes_pieces)
{
    check_contract(PIECES, PIECES);
    CHECK(vif[0].slots_most > 1 && vif[0].segments_out == 0);
}

TEST(stacks_keep_their_contract_where_it_cuts_segments)
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
    vif[0].deaf_for = vif[1].deaf_for = SECOND;
    check_contract(ALL, ALL);
}

TEST(what_the_toolstack_says_is_what_the_network_is)
{
    struct network *n = connect(0, ALL "\nmtu=9000");

    CHECK(n->mtu == 9000);
    CHECK(n->mac.byte[0] == 0 && n->mac.byte[2] == 0x3e &&
          n->mac.byte[5] == 1);
    CHECK(n->features == (NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS));
    CHECK(n->up && !n->gone);
}

TEST(a_network_that_cannot_be_is_refused)
{
    struct network *n;

    vif_add(&vif[0], 0, "feature-sg=1");
    CHECK(network_xen_connect("0", &n) == ERR_UNSUPPORTED);
    vif_add(&vif[1], 1, ALL);
    store_set("device/vif/1/mac", "00:16:3e:00:00");
    CHECK(network_xen_connect("1", &n) == ERR_FORMAT);
    CHECK(network_xen_connect("7", &n) == ERR_NOT_FOUND);
    CHECK(network_xen_connect("eth0", &n) == ERR_NAME);
    check_said("there is no network 7; what there is: 0, 1. ");
    check_said("vif 0: its backend does not copy what comes in");
    check_said("vif 1: the toolstack has given it no MAC address");
}

/* Frames of the image's, looked at. */
static unsigned         heard;
static struct vif_frame last;
static uint8_t          last_bytes[VIF_FRAME];

static void hear(struct fake_vif *v, const struct vif_frame *f)
{
    (void)v;
    heard++;
    last = *f;
    memcpy(last_bytes, f->bytes, f->len);
}

static struct buf *frame_of(size_t len)
{
    static uint8_t bytes[VIF_FRAME];
    struct buf    *b;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    b = buf_copy_in(bytes, len, 0);
    if (!b)
        panic("no pages");
    return b;
}

TEST(frames_of_any_pieces_leave_whole)
{
    struct network *n = connect(0, ALL);

    vif[0].hears = hear;
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

/* Pages that are gone when all is answered would be seen here. */
TEST(a_hundred_thousand_frames_leave_no_residue)
{
    struct network *n = connect(0, ALL);
    size_t          before;

    vif[0].hears = hear;
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

TEST(more_than_the_ring_holds_is_dropped_and_counted)
{
    struct network *n = connect(0, ALL);

    vif[0].hears = hear;
    vif[0].backend.is_deaf = true;
    for (unsigned i = 0; i < 1000; i++)
        network_write(n, frame_of(60));
    CHECK(n->counters.dropped_out > 700 && n->counters.dropped_out < 800);
    vif[0].backend.is_deaf = false;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard + n->counters.dropped_out == 1000);
}

/* Each takes two places of the ring, for its piece and for its segment size. */
TEST(segments_take_no_more_of_the_ring_than_there_is)
{
    struct network *n = connect(0, ALL);

    vif[0].hears = hear;
    vif[0].backend.is_deaf = true;
    for (unsigned i = 0; i < 1000; i++) {
        struct buf *frame = frame_of(3000);

        frame->offload = (struct offload){
            .csum_start = 34, .csum_offset = 16, .segment = 1460};
        network_write(n, frame);
    }
    CHECK(n->counters.dropped_out > 850);
    vif[0].backend.is_deaf = false;
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(heard + n->counters.dropped_out == 1000);
}

TEST(an_error_of_the_backend_is_a_frame_dropped)
{
    struct network *n = connect(0, ALL);

    vif[0].refuses = true;
    network_write(n, frame_of(60));
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(n->counters.dropped_out == 1);
}

static unsigned    arrived;
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

TEST(frames_of_any_length_arrive_whole)
{
    static uint8_t  bytes[VIF_FRAME], back[VIF_FRAME];
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

TEST(what_the_backend_could_not_bring_is_dropped)
{
    uint8_t         bytes[60] = {0};
    struct network *n = connect(0, ALL);

    network_listen(n, keep, NULL);
    vif[0].fails = true;
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0 && n->counters.dropped_in == 1);
}

static void check_broken_off(uint16_t promise)
{
    uint8_t         bytes[60] = {0};
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

TEST(a_frame_whose_other_pieces_are_missing_is_a_lie)
{
    check_broken_off(NETRXF_more_data);
}

TEST(a_frame_whose_segment_size_is_missing_is_a_lie)
{
    check_broken_off(NETRXF_extra_info);
}

/* The backend maps a page, and says that it is done with it. */
TEST(a_page_that_the_backend_keeps_is_never_used_again)
{
    uint8_t         bytes[60] = {0};
    struct network *n = connect(0, ALL);
    uint32_t        grant = vif_next_page(&vif[0]);
    uint8_t        *page = fake_map(0, grant, true);
    struct buf     *all = NULL;

    network_listen(n, keep, NULL);
    vif_send(&vif[0], &(struct vif_frame){.bytes = bytes, .len = 60});
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(arrived == 0);
    for (struct buf *b; (b = buf_new(0)) != NULL;) {
        CHECK(b->data != page);
        b->next = all;
        all = b;
    }
    buf_free(all);
    fake_unmap(grant, true);
    check_said("vif 0: its backend keeps pages that it should have let go");
}

static void restart(void)
{
    backend_restart(&vif[0].backend);
}

TEST(a_connection_outlives_its_backend)
{
    vif[0].deaf_for = 100 * MILLISECOND;
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
