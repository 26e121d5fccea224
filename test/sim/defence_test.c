/* SPDX-License-Identifier: ISC */
/*
 * Defence against floods and hostile peers (decision 0020): SYN cookies, limits
 * of a listener, TIME-WAIT.
 */
#include "check.h"
#include "peer.h"

#define PORT  80
#define BRIEF (60 * MILLISECOND)
#define SA    (TCP_SYN | TCP_ACK)

static uint16_t peer_port = 1000;
static struct flow *flow; /* accepted last */
static unsigned handled;

static bool let_go;
static struct waiters letting;

static void hold(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    flow = f;
    handled++;
    while (!let_go)
        if (wait_until(&letting, FOREVER) != OK)
            break;
    flow = NULL;
}

static void begin(void)
{
    static const struct tcp_limits none;
    static bool is_made;

    if (!is_made) {
        sim_seed(22);
        pair_make(1500, 0);
        CHECK(tcpv4_listen(right.tcp, PORT, hold, NULL) == OK);
        is_made = true;
    }
    let_go = true;
    wake_all(&letting);
    peer_begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    /* Makes earlier cookies invalid. */
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(tcpv4_limit(right.tcp, PORT, &none) == OK);
    peer_ignores(0);
    let_go = false;
    handled = 0;
    peer_port++;
}

/* The peer's next segment; the test changes it before it is sent. */
static struct tcp_segment segment(uint8_t flags, uint32_t seq, uint32_t ack)
{
    return (struct tcp_segment){.from = peer_port,
                                .to = PORT,
                                .seq = seq,
                                .ack = ack,
                                .flags = flags,
                                .window = 65535};
}

static void send_segment(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
    static const uint8_t data[2000];
    struct tcp_segment s = segment(flags, seq, ack);

    peer_send(&s, data, len);
}

/* Receives the next segment for this port of the peer. */
static bool receives(struct seen *seen, nanoseconds within)
{
    nanoseconds end = time_after(within);

    while (time_now() <= end && peer_sees(seen, end - time_now()))
        if (seen->s.to == peer_port)
            return true;
    return false;
}

/* Limits half-open connections to one, and opens that one. */
static void fill_up(void)
{
    static const struct tcp_limits few = {.half_open = 1};
    struct seen seen;

    begin();
    CHECK(tcpv4_limit(right.tcp, PORT, &few) == OK);
    send_segment(TCP_SYN, 1, 0, 0);
    CHECK(receives(&seen, SECOND) && seen.s.flags == SA && peer_tcp() != NULL);
    peer_port++;
}

TEST(a_cookie_opens_a_connection_without_stored_state)
{
    struct seen seen;

    fill_up();
    for (uint16_t mss = 400; mss <= 1460; mss += 53) {
        struct tcp_segment s = segment(TCP_SYN, 0xffffffff, 0);
        unsigned count = right.tcp->count;
        struct connection *c;

        s.has_mss = true;
        s.mss = mss;
        peer_send(&s, NULL, 0);
        CHECK(receives(&seen, BRIEF) && seen.s.flags == SA &&
              seen.s.ack == 0 && !seen.s.has_scale && !seen.s.has_timestamps);
        CHECK(!peer_tcp() && right.tcp->count == count);
        send_segment(TCP_ACK, 0, seen.s.seq + 1, 0);
        CHECK(time_sleep(BRIEF) == OK);
        c = peer_tcp();
        CHECK(c && c->state == TCP_ESTABLISHED && c->mss <= mss &&
              c->mss >= mss - (mss < 536 ? 400 : 0) - (mss < 1220 ? 700 : 150));
        CHECK(flow && flow_write(flow, "hello", 5, FOREVER) == OK);
        CHECK(receives(&seen, BRIEF) && seen.len == 5);
        send_segment(TCP_ACK, 0, seen.s.seq + 5, 10);
        CHECK(receives(&seen, BRIEF) && seen.s.ack == 10);
        peer_port++;
    }
    CHECK(right.tcp->counters.cookies_in == 21);
}

TEST(a_cookie_restores_common_segment_sizes_exactly)
{
    static const uint16_t common[] = {536, 1220, 1360, 1400, 1440, 1460};
    struct seen seen;

    fill_up();
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        struct tcp_segment s = segment(TCP_SYN, 100, 0);

        s.has_mss = true;
        s.mss = common[i];
        peer_send(&s, NULL, 0);
        CHECK(receives(&seen, BRIEF) && seen.s.flags == SA && !peer_tcp());
        send_segment(TCP_ACK, 101, seen.s.seq + 1, 0);
        CHECK(time_sleep(BRIEF) == OK);
        CHECK(peer_tcp() && peer_tcp()->mss == common[i]);
        peer_port++;
    }
}

TEST(with_timestamps_a_cookie_restores_scale_and_sack)
{
    fill_up();
    for (uint8_t scale = 0; scale <= 15; scale++) {
        struct tcp_segment s = segment(TCP_SYN, 100, 0);
        struct connection *c;
        struct seen seen;

        s.has_scale = scale < 15;
        s.scale = scale;
        s.has_timestamps = true;
        s.time = 5000;
        peer_send(&s, NULL, 0);
        CHECK(receives(&seen, BRIEF) && seen.s.flags == SA &&
              seen.s.has_timestamps && seen.s.echo == 5000 &&
              seen.s.has_scale == (scale < 15));
        s = segment(TCP_ACK, 101, seen.s.seq + 1);
        s.window = 1000;
        s.has_timestamps = true;
        s.time = 5001;
        s.echo = seen.s.time;
        CHECK(time_sleep(scale * SECOND) == OK);
        peer_send(&s, NULL, 0);
        CHECK(time_sleep(BRIEF) == OK);
        c = peer_tcp();
        CHECK(c && c->state == TCP_ESTABLISHED && c->ts.is_on &&
              c->ts.recent == 5001);
        CHECK(c && c->snd.wind_shift == (scale < 15 ? scale : 0) &&
              c->rcv.wind_shift == (scale < 15 ? TCP_SCALE : 0) &&
              c->snd.wnd == 1000u << (scale < 15 ? scale : 0));
        /* Our timestamps continue from the cookie's. */
        CHECK(c && !seq_before(tcp_timestamp(c), seen.s.time));
        peer_port++;
    }
}

/* There is no RTT sample when the first data are acknowledged. */
TEST(a_connection_from_a_cookie_survives_the_loss_of_its_first_segment)
{
    static const uint8_t data[20000];
    struct tcp_segment s;
    struct seen seen, first;
    unsigned count = 1;

    fill_up();
    s = segment(TCP_SYN, 100, 0);
    s.has_mss = s.has_timestamps = s.may_sack = true;
    s.mss = 1000;
    s.time = 5000;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, BRIEF) && seen.s.flags == SA && seen.s.may_sack);
    s = segment(TCP_ACK, 101, seen.s.seq + 1);
    s.has_timestamps = true;
    s.time = 5001;
    s.echo = seen.s.time;
    peer_send(&s, NULL, 0);
    CHECK(time_sleep(BRIEF) == OK);
    CHECK(flow && flow_write(flow, data, sizeof data, FOREVER) == OK);
    CHECK(receives(&first, BRIEF));
    while (receives(&seen, BRIEF))
        count++;
    CHECK(peer_tcp()->rtt.srtt == 0 && count == 10);
    s.sack_count = 1;
    s.sack[0].from = first.s.seq + (uint32_t)first.len;
    s.sack[0].to = s.sack[0].from + (uint32_t)first.len;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, BRIEF) &&
          seen.s.seq == first.s.seq + 10 * (uint32_t)first.len);
}

TEST(a_connection_from_a_cookie_without_timestamps_has_no_rtt_sample)
{
    static const uint8_t data[20000];
    struct tcp_segment s;
    struct seen seen;
    uint32_t seq, len;

    fill_up();
    s = segment(TCP_SYN, 100, 0);
    s.has_mss = true;
    s.mss = 1000;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, BRIEF) && seen.s.flags == SA);
    seq = seen.s.seq + 1;
    send_segment(TCP_ACK, 101, seq, 0);
    CHECK(time_sleep(BRIEF) == OK);
    len = 5u * peer_tcp()->mss;
    CHECK(flow && flow_write(flow, data, len, FOREVER) == OK);
    for (int i = 0; i < 5; i++)
        CHECK(receives(&seen, BRIEF));
    CHECK(time_sleep(BRIEF) == OK);
    for (int i = 0; i < 3;
         i++) /* the first segment is lost, and retransmitted */
        send_segment(TCP_ACK, 101, seq, 0);
    while (receives(&seen, BRIEF))
        continue;
    send_segment(TCP_ACK, 101, seq + len, 0);
    CHECK(time_sleep(BRIEF) == OK);
    CHECK(peer_tcp()->rtt.srtt == 0 && peer_tcp()->snd.una == seq + len);
    CHECK(flow_write(flow, data, sizeof data, FOREVER) == OK);
    CHECK(receives(&seen, BRIEF) && seen.s.seq == seq + len);
}

TEST(data_after_a_lost_handshake_ack_open_the_connection_by_the_cookie)
{
    struct connection *c;
    struct seen seen;

    fill_up();
    send_segment(TCP_SYN, 100, 0, 0);
    CHECK(receives(&seen, BRIEF));
    send_segment(TCP_ACK | TCP_FIN, 101, seen.s.seq + 1, 500);
    CHECK(receives(&seen, BRIEF) && seen.s.ack == 602);
    c = peer_tcp();
    CHECK(c && c->state == TCP_CLOSE_WAIT && c->rcvq.len == 500);
}

/* The ACK must be answered by a reset, and open no connection. */
static bool is_no_cookie(uint32_t seq, uint32_t ack)
{
    struct seen seen;

    send_segment(TCP_ACK, seq, ack, 0);
    return receives(&seen, BRIEF) && seen.s.flags == TCP_RST &&
           seen.s.seq == ack && !peer_tcp();
}

TEST(a_cookie_is_valid_for_its_peer_only)
{
    struct seen seen;
    uint32_t cookie;

    begin();
    CHECK(is_no_cookie(1, 1)); /* no cookie was sent yet */
    fill_up();
    send_segment(TCP_SYN, 100, 0, 0);
    CHECK(receives(&seen, BRIEF));
    cookie = seen.s.seq;
    CHECK(is_no_cookie(102, cookie + 1));
    for (unsigned bit = 0; bit < 32; bit++)
        CHECK(is_no_cookie(101, (cookie ^ 1u << bit) + 1));
    peer_port++;
    CHECK(is_no_cookie(101, cookie + 1));
    peer_port--;
    CHECK(time_sleep(63 * SECOND) == OK);
    send_segment(TCP_ACK, 101, cookie + 1, 0);
    CHECK(time_sleep(BRIEF) == OK && peer_tcp());
}

/* While a flood lasts, cookies go on being sent, and only their age tells an
 * old one. */
TEST(a_cookie_is_valid_for_64_to_128_seconds_during_a_flood)
{
    struct seen seen;
    uint16_t port;
    uint32_t cookie;
    nanoseconds began;

    for (unsigned age = 50; age <= 200; age += 25) {
        fill_up();
        port = ++peer_port;
        send_segment(TCP_SYN, 100, 0, 0);
        CHECK(receives(&seen, BRIEF));
        cookie = seen.s.seq;
        began = time_now();
        while (time_now() - began < age * SECOND) {
            peer_port++;
            send_segment(TCP_SYN, 100, 0, 0);
            CHECK(receives(&seen, BRIEF) && seen.s.flags == SA);
            CHECK(time_sleep(5 * SECOND) == OK);
        }
        peer_port = port;
        peer_ignores(0);
        if (age > 128) {
            CHECK(is_no_cookie(101, cookie + 1));
        } else if (age < 64) {
            send_segment(TCP_ACK, 101, cookie + 1, 0);
            CHECK(time_sleep(BRIEF) == OK && peer_tcp());
        }
        peer_port += 100;
    }
}

/* From a spoofed address. */
static void spoofed(uint32_t n)
{
    struct endpoint from = {ipv4_address(10, 0, 0, 3), (uint16_t)(n + 1)};
    struct ipv4_packet packet = {.from = from.ip,
                                 .to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP};
    struct tcp_segment s = segment(TCP_SYN, n, 0);
    struct buf *b = buf_new(IPV4_HEADROOM);

    s.from = from.port;
    b->len = tcp_emit(&s, buf_append(b, TCP_MOST));
    b->offload.csum_good = true;
    tcp_input(right.tcp, &packet, b);
}

TEST(a_syn_flood_neither_refuses_nor_delays_others_nor_uses_pages)
{
    nanoseconds began;
    uint64_t cookies;
    struct seen seen;

    begin();
    send_segment(TCP_SYN, 100, 0, 0); /* a peer in the handshake */
    CHECK(receives(&seen, BRIEF));
    cookies = right.tcp->counters.cookies_out;
    for (uint32_t i = 0; i < 50000; i++)
        spoofed(i);
    CHECK(right.tcp->half_open == TCP_HALF_OPEN);
    CHECK(right.tcp->count == TCP_HALF_OPEN);
    CHECK(right.tcp->counters.cookies_out - cookies ==
          50001 - TCP_HALF_OPEN);
    CHECK(buf_pages() - buf_pages_free() < 100);
    send_segment(TCP_ACK, 101, seen.s.seq + 1, 0);
    CHECK(time_sleep(BRIEF) == OK && peer_tcp() &&
          peer_tcp()->state == TCP_ESTABLISHED);
    peer_port++;
    began = time_now();
    send_segment(TCP_SYN, 100, 0, 0);
    CHECK(receives(&seen, BRIEF));
    send_segment(TCP_ACK, 101, seen.s.seq + 1, 5);
    CHECK(receives(&seen, BRIEF) && seen.s.ack == 106 && peer_tcp());
    CHECK(time_now() - began < 50 * MILLISECOND);
    begin();
    CHECK(right.tcp->count == 0 && right.tcp->half_open == 0);
}

TEST(a_peer_is_served_when_one_of_the_busy_handlers_returns)
{
    static const struct tcp_limits two = {.handlers = 2};
    struct seen seen, late;

    begin();
    CHECK(tcpv4_limit(right.tcp, PORT, &two) == OK);
    for (int i = 0; i < 3; i++) { /* the third is half open in time */
        send_segment(TCP_SYN, 100, 0, 0);
        CHECK(receives(&late, BRIEF) && late.s.flags == SA);
        peer_port++;
        if (i == 2)
            break;
        peer_port--;
        send_segment(i == 0 ? TCP_ACK : 0, 101, late.s.seq + 1, 0);
        if (i == 1)
            seen = late;
        peer_port++;
    }
    peer_port = (uint16_t)(peer_port - 2); /* the second */
    send_segment(TCP_ACK, 101, seen.s.seq + 1, 0);
    CHECK(time_sleep(BRIEF) == OK && handled == 2);
    peer_port++; /* the third: its ACK is dropped */
    send_segment(TCP_ACK, 101, late.s.seq + 1, 0);
    CHECK(time_sleep(BRIEF) == OK && handled == 2);
    CHECK(peer_tcp()->state == TCP_SYN_RECEIVED);
    peer_port++; /* the SYN of a fourth is dropped */
    send_segment(TCP_SYN, 100, 0, 0);
    CHECK(!receives(&seen, BRIEF) && !peer_tcp());
    peer_port--;
    let_go = true;
    wake_all(&letting);
    CHECK(time_sleep(BRIEF) == OK);
    let_go = false;
    peer_ignores(0);
    CHECK(receives(&seen, 2 * SECOND) && seen.s.flags == SA);
    send_segment(TCP_ACK, 101, seen.s.seq + 1, 0);
    CHECK(time_sleep(BRIEF) == OK && handled == 3);
    CHECK(peer_tcp()->state == TCP_ESTABLISHED);
}

/* Opens a connection and takes it to TIME-WAIT; time is the peer's timestamp.
 */
static struct connection *waiting(bool timestamps, uint32_t time)
{
    struct tcp_segment s;
    struct connection *c;
    struct seen seen;

    begin();
    s = segment(TCP_SYN, 1000, 0);
    s.has_timestamps = timestamps;
    s.time = time;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, SECOND));
    s.flags = TCP_ACK;
    s.seq = 1001;
    s.ack = seen.s.seq + 1;
    s.echo = seen.s.time;
    peer_send(&s, NULL, 0);
    CHECK(time_sleep(MILLISECOND) == OK && flow);
    let_go = true;
    wake_all(&letting);
    CHECK(receives(&seen, SECOND) && seen.s.flags & TCP_FIN);
    s.flags = TCP_ACK | TCP_FIN;
    s.ack = seen.s.seq + 1;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, SECOND) && seen.s.ack == 1002);
    let_go = false;
    c = peer_tcp();
    CHECK(c && c->state == TCP_TIMED_WAIT && c->ts.is_on == timestamps);
    return c;
}

TEST(time_wait_ends_for_a_syn_that_cannot_be_an_old_one)
{
    /* RFC 6191, 2: the old connection's timestamps, the SYN's, and its number.
     */
    static const struct {
        bool old, is;
        int32_t later;
        uint32_t seq;
        bool taken;
    } cases[] = {
        {true, true, 1, 0xf0000000, true},
        {true, true, 0, 1002, true},
        {true, true, 0, 1001, false},
        {true, true, -1, 1002, false},
        {true, false, 0, 1002, true},
        {true, false, 0, 1001, false},
        {false, true, -1, 0xf0000000, true},
        {false, false, 0, 1002, true},
        {false, false, 0, 1001, false},
        {false, false, 0, 0xf0000000, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct connection *c = waiting(cases[i].old, 7000);
        uint32_t last = c->snd.nxt;
        struct tcp_segment s = segment(TCP_SYN, cases[i].seq, 0);
        struct seen seen;
        bool is_right;

        c->snd.nxt = last += 0x20000000; /* after wrapping sequence numbers */
        c->snd.una = c->snd.nxt = last;
        s.has_timestamps = cases[i].is;
        s.time = 7000 + (uint32_t)cases[i].later;
        peer_send(&s, NULL, 0);
        is_right = receives(&seen, BRIEF);
        if (cases[i].taken)
            is_right = is_right && seen.s.flags == SA &&
                       seen.s.ack == cases[i].seq + 1 &&
                       seq_after(seen.s.seq, last) &&
                       peer_tcp()->state == TCP_SYN_RECEIVED;
        else
            is_right = is_right && seen.s.flags == TCP_ACK &&
                       seen.s.ack == 1002 &&
                       peer_tcp()->state == TCP_TIMED_WAIT;
        if (!is_right)
            printf("case %zu:\n", i);
        CHECK(is_right);
    }
}

TEST(time_wait_of_a_port_without_a_listener_stays)
{
    struct tcp_segment s;
    struct seen seen;

    CHECK(waiting(true, 7000));
    CHECK(tcpv4_listen(right.tcp, PORT, NULL, NULL) == OK);
    s = segment(TCP_SYN, 90000, 0);
    s.has_timestamps = true;
    s.time = 9000;
    peer_send(&s, NULL, 0);
    CHECK(receives(&seen, BRIEF) && seen.s.flags == TCP_ACK &&
          peer_tcp()->state == TCP_TIMED_WAIT);
    CHECK(tcpv4_listen(right.tcp, PORT, hold, NULL) == OK);
}

TEST(no_state_is_left)
{
    begin();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(right.tcp->count == 0 && right.tcp->half_open == 0);
    CHECK(buf_pages_free() == buf_pages());
}
