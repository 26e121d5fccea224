/* SPDX-License-Identifier: ISC */
/*
 * Displacement when the pool is full (decision 0020): right has CONNECTIONS
 * connections, and left, second and third are its peers.
 */
#include "check.h"
#include "peer.h"
#include <mirage/drivers.h>

#define PORT        80
#define CONNECTIONS 16
#define SOON        (5 * SECOND)

static struct stackv4 *second, *third;
static unsigned handled;
static bool must_hold = true;
static struct waiters letting;

/* Echoes, and ends with the stream. */
static void echo(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)ctx, (void)peer;
    handled++;
    while (flow_read(f, &b, FOREVER) == OK)
        if (flow_write_bufs(f, b, FOREVER) != OK)
            break;
    handled--;
}

/* Keeps its flow open until must_hold is false. */
static void hold(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)f, (void)peer;
    handled++;
    while (must_hold)
        if (wait_until(&letting, FOREVER) != OK)
            break;
    handled--;
}

static struct stackv4 *stack(const char *address)
{
    struct network *net;
    struct stackv4 *s = NULL;

    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    CHECK(stackv4_static_connect(&pair_quiet, net, address, "255.255.255.0", "",
                                 &s) == OK);
    return s;
}

static void begin(tcp_handler *fn)
{
    if (!second) {
        sim_seed(5);
        pair_make(1500, 0);
        second = stack("10.0.0.3");
        third = stack("10.0.0.4");
        right.tcp->pool.limit = CONNECTIONS;
    }
    must_hold = false;
    wake_all(&letting);
    tcpv4_reset(left.tcp, ERR_GONE);
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(handled == 0 && right.tcp->pool.in_use == 0 &&
          right.tcp->pool.spare == 0);
    must_hold = true;
    memset(&right.tcp->counters, 0, sizeof right.tcp->counters);
    CHECK(tcpv4_listen(right.tcp, PORT, fn, NULL) == OK);
}

static const struct endpoint server = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}, PORT};

static struct flow *open_from_left(void)
{
    struct flow *f = NULL;

    return tcpv4_open(left.tcp, server, time_after(SOON), &f) == OK ? f : NULL;
}

static struct flow *open_from(struct stackv4 *s)
{
    struct flow *f = NULL;

    return stackv4_connect(s, server, time_after(SOON), &f) == OK ? f : NULL;
}

/* Is a byte echoed? */
static bool is_served(struct flow *f)
{
    struct buf *b = NULL;
    bool is = flow_write(f, "x", 1, time_after(SOON)) == OK &&
              flow_read(f, &b, time_after(SOON)) == OK;

    buf_free(b);
    return is;
}

static enum status how_it_ended(struct flow *f)
{
    struct buf *b;

    return flow_read(f, &b, time_after(MILLISECOND));
}

/* Sends a segment with len bytes of data from the left host. */
static void send_segment(uint16_t port, uint8_t flags, uint32_t seq,
                         uint32_t ack, size_t len)
{
    struct tcp_segment s = {.from = port,
                            .to = PORT,
                            .seq = seq,
                            .ack = ack,
                            .flags = flags,
                            .window = 1000};

    peer_send(&s, "x", len);
}

TEST(a_new_peer_displaces_the_idlest_connection_of_the_peer_with_most)
{
    struct flow *f[CONNECTIONS], *other;

    begin(echo);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from_left()) && is_served(f[i]));
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK(i == 5 || is_served(f[i]));
    CHECK((other = open_from(second)) && is_served(other));
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK(i == 5 ? how_it_ended(f[i]) == ERR_RESET : is_served(f[i]));
        flow_close(f[i]);
    }
    CHECK(right.tcp->counters.displaced == 1 &&
          right.tcp->counters.no_room == 0 && right.tcp->has_displaced);
    flow_close(other);
}

TEST(a_peer_does_not_displace_a_peer_with_as_few_connections)
{
    struct flow *f[2 * CONNECTIONS];
    int count = 0;

    begin(echo);
    for (; count < CONNECTIONS; count++)
        CHECK((f[count] = open_from_left()) && is_served(f[count]));
    while (count < 2 * CONNECTIONS && (f[count] = open_from(second)))
        CHECK(is_served(f[count++]));
    CHECK(count == CONNECTIONS + CONNECTIONS / 2);
    CHECK(right.tcp->counters.displaced == CONNECTIONS / 2 &&
          right.tcp->counters.no_room > 0 && right.tcp->was_full);
    CHECK(open_from_left() == NULL);
    CHECK(right.tcp->counters.displaced == CONNECTIONS / 2);
    /* The third displaces connections of both, in turn. */
    CHECK((f[count] = open_from(third)) && is_served(f[count]));
    CHECK((f[count + 1] = open_from(third)) && is_served(f[count + 1]));
    for (int i = 0; i < count + 2; i++)
        flow_close(f[i]);
}

TEST(a_syn_displaces_nothing_before_the_handshake_completes)
{
    struct flow *f[CONNECTIONS];
    struct seen seen;
    uint16_t port;

    begin(echo);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from(second)) && is_served(f[i]));
    peer_begin();
    for (port = 2000; port < 2100; port++) {
        send_segment(port, TCP_SYN, 7, 0, 0);
        CHECK(peer_sees(&seen, SECOND) &&
              seen.s.flags == (TCP_SYN | TCP_ACK) && seen.s.to == port);
    }
    CHECK(right.tcp->counters.displaced == 0 &&
          right.tcp->counters.cookies_out == 100);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK(is_served(f[i]));
    send_segment(2099, TCP_ACK, 8, seen.s.seq + 1, 1);
    CHECK(peer_sees(&seen, SECOND) && seen.len == 1 && seen.s.to == 2099);
    CHECK(right.tcp->counters.displaced == 1);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    ipv4_listen(left.ip, PROTOCOL_TCP, tcp_input, tcp_icmp_error, left.tcp);
}

TEST(a_displaced_connection_still_held_by_its_application_makes_room)
{
    struct flow *f[CONNECTIONS], *other[CONNECTIONS / 2];

    begin(hold);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from_left()) != NULL);
    for (int i = 0; i < CONNECTIONS / 2; i++)
        CHECK((other[i] = open_from(second)) != NULL);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(right.tcp->pool.spare == CONNECTIONS / 2 &&
          right.tcp->pool.in_use == CONNECTIONS + CONNECTIONS / 2);
    must_hold = false;
    wake_all(&letting);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(right.tcp->pool.spare == 0);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    for (int i = 0; i < CONNECTIONS / 2; i++)
        flow_close(other[i]);
}

TEST(an_active_open_displaces_a_connection_too)
{
    struct flow *f[CONNECTIONS], *own = NULL;

    begin(echo);
    CHECK(stackv4_listen_tcp(third, PORT, echo, NULL) == OK);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from_left()) && is_served(f[i]));
    CHECK(tcpv4_open(right.tcp,
                     (struct endpoint){ipv4_address(10, 0, 0, 4), PORT},
                     time_after(SOON), &own) == OK);
    CHECK(own && is_served(own) && right.tcp->counters.displaced == 1);
    flow_close(own);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    CHECK(stackv4_listen_tcp(third, PORT, NULL, NULL) == OK);
}

TEST(a_syn_flood_takes_at_most_a_quarter_of_the_pool)
{
    begin(echo);
    peer_begin();
    for (uint16_t port = 3000; port < 3100; port++)
        send_segment(port, TCP_SYN, 7, 0, 0);
    CHECK(time_sleep(100 * MILLISECOND) == OK);
    CHECK(right.tcp->pool.in_use == CONNECTIONS / 4);
    peer_ignores(200 * SECOND);
    ipv4_listen(left.ip, PROTOCOL_TCP, tcp_input, tcp_icmp_error, left.tcp);
}

TEST(a_limit_by_peer_does_not_refuse_other_peers)
{
    static const struct tcp_limits two = {.peer = 2}, none;
    struct flow *f[2], *other;

    begin(echo);
    CHECK(tcpv4_limit(right.tcp, PORT, &two) == OK);
    for (int i = 0; i < 2; i++)
        CHECK((f[i] = open_from_left()) && is_served(f[i]));
    CHECK(open_from_left() == NULL);
    CHECK(right.tcp->counters.over_peer_limit == 1);
    CHECK((other = open_from(second)) && is_served(other));
    flow_close(f[0]);
    CHECK(time_sleep(SECOND) == OK);
    CHECK((f[0] = open_from_left()) && is_served(f[0]));
    flow_close(f[0]);
    flow_close(f[1]);
    flow_close(other);
    CHECK(tcpv4_limit(right.tcp, PORT, &none) == OK);
}

TEST(a_peer_over_its_limit_displaces_no_connection_by_a_cookie)
{
    static const struct tcp_limits one = {.peer = 1}, none;
    struct flow *f[CONNECTIONS];
    struct seen seen[3];

    begin(echo);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from(second)) && is_served(f[i]));
    CHECK(tcpv4_limit(right.tcp, PORT, &one) == OK);
    peer_begin();
    for (int i = 0; i < 3; i++) {
        send_segment((uint16_t)(4000 + i), TCP_SYN, 7, 0, 0);
        CHECK(peer_sees(&seen[i], SECOND) &&
              seen[i].s.flags == (TCP_SYN | TCP_ACK));
    }
    CHECK(right.tcp->counters.cookies_out == 3);
    for (int i = 0; i < 3; i++) {
        struct seen after;

        send_segment((uint16_t)(4000 + i), TCP_ACK, 8, seen[i].s.seq + 1, 1);
        CHECK(peer_sees(&after, SECOND));
        CHECK(((after.s.flags & TCP_RST) != 0) == (i > 0));
    }
    CHECK(right.tcp->counters.displaced == 1);
    CHECK(right.tcp->counters.over_peer_limit == 2);
    CHECK(tcpv4_limit(right.tcp, PORT, &none) == OK);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    ipv4_listen(left.ip, PROTOCOL_TCP, tcp_input, tcp_icmp_error, left.tcp);
}

static unsigned told_over, told_new;
static enum status how_written;

static void serve_event(void *ctx, struct flow *f, unsigned events)
{
    struct buf *b;
    enum status s = OK;

    (void)ctx;
    while (s == OK && !(events & TCP_OVER)) {
        s = flow_read(f, &b, 0);
        if (s == OK)
            s = flow_write_bufs(f, b, 0);
    }
    if (s != ERR_TIMEOUT) {
        told_over++;
        flow_close(f);
    }
}

static void take_event(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    told_new++;
    tcpv4_on_event(f, serve_event, NULL);
}

TEST(a_displaced_connection_without_a_fiber_reports_its_end_once)
{
    static const struct tcp_limits few = {.peer = 3}, none;
    struct flow *f[CONNECTIONS], *other;
    unsigned ended = 0;

    begin(echo);
    CHECK(tcpv4_listen_events(right.tcp, PORT, take_event, NULL) == OK);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from_left()) && is_served(f[i]));
    CHECK((other = open_from(second)) && is_served(other));
    CHECK(told_new == CONNECTIONS + 1 && told_over == 1);
    CHECK(right.tcp->pool.spare == 0 && right.tcp->counters.displaced == 1);
    for (int i = 0; i < CONNECTIONS; i++)
        ended += !is_served(f[i]);
    CHECK(ended == 1);
    flow_close(other);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(told_over == told_new);
    CHECK(tcpv4_limit(right.tcp, PORT, &few) == OK);
    for (int i = 0; i < 3; i++)
        CHECK((f[i] = open_from_left()) && is_served(f[i]));
    CHECK(open_from_left() == NULL);
    CHECK((other = open_from(second)) && is_served(other));
    flow_close(f[0]);
    CHECK(time_sleep(SECOND) == OK);
    CHECK((f[0] = open_from_left()) && is_served(f[0]));
    flow_close(other);
    for (int i = 0; i < 3; i++)
        flow_close(f[i]);
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(told_over == told_new);
    CHECK(tcpv4_limit(right.tcp, PORT, &none) == OK);
    CHECK(tcpv4_listen(right.tcp, PORT, NULL, NULL) == OK);
}

/* Writes forever. */
static void write_all(void *ctx, struct flow *f, struct endpoint peer)
{
    static const uint8_t data[100000];
    enum status s = OK;

    (void)ctx, (void)peer;
    handled++;
    while (s == OK)
        s = flow_write(f, data, sizeof data, FOREVER);
    how_written = s;
    handled--;
}

TEST(a_connection_whose_handler_writes_can_be_displaced)
{
    struct flow *f[CONNECTIONS], *other;

    begin(write_all);
    how_written = OK;
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK((f[i] = open_from_left()) != NULL);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(handled == CONNECTIONS);
    CHECK((other = open_from(second)) != NULL);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(how_written == ERR_NO_MEMORY);
    CHECK(handled == CONNECTIONS && right.tcp->pool.spare == 0);
    flow_close(other);
    for (int i = 0; i < CONNECTIONS; i++)
        flow_close(f[i]);
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(handled == 0);
    CHECK(buf_pages_free() == buf_pages());
}
