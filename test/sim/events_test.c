/* SPDX-License-Identifier: ISC */
/*
 * Connections without a fiber each (mirage/tcpv4.h): a server that is only
 * told what happens, and clients of both kinds.
 */
#include "check.h"
#include "pair.h"

#define PORT   4000
#define MANY   500
#define LENGTH 300000
#define SOON   time_after(60 * SECOND)

static unsigned accepted, over, told_readable;

static void drop(struct flow *flow)
{
    over++;
    flow_close(flow);
}

/* An echo: what there is room for is written, and the rest stays unread. */
static void serve(void *ctx, struct flow *flow, unsigned events)
{
    struct buf *data;
    enum status s = OK;

    (void)ctx;
    if (events & TCP_OVER) {
        drop(flow);
        return;
    }
    told_readable += events & TCP_READABLE ? 1 : 0;
    while (s == OK && tcpv4_room(flow) > 0) {
        s = flow_read(flow, &data, 0);
        if (s == OK)
            s = flow_write_bufs(flow, data, 0);
    }
    if (s != OK && s != ERR_TIMEOUT)
        drop(flow);
}

static void take(void *ctx, struct flow *flow, struct endpoint peer)
{
    CHECK(ctx == &accepted && ip_equal(peer.ip, flow_peer(flow).ip));
    accepted++;
    tcpv4_on_event(flow, serve, NULL);
}

static struct endpoint server(void)
{
    return (struct endpoint){ipv4_address(10, 0, 0, 2), PORT};
}

static struct flow *a_client(void)
{
    struct flow *f = NULL;

    CHECK(tcpv4_open(left.tcp, server(), SOON, &f) == OK);
    return f;
}

static void send_all(void *flow)
{
    static uint8_t data[LENGTH];

    for (size_t i = 0; i < LENGTH; i++)
        data[i] = (uint8_t)(i % 251);
    CHECK(flow_write(flow, data, LENGTH, SOON) == OK);
    flow_shutdown(flow, FLOW_WRITING);
}

/* Waits until nothing is left of any connection. */
static void settle(void)
{
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(an_echo_without_a_fiber_returns_the_stream_and_its_end)
{
    struct flow *f;
    struct buf *b;
    size_t got = 0;

    pair_make(1500, 0);
    pair_watch();
    CHECK(tcpv4_listen_events(right.tcp, PORT, take, &accepted) == OK);
    f = a_client();
    CHECK(fiber_start(send_all, f) == OK);
    while (flow_read(f, &b, SOON) == OK) {
        for (size_t i = 0; i < b->len; i += 97)
            CHECK(b->data[i] == (got + i) % 251);
        got += b->len;
        buf_free(b);
    }
    CHECK(got == LENGTH);
    flow_close(f);
    settle();
    CHECK(accepted == 1 && over == 1);
}

TEST(a_peer_that_does_not_read_makes_the_handler_wait_and_not_spin)
{
    struct flow *f = a_client();
    unsigned before;

    CHECK(fiber_start(send_all, f) == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    before = told_readable;
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(told_readable <= before + 1);
    flow_abort(f);
    flow_close(f);
    settle();
    CHECK(over == 2);
}

/* A source without an end. */
static void pour(void *ctx, struct flow *flow, unsigned events)
{
    static const uint8_t data[1000];
    enum status *last = ctx;

    if (events & TCP_OVER) {
        drop(flow);
        return;
    }
    do
        *last = flow_write(flow, data, sizeof data, 0);
    while (*last == OK && tcpv4_room(flow) > 0);
}

static void take_source(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)peer;
    tcpv4_on_event(flow, pour, ctx);
    pour(ctx, flow, TCP_WRITABLE); /* which is not told of one that is new */
}

static size_t drunk;

static void drink(void *flow)
{
    struct buf *b;

    while (flow_read(flow, &b, SOON) == OK) {
        drunk += buf_length(b);
        buf_free(b);
    }
}

TEST(a_write_without_pages_is_followed_by_an_event_when_there_are_pages)
{
    /* A megabyte a second, or there would be no end in any. */
    struct sim_faults slow = {.rate = 8000000, .queue = 1000}, none = {0};
    struct endpoint to = {ipv4_address(10, 0, 0, 2), PORT + 5};
    enum status last = OK;
    struct flow *f = NULL;
    struct buf *hoard = NULL;
    size_t before;

    pair_faults(&slow);
    CHECK(tcpv4_listen_events(right.tcp, to.port, take_source, &last) == OK);
    CHECK(tcpv4_open(left.tcp, to, SOON, &f) == OK);
    CHECK(fiber_start(drink, f) == OK);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(drunk > 100000);
    for (int i = 0; i < 3; i++) { /* pages that are freed meanwhile, too */
        while (buf_pages_free() > buf_pages() / 100) {
            struct buf *b = buf_new(0);

            b->next = hoard;
            hoard = b;
        }
        CHECK(time_sleep(5 * SECOND) == OK);
    }
    CHECK(last == ERR_NO_MEMORY);
    before = drunk;
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(drunk == before); /* nothing goes on by itself */
    buf_free(hoard);
    CHECK(time_sleep(60 * SECOND) == OK); /* time-outs have been backed off */
    CHECK(drunk > before + 10000000);
    flow_abort(f);
    flow_close(f);
    CHECK(tcpv4_listen_events(right.tcp, to.port, NULL, NULL) == OK);
    pair_faults(&none);
    over = 2;
    settle();
}

TEST(each_of_many_connections_has_its_own_events)
{
    static struct flow *f[MANY];
    struct buf *b;

    accepted = over = 0;
    for (int i = 0; i < MANY; i++)
        f[i] = a_client();
    for (int i = 0; i < MANY; i++)
        CHECK(flow_write(f[i], &i, sizeof i, SOON) == OK);
    for (int i = 0; i < MANY; i++) {
        int got = -1;

        CHECK(flow_read(f[i], &b, SOON) == OK && b->len == sizeof got);
        memcpy(&got, b->data, sizeof got);
        CHECK(got == i);
        buf_free(b);
    }
    CHECK(accepted == MANY && right.tcp->count == MANY);
    for (int i = 0; i < MANY; i++) {
        if (i % 2)
            flow_abort(f[i]);
        flow_close(f[i]);
    }
    settle();
    CHECK(over == MANY);
}

static void close_at_once(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx, (void)peer;
    tcpv4_on_event(flow, serve, NULL);
    flow_close(flow);
}

TEST(an_accepted_flow_may_be_closed_at_once)
{
    struct flow *f;
    struct buf *b;

    CHECK(tcpv4_listen_events(right.tcp, PORT, close_at_once, NULL) == OK);
    f = a_client();
    CHECK(flow_read(f, &b, SOON) == ERR_EOF);
    flow_close(f);
    settle();
}

static struct flow *opening;
static unsigned opened, failed;
static enum status why;

static void follow(void *ctx, struct flow *flow, unsigned events)
{
    struct buf *b;
    enum status s;

    CHECK(flow == opening && ctx == &opened);
    if (events & TCP_WRITABLE && opened++ == 0)
        CHECK(flow_write(flow, "hello", 5, 0) == OK);
    if (!(events & TCP_READABLE))
        return;
    s = flow_read(flow, &b, 0);
    if (s == OK) {
        CHECK(b->len == 5 && memcmp(b->data, "hello", 5) == 0);
        buf_free(b);
        flow_close(flow);
    } else {
        failed++;
        why = s;
        flow_close(flow);
    }
}

TEST(a_connection_is_opened_without_a_fiber_or_fails_with_a_reason)
{
    struct endpoint closed_port = {ipv4_address(10, 0, 0, 2), PORT + 1};
    struct endpoint silent = {ipv4_address(10, 0, 0, 9), PORT};
    struct endpoint nowhere = {ipv4_address(10, 9, 0, 2), PORT};

    CHECK(tcpv4_listen_events(right.tcp, PORT, take, &accepted) == OK);
    CHECK(tcpv4_begin(left.tcp, server(), follow, &opened, &opening) == OK);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(opened == 1 && failed == 0);
    CHECK(tcpv4_begin(left.tcp, closed_port, follow, &opened, &opening) == OK);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(opened == 1 && failed == 1 && why == ERR_REFUSED);
    CHECK(tcpv4_begin(left.tcp, silent, follow, &opened, &opening) == OK);
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(failed == 2 && why == ERR_UNREACHABLE);
    CHECK(tcpv4_begin(left.tcp, nowhere, follow, &opened, &opening) ==
          ERR_UNREACHABLE);
    settle();
}

TEST(an_ended_listener_refuses_connections)
{
    struct flow *f = NULL;

    CHECK(tcpv4_listen_events(right.tcp, PORT, NULL, NULL) == OK);
    CHECK(tcpv4_open(left.tcp, server(), SOON, &f) == ERR_REFUSED);
}

TEST(the_loss_of_our_address_is_reported_to_each_flow)
{
    over = accepted = 0;
    CHECK(tcpv4_listen_events(right.tcp, PORT, take, &accepted) == OK);
    for (int i = 0; i < 20; i++)
        (void)a_client();
    CHECK(time_sleep(SECOND) == OK);
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(accepted == 20 && over == 20 && right.tcp->count == 0);
    CHECK(pair_failures == 0 && pair_checks > 0);
}
