/* SPDX-License-Identifier: ISC */
/*
 * Requirements of RFC 9293, one per test. Ids are those of its appendix B;
 * doc/rfc.md lists them all.
 */
#include "check.h"
#include "peer.h"
#include <mirage/bytes.h>

#define PORT  80
#define BRIEF (60 * MILLISECOND)
#define SA    (TCP_SYN | TCP_ACK)

static uint16_t peer_port = 1000;
static uint8_t data[100000];

static void send_segment(uint8_t flags, uint32_t seq, uint32_t ack,
                         uint16_t window, size_t len)
{
    struct tcp_segment s = {.from = peer_port,
                            .to = PORT,
                            .seq = seq,
                            .ack = ack,
                            .flags = flags,
                            .window = window};

    peer_send(&s, data, len);
}

/* Opens a connection by a SYN with that MSS (0: none) and ISS 100; returns our
 * ISS. */
static uint32_t open_with(uint16_t mss, uint16_t window)
{
    struct tcp_segment s = {.flags = TCP_SYN, .to = PORT, .window = window};
    static bool is_made;
    struct seen seen = {.len = 0};

    if (!is_made) {
        sim_seed(25);
        pair_make(1500, 0);
        pair_listen(PORT);
        peer_begin();
        is_made = true;
    }
    pair_reset();
    peer_ignores(SECOND);
    s.from = ++peer_port;
    s.seq = 100;
    s.has_mss = mss > 0;
    s.mss = mss;
    peer_send(&s, NULL, 0);
    CHECK(peer_sees(&seen, SECOND) && seen.s.flags == SA);
    send_segment(TCP_ACK, 101, seen.s.seq + 1, window, 0);
    CHECK(time_sleep(MILLISECOND) == OK && pair_flow != NULL);
    peer_ignores(0);
    return seen.s.seq;
}

/* Sends data until our window is full. Returns the sequence number after it. */
static uint32_t fill_our_window(uint32_t iss)
{
    uint32_t at = 101, room;

    while ((room = peer_tcp()->rcv.adv - peer_tcp()->rcv.nxt) > 0) {
        room = room < 1000 ? room : 1000;
        send_segment(TCP_ACK, at, iss + 1, 65535, room);
        at += room;
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    peer_ignores(0);
    return at;
}

/* Expects the next segment to have len bytes from seq on. */
static bool comes(uint32_t seq, size_t len, nanoseconds within)
{
    struct seen seen;

    if (!peer_sees(&seen, within))
        return false;
    if (seen.s.seq != seq || seen.len != len)
        printf("there came %zu bytes from %u on\n", seen.len,
               seen.s.seq - seq);
    return seen.s.seq == seq && seen.len == len;
}

/* Expects and acknowledges all bytes from seq to end, in any segments. */
static bool comes_to(uint32_t seq, uint32_t end)
{
    static bool is_there[10000];
    uint32_t from = seq;
    struct seen seen;

    while (seq != end && peer_sees(&seen, SECOND)) {
        for (size_t i = 0; i < seen.len; i++)
            if (seen.s.seq + i - from < sizeof is_there)
                is_there[seen.s.seq + i - from] = true;
        while (seq != end && is_there[seq - from])
            seq++;
        send_segment(TCP_ACK, 101, seq, 10000, 0);
    }
    return seq == end;
}

static bool is_silent(nanoseconds length)
{
    struct seen seen;

    if (!peer_sees(&seen, length))
        return true;
    printf("there came %zu bytes from %u on, flags %02x\n", seen.len,
           seen.s.seq, seen.s.flags);
    return false;
}

TEST(our_mss_is_that_of_the_link_and_only_in_a_syn)
{
    struct tcp_segment s = {.flags = TCP_SYN, .to = PORT, .window = 1000};
    struct seen seen = {.len = 0};

    (void)open_with(1460, 65535);
    s.from = ++peer_port;
    peer_send(&s, NULL, 0); /* MUST-14, MUST-67, MAY-3 */
    CHECK(peer_sees(&seen, BRIEF) && seen.s.has_mss && seen.s.mss == 1460);
    send_segment(TCP_ACK, 1, seen.s.seq + 1, 1000, 5);
    /* MUST-65: without any option; tcp_parse would ignore an MSS. */
    CHECK(peer_sees(&seen, BRIEF) && seen.s.header == TCP_HEADER);
}

TEST(segments_have_the_peers_mss_or_536_bytes)
{
    static const struct {
        uint16_t said, has;
    } cases[] = {{0, 536}, {536, 536}, {1000, 1000}, {9000, 1460}, {1, 64}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t iss = open_with(cases[i].said, 65535);

        CHECK(flow_write(pair_flow, data, 2 * cases[i].has, FOREVER) == OK);
        CHECK(comes(iss + 1, cases[i].has, BRIEF)); /* MUST-15, MUST-16 */
        CHECK(comes(iss + 1 + cases[i].has, cases[i].has, BRIEF));
    }
}

TEST(psh_is_set_in_the_last_segment_of_the_queue)
{
    uint32_t iss = open_with(1000, 65535);
    struct seen seen = {.len = 0};

    CHECK(flow_write(pair_flow, data, 3000, FOREVER) == OK);
    for (int i = 0; i < 3; i++) /* MUST-60, MUST-61, SHLD-27 */
        CHECK(peer_sees(&seen, BRIEF) && seen.len == 1000 &&
              !(seen.s.flags & TCP_PSH) == (i < 2));
    CHECK(seen.s.seq == iss + 2001);
    /* The end of the window is not the end of the queue. */
    send_segment(TCP_ACK, 101, iss + 3001, 2000, 0);
    CHECK(flow_write(pair_flow, data, 2500, FOREVER) == OK);
    for (int i = 0; i < 2; i++)
        CHECK(peer_sees(&seen, BRIEF) && seen.len == 1000 &&
              !(seen.s.flags & TCP_PSH));
    /* MUST-60: the rest is sent as soon as Nagle's algorithm allows it. */
    send_segment(TCP_ACK, 101, iss + 5001, 2000, 0);
    CHECK(peer_sees(&seen, BRIEF) && seen.len == 500 &&
          seen.s.flags & TCP_PSH);
}

TEST(small_segments_wait_by_nagles_algorithm_unless_it_is_off)
{
    struct flow_options o = {.no_delay = true};
    uint32_t iss = open_with(1000, 65535);

    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(comes(iss + 1, 10, BRIEF));
    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(flow_write(pair_flow, data, 20, FOREVER) == OK);
    CHECK(is_silent(BRIEF)); /* SHLD-7 */
    send_segment(TCP_ACK, 101, iss + 11, 65535, 0);
    CHECK(comes(iss + 11, 30, BRIEF));
    flow_set_options(pair_flow, &o); /* MUST-17 */
    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(comes(iss + 41, 10, BRIEF));
}

TEST(spans_of_one_write_do_not_wait_for_each_other)
{
    struct span answer[] = {{data, 100}, {data + 100, 200}};
    uint32_t iss = open_with(1000, 65535);

    CHECK(flow_write(pair_flow, data, 100, FOREVER) == OK);
    CHECK(flow_write(pair_flow, data + 100, 200, FOREVER) == OK);
    CHECK(comes(iss + 1, 100, BRIEF) && is_silent(BRIEF));
    send_segment(TCP_ACK, 101, iss + 101, 65535, 0);
    CHECK(comes(iss + 101, 200, BRIEF));
    send_segment(TCP_ACK, 101, iss + 301, 65535, 0);
    CHECK(flow_write_spans(pair_flow, answer, 2, FOREVER) == OK);
    CHECK(comes(iss + 301, 300, BRIEF));
}

TEST(a_small_window_update_is_not_filled)
{
    uint32_t iss = open_with(1000, 4000);

    CHECK(flow_write(pair_flow, data, 20000, FOREVER) == OK);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(comes(iss + 1 + 1000 * i, 1000, BRIEF));
    /* MUST-38: less than a segment, and than half of MAX.SND.WND. */
    send_segment(TCP_ACK, 101, iss + 4001, 900, 0);
    CHECK(is_silent(BRIEF));
    send_segment(TCP_ACK, 101, iss + 4001, 1000, 0);
    CHECK(comes(iss + 4001, 1000, BRIEF));
}

TEST(our_window_does_not_open_by_small_steps)
{
    struct seen seen = {.len = 0};
    uint32_t iss = open_with(1460, 65535), at = fill_our_window(iss);
    struct buf *b;

    /* MUST-39: the window is full, and read in small pieces. */
    CHECK(flow_read(pair_flow, &b, 0) == OK && b->len < 1460);
    buf_free(b);
    send_segment(TCP_ACK, at, iss + 1, 65535, 1); /* a window probe */
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == at &&
          seen.s.window == 0);
    while (flow_read(pair_flow, &b, 0) == OK) {
        buf_free(b);
        CHECK(time_sleep(MILLISECOND) == OK);
        while (peer_sees(&seen, 0))
            CHECK(seen.s.window >= 1460);
    }
    CHECK(seen.s.window > 30000 && seen.s.ack == at);
}

TEST(our_window_does_not_shrink_when_pages_are_scarce)
{
    struct buf *taken = NULL, *b;
    struct seen seen = {.len = 0};
    uint32_t iss = open_with(1460, 65535);

    while (buf_pages_free() >= buf_pages() / 10 && (b = buf_new(0))) {
        b->next = taken;
        taken = b;
    }
    send_segment(TCP_ACK, 101, iss + 1, 65535, 100); /* SHLD-14 */
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == 201);
    CHECK(seen.s.ack + seen.s.window == 101 + 65535);
    buf_free(taken);
}

TEST(with_our_window_closed_acks_and_resets_are_processed)
{
    struct seen seen = {.len = 0};
    uint32_t iss = open_with(1000, 65535), at = fill_our_window(iss);

    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.window == 0 && seen.len == 10);
    send_segment(TCP_ACK, at, iss + 11, 65535, 1); /* MUST-66 */
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == at);
    CHECK(peer_tcp()->snd.una == iss + 11);
    send_segment(TCP_RST, at, 0, 0, 0);
    CHECK(time_sleep(MILLISECOND) == OK && !peer_tcp());
}

TEST(a_shrinking_window_is_tolerated)
{
    struct flow_options o = {.user_timeout = 30 * SECOND};
    uint32_t iss = open_with(1000, 10000);

    CHECK(flow_write(pair_flow, data, 9000, FOREVER) == OK);
    for (uint32_t i = 0; i < 9; i++)
        CHECK(comes(iss + 1 + 1000 * i, 1000, BRIEF));
    flow_set_options(pair_flow, &o);
    /* MUST-34: the peer shrinks its window to two segments. */
    send_segment(TCP_ACK, 101, iss + 1, 2000, 0);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(flow_write(pair_flow, data, 1000, FOREVER) == OK);
    CHECK(is_silent(BRIEF)); /* SHLD-15: no new data */
    CHECK(comes(iss + 1, 1000, 2 * SECOND)); /* SHLD-16 */
    /* cwnd allows two segments, and the window one. */
    send_segment(TCP_ACK, 101, iss + 1001, 1000, 0);
    CHECK(comes(iss + 1001, 1000, BRIEF) && is_silent(BRIEF));
    send_segment(TCP_ACK, 101, iss + 2001, 0, 0);
    /* SHLD-17: a peer that answers keeps the connection with data beyond its
     * window. */
    for (int i = 0; i < 100; i++) {
        struct seen seen;

        if (peer_sees(&seen, SECOND))
            send_segment(TCP_ACK, 101, iss + 2001, 0, 0);
    }
    CHECK(peer_tcp() && peer_tcp()->state == TCP_ESTABLISHED);
    if (!peer_tcp())
        return;
    peer_ignores(0);
    send_segment(TCP_ACK, 101, iss + 2001, 10000, 0);
    CHECK(comes_to(iss + 2001, iss + 10001));
}

TEST(a_zero_window_is_probed_after_the_rto_with_backoff)
{
    uint32_t iss = open_with(1000, 0);
    nanoseconds began = time_now(), before = 0, rto = peer_tcp()->rtt.rto;
    struct seen seen;

    CHECK(flow_write(pair_flow, data, 5000, FOREVER) == OK);
    for (int i = 0; i < 6; i++) { /* MUST-35, MUST-36, SHLD-29, SHLD-30 */
        nanoseconds passed;

        CHECK(peer_sees(&seen, 60 * SECOND) && seen.s.seq == iss + 1);
        passed = time_now() - began;
        CHECK(i == 0 ? passed >= rto && passed < 2 * rto
                     : passed >= 3 * before / 2);
        before = passed;
        began = time_now();
        send_segment(TCP_ACK, 101, iss + 1, 0, 0);
    }
}

TEST(a_window_of_one_segment_is_not_probed)
{
    uint32_t iss = open_with(1000, 1000);
    uint64_t timeouts = right.tcp->counters.timeouts;
    uint64_t probes = right.tcp->counters.probes;

    CHECK(flow_write(pair_flow, data, 5000, FOREVER) == OK);
    CHECK(comes(iss + 1, 1000, BRIEF));
    CHECK(comes(iss + 1, 1000, 2 * SECOND)); /* it is retransmitted */
    CHECK(right.tcp->counters.timeouts == timeouts + 1 &&
          right.tcp->counters.probes == probes);
}

TEST(acks_are_delayed_below_half_a_second_and_every_second_segment_has_one)
{
    uint32_t iss = open_with(1000, 65535), at = 101;
    nanoseconds began;
    struct seen seen = {.len = 0};

    for (int i = 0; i < 40;
         i++) { /* the first segments are acknowledged at once */
        send_segment(TCP_ACK, at, iss + 1, 65535, 1000);
        at += 1000;
        CHECK(time_sleep(SECOND) == OK);
    }
    peer_ignores(0);
    began = time_now();
    send_segment(TCP_ACK, at, iss + 1, 65535, 1000); /* SHLD-18, MUST-40 */
    CHECK(peer_sees(&seen, SECOND) && seen.s.ack == at + 1000);
    CHECK(time_now() - began > 10 * MILLISECOND &&
          time_now() - began < 500 * MILLISECOND);
    at += 1000;
    for (int i = 0; i < 5; i++) { /* SHLD-19, MUST-58 */
        send_segment(TCP_ACK, at, iss + 1, 65535, 1000);
        send_segment(TCP_ACK, at + 1000, iss + 1, 65535, 1000);
        at += 2000;
        CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at);
    }
    /* MUST-59: an ACK for a filled hole includes all data after it. */
    send_segment(TCP_ACK, at + 1000, iss + 1, 65535, 1000);
    CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at);
    send_segment(TCP_ACK, at, iss + 1, 65535, 1000);
    CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at + 2000);
    /* It is sent at once (RFC 5681, 4.2), however little data filled it; */
    at += 2000;
    send_segment(TCP_ACK, at + 100, iss + 1, 65535, 100);
    CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at);
    send_segment(TCP_ACK, at, iss + 1, 65535, 100);
    CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at + 200);
    /* and one for a batch of segments acknowledges all of them. */
    at += 200;
    for (int i = 0; i < 6; i++, at += 1000)
        send_segment(TCP_ACK, at, iss + 1, 65535, 1000);
    CHECK(peer_sees(&seen, 10 * MILLISECOND) && seen.s.ack == at);
    CHECK(is_silent(SECOND));
}

TEST(a_reset_is_no_end_of_the_data)
{
    struct buf *b;

    (void)open_with(1000, 65535);
    send_segment(TCP_RST, 101, 0, 0, 0);
    CHECK(flow_read(pair_flow, &b, FOREVER) == ERR_RESET); /* MUST-12 */
    CHECK(flow_write(pair_flow, data, 1, FOREVER) == ERR_RESET);
}

TEST(the_first_window_is_ten_segments)
{
    uint32_t iss = open_with(1000, 65535); /* RFC 6928, 2 */

    CHECK(flow_write(pair_flow, data, 20000, FOREVER) == OK);
    for (uint32_t i = 0; i < 10; i++)
        CHECK(comes(iss + 1 + 1000 * i, 1000, BRIEF));
    CHECK(is_silent(BRIEF));
}

/* RFC 7323, 4.1; without an echo there is no sample (Karn). */
TEST(a_retransmission_is_measured_by_its_echo_only)
{
    for (int timestamps = 0; timestamps < 2; timestamps++) {
        uint32_t iss = open_with(1000, 65535);
        struct tcp_segment s = {.from = peer_port,
                                .to = PORT,
                                .seq = 101,
                                .ack = iss + 11,
                                .flags = TCP_ACK,
                                .window = 65535,
                                .has_timestamps = timestamps,
                                .time = 1};
        nanoseconds before = peer_tcp()->rtt.srtt, srtt;
        struct seen seen = {.len = 0};

        peer_tcp()->ts.is_on = timestamps;
        CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
        CHECK(peer_sees(&seen, BRIEF) && peer_sees(&seen, 2 * SECOND));
        CHECK(seen.s.seq == iss + 1 && seen.s.has_timestamps == timestamps);
        CHECK(time_sleep(400 * MILLISECOND) == OK);
        s.echo = seen.s.time;
        peer_send(&s, NULL, 0);
        CHECK(time_sleep(MILLISECOND) == OK);
        srtt = peer_tcp()->rtt.srtt;
        if (timestamps)
            CHECK(srtt > 50 * MILLISECOND && srtt < 70 * MILLISECOND);
        else
            CHECK(srtt == before && srtt < 10 * MILLISECOND);
        CHECK((peer_tcp()->rtt.backoff == 0) == timestamps);
    }
}

/* RFC 7323, 5.4 */
TEST(timestamps_have_an_offset_of_each_connection)
{
    struct tcp_segment s = {.flags = TCP_SYN,
                            .to = PORT,
                            .window = 1000,
                            .has_timestamps = true};
    uint32_t times[5];

    (void)open_with(1000, 65535);
    for (int i = 0; i < 5; i++) {
        struct seen seen = {.len = 0};

        peer_port += i != 4; /* the last two have the same endpoints */
        s.from = peer_port;
        pair_reset();
        peer_ignores(SECOND);
        peer_send(&s, NULL, 0);
        CHECK(peer_sees(&seen, SECOND) && seen.s.has_timestamps);
        times[i] = seen.s.time;
    }
    for (int i = 0; i < 3; i++)
        CHECK(times[i + 1] - times[i] + 100000 > 200000);
    CHECK(times[4] - times[3] >= 1000 && times[4] - times[3] < 2000);
}

TEST(urgent_data_are_received_in_band)
{
    uint32_t iss = open_with(1000, 65535);
    struct buf *b = NULL;
    struct seen seen = {.len = 0};

    send_segment(TCP_ACK | TCP_URG, 101, iss + 1, 65535, 10);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == 111);
    CHECK(flow_read(pair_flow, &b, 0) == OK && b->len == 10);
    buf_free(b);
}

TEST(segments_to_multicast_and_broadcast_are_dropped)
{
    struct ipv4_packet packet = {.from = ipv4_address(10, 0, 0, 1),
                                 .to = ipv4_address(10, 0, 0, 255),
                                 .protocol = PROTOCOL_TCP,
                                 .to_many = true};
    static const uint8_t flags[] = {TCP_SYN, TCP_ACK, SA};
    uint64_t out, malformed;

    (void)open_with(1000, 65535);
    out = right.tcp->counters.segments_out;
    malformed = right.tcp->counters.malformed;
    for (size_t i = 0; i < sizeof flags; i++) { /* MUST-57 */
        struct tcp_segment s = {.from = 99, .to = PORT, .flags = flags[i]};
        struct buf *b = buf_new(IPV4_HEADROOM);

        b->len = tcp_emit(&s, buf_append(b, TCP_MOST));
        b->offload.csum_good = true;
        tcp_input(right.tcp, &packet, b);
        CHECK(time_sleep(SECOND) == OK);
    }
    CHECK(right.tcp->counters.malformed == malformed + 3);
    CHECK(right.tcp->counters.segments_out == out && right.tcp->count == 1);
}

TEST(no_connection_is_opened_to_multicast_or_broadcast)
{
    const struct ip_address many[] = {ipv4_address(10, 0, 0, 255),
                                      ipv4_address(255, 255, 255, 255),
                                      ipv4_address(224, 0, 0, 1)};
    struct flow *f;

    (void)open_with(1000, 65535); /* MUST-46 */
    for (int i = 0; i < 3; i++)
        CHECK(tcpv4_open(right.tcp, (struct endpoint){many[i], 7},
                         time_after(SECOND), &f) == ERR_UNREACHABLE);
}

TEST(an_unreachable_peer_fails_the_open_at_once)
{
    const struct ip_address nowhere[] = {
        ipv4_address(127, 0, 0, 1),
        ipv4_address(10, 0, 0, 2), /* our own address */
        ipv4_address(0, 0, 0, 0), ipv4_address(192, 0, 2, 1)};
    nanoseconds began;
    struct flow *f;

    (void)open_with(1000, 65535);
    began = time_now();
    for (int i = 0; i < 4; i++) /* without a gateway */
        CHECK(tcpv4_open(right.tcp, (struct endpoint){nowhere[i], 7},
                         time_after(SECOND), &f) == ERR_UNREACHABLE);
    CHECK(time_now() == began);
}

TEST(initial_sequence_numbers_follow_a_clock_and_differ_by_connection)
{
    uint32_t a = open_with(1000, 65535), b;

    peer_port--; /* the same endpoints */
    CHECK(time_sleep(10 * SECOND) == OK);
    b = open_with(1000, 65535); /* MUST-8: one per 4 us */
    CHECK(b - a >= 10 * 250000 && b - a < 13 * 250000);
    a = open_with(
        1000, 65535); /* SHLD-1, MUST-9: other endpoints, a distant number */
    CHECK(a - b > 1000000);
}

/* MUST-9; RFC 6528, 3. Timestamp offsets and cookies use the same secret. */
TEST(no_two_stacks_have_the_same_secret)
{
    struct endpoint one = {ipv4_address(10, 0, 0, 1), 1000},
                    other = {ipv4_address(10, 0, 0, 2), 80};

    (void)open_with(1000, 65535);
    CHECK(tcp_hash(left.tcp, &one, &other, 1) !=
          tcp_hash(right.tcp, &one, &other, 1));
}

TEST(paws_drops_and_acknowledges_a_segment_with_an_old_timestamp)
{
    uint32_t iss = open_with(1000, 65535);
    struct tcp_segment s = {.from = peer_port,
                            .to = PORT,
                            .seq = 101,
                            .ack = iss + 1,
                            .flags = TCP_ACK,
                            .window = 65535,
                            .has_timestamps = true,
                            .time = 5000};
    struct seen seen = {.len = 0};

    peer_tcp()->ts.is_on = true; /* RFC 7323, 5.3 */
    peer_send(&s, data, 10);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == 111 &&
          peer_tcp()->ts.recent == 5000);
    s.seq = 111;
    s.time = 4999;
    peer_send(&s, data, 10);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == 111);
    s.time = 5000;
    peer_send(&s, data, 10);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == 121);
    CHECK(time_sleep(25 * 86400 * SECOND) == OK); /* 5.5 */
    s.seq = 121;
    s.time = 4999;
    peer_send(&s, data, 10);
    CHECK(peer_sees(&seen, 3 * SECOND) && seen.s.ack == 131);
}

TEST(icmp_errors_do_not_end_an_established_connection)
{
    static const enum status statuses[] = {ERR_UNREACHABLE, ERR_TIMEOUT,
                                           ERR_REFUSED};
    struct ipv4_packet packet = {.from = ipv4_address(10, 0, 0, 2),
                                 .to = ipv4_address(10, 0, 0, 1),
                                 .protocol = PROTOCOL_TCP};
    uint32_t iss = open_with(1000, 65535);
    uint8_t start[8];

    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    put_be16(start, PORT);
    put_be16(start + 2, peer_port);
    put_be32(start + 4, iss + 1);
    for (int i = 0; i < 3; i++) { /* MUST-56; RFC 5461, 4 */
        struct ipv4_error error = {statuses[i], 0};

        ipv4_failed(right.ip, &packet, start, sizeof start, &error);
    }
    CHECK(peer_tcp() && peer_tcp()->state == TCP_ESTABLISHED);
    send_segment(TCP_ACK, 101, iss + 11, 65535, 0);
    CHECK(time_sleep(BRIEF) == OK && peer_tcp() && peer_tcp()->sndq.len == 0);
}

static void write_ten(void *ctx)
{
    (void)ctx;
    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
}

static void open_away(void *ctx)
{
    struct flow *f;

    (void)ctx;
    (void)!tcpv4_open(right.tcp,
                      (struct endpoint){ipv4_address(10, 0, 0, 1), 4000},
                      time_after(SECOND / 2), &f);
}

TEST(ephemeral_ports_are_random)
{
    unsigned next_to = 0, same = 0;
    uint16_t last = 0;
    struct seen seen = {.len = 0};

    (void)open_with(1000, 65535);
    for (int i = 0; i < 50; i++) { /* RFC 6056, 3.3.1 */
        CHECK(fiber_start(open_away, NULL) == OK);
        CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == TCP_SYN &&
              seen.s.from >= 1024);
        same += seen.s.from == last;
        next_to += (uint16_t)(seen.s.from - last + 100) < 200;
        last = seen.s.from;
        peer_ignores(SECOND);
    }
    CHECK(same == 0 && next_to < 10);
}

static void on_connection(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx;
    (void)flow;
    (void)peer;
}

/* Connections leave SYN-RECEIVED in any order. */
TEST(the_list_of_half_open_connections_stays_sound)
{
    uint32_t iss[4];

    (void)open_with(1000, 65535);
    for (int i = 0; i < 4; i++) {
        struct seen seen = {.len = 0};

        peer_port++;
        send_segment(TCP_SYN, 100, 0, 1000, 0);
        CHECK(peer_sees(&seen, SECOND) && seen.s.flags == SA);
        iss[i] = seen.s.seq;
    }
    for (int i = 0; i < 4; i++) {
        uint16_t last = peer_port;

        CHECK(right.tcp->half_open == 4u - (unsigned)i);
        for (unsigned k = 0; k < right.tcp->half_open; k++)
            CHECK(right.tcp->half_opens[k]->half_open == k);
        peer_port = (uint16_t)(last - 3 + i);
        send_segment(TCP_ACK, 101, iss[i] + 1, 1000, 0);
        CHECK(time_sleep(MILLISECOND) == OK);
        peer_port = last;
    }
    CHECK(right.tcp->half_open == 0);
}

TEST(a_writer_without_pages_goes_on_when_there_are_some)
{
    struct buf *taken = NULL, *b;
    uint32_t iss = open_with(1000, 65535);

    while ((b = buf_new(0))) {
        b->next = taken;
        taken = b;
    }
    CHECK(flow_write(pair_flow, data, 10, time_after(SECOND)) == ERR_TIMEOUT);
    CHECK(fiber_start(write_ten, NULL) == OK);
    CHECK(time_sleep(SECOND / 2) == OK);
    buf_free(taken);
    CHECK(comes(iss + 1, 10, SECOND));
}

/* MUST-41, MUST-42 */
TEST(listeners_that_open_and_close_leave_connections_alone)
{
    uint32_t iss = open_with(1000, 65535);

    CHECK(tcpv4_listen(right.tcp, 81, on_connection, NULL) == OK);
    CHECK(tcpv4_listen(right.tcp, 81, NULL, NULL) == OK);
    CHECK(tcpv4_listen(right.tcp, 4000, on_connection, NULL) == OK);
    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(comes(iss + 1, 10, BRIEF));
    CHECK(tcpv4_listen(right.tcp, 4000, NULL, NULL) == OK);
    pair_listen(PORT); /* the port of the connection */
    send_segment(TCP_ACK, 101, iss + 11, 65535, 0);
    CHECK(flow_write(pair_flow, data, 10, FOREVER) == OK);
    CHECK(comes(iss + 11, 10, BRIEF));
}

/* RFC 6056, 3.2 */
TEST(ephemeral_ports_are_from_1024_to_65535_without_listeners)
{
    struct seen seen = {.len = 0};
    unsigned low = 0;

    (void)open_with(1000, 65535);
    for (uint32_t port = 1024; port < 65536; port += 8)
        CHECK(tcpv4_listen(right.tcp, (uint16_t)port, on_connection, NULL) ==
              OK);
    for (int i = 0; i < 200; i++) {
        CHECK(fiber_start(open_away, NULL) == OK);
        CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == TCP_SYN);
        CHECK(seen.s.from >= 1024 && seen.s.from % 8 != 0);
        low += seen.s.from < 49152;
        peer_ignores(SECOND);
    }
    CHECK(low > 100 && low < 190);
    for (uint32_t port = 1024; port < 65536; port += 8)
        CHECK(tcpv4_listen(right.tcp, (uint16_t)port, NULL, NULL) == OK);
}

TEST(no_state_is_left)
{
    (void)open_with(1000, 65535);
    pair_let_go();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(right.tcp->count == 0 && buf_pages_free() == buf_pages());
}
