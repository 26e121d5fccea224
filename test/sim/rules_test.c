/* SPDX-License-Identifier: ISC */
/*
 * Every event in every state, at every edge of the window, is answered as
 * RFC 9293, 3.10.7 and RFC 5961 send_segment.
 */
#include "check.h"
#include "peer.h"

#define DATA   10 /* bytes of a segment with data */
#define BRIEF  (60 * MILLISECOND) /* less than any timeout of ours */
#define LISTEN 80
#define NOBODY 81

static uint16_t peer_port = 1000;
static uint32_t peer_iss;

static void send_segment(uint16_t to, uint8_t flags, uint32_t seq, uint32_t ack,
                         size_t len)
{
    static const uint8_t data[DATA] = "abcdefghi";
    struct tcp_segment s = {
        .from = peer_port,
        .to = to,
        .seq = seq,
        .ack = ack,
        .flags = flags,
        .window = 65535,
    };

    peer_send(&s, data, len);
}

/* Forgets all connections; the next has ports of its own. */
static void begin(void)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(21);
        pair_make(1500, 0);
        pair_listen(LISTEN);
        peer_begin();
        send_segment(NOBODY, TCP_SYN, 1, 0, 0); /* ARP */
        is_made = true;
    }
    pair_reset();
    peer_ignores(BRIEF);
    peer_port++;
}

static struct connection *ours_at(uint16_t port)
{
    return tcp_find(right.tcp,
                    (struct endpoint){ipv4_address(10, 0, 0, 2), port},
                    (struct endpoint){ipv4_address(10, 0, 0, 1), peer_port});
}

/* Makes a connection in that state, and forgets the segments received. */
static struct connection *reach(enum tcp_state state)
{
    struct connection *c;
    struct seen seen;

    begin();
    send_segment(LISTEN, TCP_SYN, peer_iss, 0, 0);
    CHECK(peer_sees(&seen, SECOND));
    c = ours_at(LISTEN);
    if (!c || state == TCP_SYN_RECEIVED)
        return c;
    send_segment(LISTEN, TCP_ACK, peer_iss + 1, c->iss + 1, 0);
    CHECK(time_sleep(1) == OK && pair_flow != NULL);
    if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
        send_segment(LISTEN, TCP_ACK | TCP_FIN, peer_iss + 1, c->iss + 1, 0);
    CHECK(time_sleep(1) == OK);
    if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
        flow_shutdown(pair_flow, FLOW_WRITING);
    CHECK(time_sleep(1) == OK);
    if (state == TCP_FIN_WAIT_2 || state == TCP_TIMED_WAIT)
        send_segment(LISTEN, TCP_ACK, peer_iss + 1, c->iss + 2, 0);
    if (state == TCP_CLOSING)
        send_segment(LISTEN, TCP_ACK | TCP_FIN, peer_iss + 1, c->iss + 1, 0);
    if (state == TCP_TIMED_WAIT)
        send_segment(LISTEN, TCP_ACK | TCP_FIN, peer_iss + 1, c->iss + 2, 0);
    peer_ignores(MILLISECOND);
    CHECK(c->state == state);
    return c;
}

/*
 * The expected answer to a segment that begins below the window, at its first
 * byte, inside, at its last byte, and beyond:
 *
 *     -     none
 *     A     an ACK of rcv.nxt as before
 *     +     an ACK of the segment
 *     x     none, and the connection has ended
 *
 * RFC 9293, 3.10.7.4; RFC 5961, 3.2 (RST), 4.2 (SYN), 5.2 (ACK); RFC 1337 for
 * RST in TIME-WAIT. "Beyond" is further than the first byte after the window,
 * at which a segment without data is acceptable (figures_test).
 */
enum which_ack { PRESENT,
                 OLD,
                 TOO_OLD,
                 AHEAD };

struct rule {
    const char *event;
    uint8_t flags;
    size_t len;
    enum which_ack ack;
    const char *open; /* states in which the peer may send */
    const char *closed; /* after its FIN */
    const char *forgotten; /* in TIME-WAIT */
};

static const struct rule rules[] = {
    {"SYN", TCP_SYN, 0, PRESENT, "AAAAA", "AAAAA", "AAAAA"},
    {"SYN,ACK", TCP_SYN | TCP_ACK, 0, PRESENT, "AAAAA", "AAAAA", "AAAAA"},
    {"SYN with data", TCP_SYN, DATA, PRESENT, "AAAAA", "AAAAA", "AAAAA"},
    {"SYN,FIN", TCP_SYN | TCP_FIN, 0, PRESENT, "AAAAA", "AAAAA", "AAAAA"},
    {"RST", TCP_RST, 0, PRESENT, "-xAA-", "-xAA-", "--AA-"},
    {"RST,ACK", TCP_RST | TCP_ACK, 0, AHEAD, "-xAA-", "-xAA-", "--AA-"},
    {"RST,SYN", TCP_RST | TCP_SYN, 0, PRESENT, "-xAA-", "-xAA-", "--AA-"},
    {"RST with data", TCP_RST, DATA, PRESENT, "-xAA-", "-xAA-", "--AA-"},
    {"no flags", 0, 0, PRESENT, "A---A", "A---A", "A---A"},
    {"data alone", 0, DATA, PRESENT, "A---A", "A---A", "A---A"},
    {"FIN alone", TCP_FIN, 0, PRESENT, "A---A", "A---A", "A---A"},
    {"ACK", TCP_ACK, 0, PRESENT, "A---A", "A---A", "A---A"},
    {"old ACK", TCP_ACK, 0, OLD, "A---A", "A---A", "A---A"},
    {"ACK of long ago", TCP_ACK, 0, TOO_OLD, "AAAAA", "AAAAA", "AAAAA"},
    {"ACK of the future", TCP_ACK, 0, AHEAD, "AAAAA", "AAAAA", "AAAAA"},
    {"data", TCP_ACK, DATA, PRESENT, "A+AAA", "A---A", "A---A"},
    {"data, old ACK", TCP_ACK, DATA, OLD, "A+AAA", "A---A", "A---A"},
    {"data, ACK of long ago", TCP_ACK, DATA, TOO_OLD, "AAAAA", "AAAAA",
     "AAAAA"},
    {"data, ACK of the future", TCP_ACK, DATA, AHEAD, "AAAAA", "AAAAA",
     "AAAAA"},
    {"FIN", TCP_FIN | TCP_ACK, 0, PRESENT, "A+AAA", "A---A", "A---A"},
    {"FIN with data", TCP_FIN | TCP_ACK, DATA, PRESENT, "A+AAA", "A---A",
     "A---A"},
};

static uint32_t ack_of(const struct connection *c, enum which_ack which)
{
    return which == OLD       ? c->snd.una - 1
           : which == TOO_OLD ? c->snd.una - c->snd.max_wnd - 1
           : which == AHEAD   ? c->snd.nxt + 1
                              : c->snd.una;
}

static uint32_t place_of(const struct connection *c, int place)
{
    return place == 0   ? c->rcv.nxt - 100
           : place == 1 ? c->rcv.nxt
           : place == 2 ? c->rcv.nxt + 1000
           : place == 3 ? c->rcv.adv - 1
                        : c->rcv.adv + 1000;
}

static enum tcp_state after_fin(enum tcp_state state)
{
    return state == TCP_ESTABLISHED  ? TCP_CLOSE_WAIT
           : state == TCP_FIN_WAIT_1 ? TCP_CLOSING
           : state == TCP_FIN_WAIT_2 ? TCP_TIMED_WAIT
                                     : state;
}

/* Was the answer as expected? */
static bool is_answered(uint16_t port, char wanted, enum tcp_state state,
                        const struct rule *r, const struct connection *was)
{
    uint32_t brought = r->len + (r->flags & TCP_FIN ? 1 : 0);
    uint32_t ack = was->rcv.nxt + (wanted == '+' ? brought : 0);
    struct connection *c;
    struct seen seen, more;
    bool answered = peer_sees(&seen, BRIEF);

    c = ours_at(port);
    if (wanted == 'x')
        return !answered && !c;
    if (wanted == '+' && r->flags & TCP_FIN)
        state = after_fin(state);
    if (!c || c->state != state || c->rcv.nxt != ack ||
        answered != (wanted != '-'))
        return false;
    return !answered ||
           (seen.s.flags == TCP_ACK && seen.s.seq == was->snd.nxt &&
            seen.s.ack == ack && seen.len == 0 && !peer_sees(&more, BRIEF));
}

static void try_all(enum tcp_state state)
{
    static const uint32_t firsts[] = {1000, 0xffffff00, 0x7fffffff};

    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
        for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
            for (int place = 0; place < 5; place++) {
                const struct rule *r = &rules[k];
                const char *wanted = state == TCP_TIMED_WAIT
                                         ? r->forgotten
                                     : state == TCP_ESTABLISHED ||
                                             state == TCP_FIN_WAIT_1 ||
                                             state == TCP_FIN_WAIT_2
                                         ? r->open
                                         : r->closed;
                struct connection *c, was;
                bool is_right;

                peer_iss = firsts[i];
                c = reach(state);
                CHECK(c != NULL);
                if (!c)
                    continue;
                was = *c;
                send_segment(LISTEN, r->flags, place_of(c, place),
                             ack_of(c, r->ack), r->len);
                is_right = is_answered(LISTEN, wanted[place], state, r, &was);
                if (!is_right)
                    printf("state %d, %s, place %d, first number %u:\n", state,
                           r->event, place, peer_iss);
                CHECK(is_right);
            }
}

TEST(established_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_ESTABLISHED);
}

TEST(fin_wait_1_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_FIN_WAIT_1);
}

TEST(fin_wait_2_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_FIN_WAIT_2);
}

TEST(close_wait_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_CLOSE_WAIT);
}

TEST(closing_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_CLOSING);
}

TEST(last_ack_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_LAST_ACK);
}

TEST(time_wait_every_event_at_every_edge_of_the_window)
{
    try_all(TCP_TIMED_WAIT);
}

/* RFC 9293, 3.10.7.4, fifth */
TEST(an_ack_of_our_fin_advances_the_state)
{
    static const struct {
        enum tcp_state from;
        int to; /* -1: no connection */
    } steps[] = {{TCP_FIN_WAIT_1, TCP_FIN_WAIT_2},
                 {TCP_CLOSING, TCP_TIMED_WAIT},
                 {TCP_LAST_ACK, -1}};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct connection *c;
        struct seen seen;

        peer_iss = 0xffffff00;
        c = reach(steps[i].from);
        CHECK(c != NULL);
        if (!c)
            continue;
        send_segment(LISTEN, TCP_ACK, c->rcv.nxt, c->snd.nxt, 0);
        CHECK(!peer_sees(&seen, BRIEF));
        c = ours_at(LISTEN);
        CHECK((c ? (int)c->state : -1) == steps[i].to);
    }
}

/*
 * Events before the connection is synchronised. The answer has flags (0: none),
 * a sequence number (S: our ISS; N: ISS + 1; A: the event's ACK number; 0) and
 * acknowledges the event, but for a RST without ACK; then the state (-1: no
 * connection).
 */
struct opening {
    uint8_t flags;
    int ack; /* less than, or more than, our ISS; 0x100: none */
    int seq; /* after the peer's ISS */
    size_t len;
    uint8_t answer;
    char number;
    int acked; /* after the peer's ISS */
    int state;
};

#define FSA (TCP_FIN | TCP_ACK)
#define RA  (TCP_RST | TCP_ACK)
#define SA  (TCP_SYN | TCP_ACK)

static bool plays(const struct opening *o, uint16_t to, uint32_t iss,
                  uint32_t ack)
{
    struct connection *c;
    struct seen seen;
    bool answered;

    send_segment(to, o->flags, peer_iss + (uint32_t)o->seq, ack, o->len);
    answered = peer_sees(&seen, BRIEF);
    c = ours_at(to);
    if (answered && o->number == 'S' && c)
        iss = c->iss;
    if (answered != (o->answer != 0) ||
        (c ? (int)c->state : -1) != o->state)
        return false;
    return !answered ||
           (seen.s.flags == o->answer &&
            seen.s.seq == (o->number == 'S'   ? iss
                           : o->number == 'N' ? iss + 1
                           : o->number == 'A' ? ack
                                              : 0) &&
            (seen.s.flags == TCP_RST ||
             seen.s.ack == peer_iss + (uint32_t)o->acked));
}

TEST(closed_every_segment_is_answered_by_a_reset)
{
    static const struct opening closed[] = {
        {TCP_SYN, 0, 0, 0, RA, '0', 1, -1},
        {TCP_SYN, 0, 0, DATA, RA, '0', 11, -1},
        {TCP_SYN | TCP_FIN, 0, 0, 0, RA, '0', 2, -1},
        {SA, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {TCP_ACK, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {TCP_ACK, 0, 0, DATA, TCP_RST, 'A', 0, -1},
        {FSA, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {TCP_FIN, 0, 0, 0, RA, '0', 1, -1},
        {TCP_FIN, 0, 0, DATA, RA, '0', 11, -1},
        {0, 0, 0, 0, RA, '0', 0, -1},
        {0, 0, 0, DATA, RA, '0', 10, -1},
        {TCP_RST, 0, 0, 0, 0, '0', 0, -1},
        {RA, 0, 0, 0, 0, '0', 0, -1},
        {TCP_RST | TCP_SYN, 0, 0, 0, 0, '0', 0, -1},
    };

    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        begin();
        peer_iss = 5000;
        CHECK(plays(&closed[i], NOBODY, 0, 777));
    }
}

TEST(listen_accepts_a_syn_resets_an_ack_and_drops_the_rest)
{
    static const struct opening listen[] = {
        {TCP_SYN, 0, 0, 0, SA, 'S', 1, TCP_SYN_RECEIVED},
        {TCP_SYN, 0, 0, DATA, SA, 'S', 1, TCP_SYN_RECEIVED},
        {SA, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {TCP_ACK, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {TCP_ACK, 0, 0, DATA, TCP_RST, 'A', 0, -1},
        {FSA, 0, 0, 0, TCP_RST, 'A', 0, -1},
        {0, 0, 0, 0, 0, '0', 0, -1},
        {0, 0, 0, DATA, 0, '0', 0, -1},
        {TCP_FIN, 0, 0, 0, 0, '0', 0, -1},
        {TCP_FIN | TCP_PSH | TCP_URG, 0, 0, 0, 0, '0', 0, -1},
        {TCP_SYN | TCP_FIN, 0, 0, 0, 0, '0', 0, -1},
        {TCP_RST, 0, 0, 0, 0, '0', 0, -1},
        {RA, 0, 0, 0, 0, '0', 0, -1},
        {TCP_RST | TCP_SYN, 0, 0, 0, 0, '0', 0, -1},
    };

    for (size_t i = 0; i < sizeof listen / sizeof listen[0]; i++) {
        begin();
        peer_iss = 5000;
        CHECK(plays(&listen[i], LISTEN, 0, 777));
    }
}

static enum status opened;

static void open_one(void *ctx)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), *(uint16_t *)ctx};
    struct flow *f;

    opened = ERR_IN_USE;
    opened = tcpv4_open(right.tcp, to, time_after(10 * SECOND), &f);
    if (opened == OK)
        flow_close(f);
}

TEST(syn_sent_accepts_only_an_ack_of_its_syn)
{
    static const struct opening sent[] = {
        {TCP_ACK, 0, 0, 0, TCP_RST, 'A', 0, TCP_SYN_SENT},
        {TCP_ACK, 2, 0, 0, TCP_RST, 'A', 0, TCP_SYN_SENT},
        {TCP_ACK, 1, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {TCP_ACK, 1, 0, DATA, 0, '0', 0, TCP_SYN_SENT},
        {SA, 0, 0, 0, TCP_RST, 'A', 0, TCP_SYN_SENT},
        {SA, 2, 0, 0, TCP_RST, 'A', 0, TCP_SYN_SENT},
        {TCP_RST, 1, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {RA, 0, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {RA, 2, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {RA, 1, 0, 0, 0, '0', 0, -1},
        {TCP_FIN, 1, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {FSA, 1, 0, 0, 0, '0', 0, TCP_SYN_SENT},
        {0, 1, 0, DATA, 0, '0', 0, TCP_SYN_SENT},
        {TCP_SYN, 1, 0, 0, SA, 'S', 1, TCP_SYN_RECEIVED},
    };

    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        struct seen seen;

        begin();
        peer_iss = 5000;
        CHECK(fiber_start(open_one, &peer_port) == OK);
        CHECK(peer_sees(&seen, SECOND) && seen.s.flags == TCP_SYN);
        CHECK(plays(&sent[i], seen.s.from, seen.s.seq,
                    seen.s.seq + (uint32_t)sent[i].ack));
        tcpv4_reset(right.tcp, ERR_GONE);
        CHECK(time_sleep(1) == OK);
        CHECK(opened == (sent[i].state == -1 ? ERR_REFUSED : ERR_GONE));
    }
}

TEST(syn_received_every_event_at_every_edge_of_the_window)
{
    static const struct opening received[] = {
        /* The same SYN: our SYN,ACK was lost or is late. */
        {TCP_SYN, 0, 0, 0, SA, 'S', 1, TCP_SYN_RECEIVED},
        /* Another SYN: in the window back to LISTEN, otherwise an ACK. */
        {TCP_SYN, 0, 1, 0, 0, '0', 0, -1},
        {TCP_SYN, 0, 900, 0, 0, '0', 0, -1},
        {TCP_SYN, 0, 65535, 0, 0, '0', 0, -1},
        {TCP_SYN, 0, -100, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_SYN, 0, 67000, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_RST, 0, -100, 0, 0, '0', 0, TCP_SYN_RECEIVED},
        {TCP_RST, 0, 1, 0, 0, '0', 0, -1},
        {TCP_RST, 0, 900, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_RST, 0, 65535, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_RST, 0, 65536, 0, 0, '0', 0, TCP_SYN_RECEIVED},
        {RA, 1, 1, 0, 0, '0', 0, -1},
        {TCP_ACK, 1, 1, 0, 0, '0', 0, TCP_ESTABLISHED},
        {TCP_ACK, 0, 1, 0, TCP_RST, 'A', 0, TCP_SYN_RECEIVED},
        {TCP_ACK, 2, 1, 0, TCP_RST, 'A', 0, TCP_SYN_RECEIVED},
        {TCP_ACK, 1, -100, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_ACK, 1, 67000, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {0, 1, 1, 0, 0, '0', 0, TCP_SYN_RECEIVED},
        {0, 1, 1, DATA, 0, '0', 0, TCP_SYN_RECEIVED},
        {0, 1, -100, 0, TCP_ACK, 'N', 1, TCP_SYN_RECEIVED},
        {TCP_FIN, 1, 1, 0, 0, '0', 0, TCP_SYN_RECEIVED},
        {TCP_ACK, 1, 1, DATA, TCP_ACK, 'N', 11, TCP_ESTABLISHED},
        {TCP_ACK, 1, 900, DATA, TCP_ACK, 'N', 1, TCP_ESTABLISHED},
        {FSA, 1, 1, 0, TCP_ACK, 'N', 2, TCP_CLOSE_WAIT},
        {FSA, 1, 1, DATA, TCP_ACK, 'N', 12, TCP_CLOSE_WAIT},
    };

    for (size_t i = 0; i < sizeof received / sizeof received[0]; i++) {
        struct connection *c;
        bool is_right;

        peer_iss = 0xffffff00;
        c = reach(TCP_SYN_RECEIVED);
        CHECK(c != NULL);
        is_right = c && plays(&received[i], LISTEN, c->iss,
                              c->iss + (uint32_t)received[i].ack);
        if (!is_right)
            printf("case %zu:\n", i);
        CHECK(is_right);
    }
}

TEST(challenge_acks_are_limited_per_connection)
{
    struct connection *c = reach(TCP_ESTABLISHED);
    struct seen seen;
    int answers = 0;

    for (int i = 0; i < 1000; i++) {
        send_segment(LISTEN, TCP_SYN, peer_iss + 5000, 0, 0);
        send_segment(LISTEN, TCP_RST, peer_iss + 5000, 0, 0);
        send_segment(LISTEN, TCP_ACK, peer_iss - 5000, c->snd.una, 0);
        while (peer_sees(&seen, 0))
            answers++;
        CHECK(time_sleep(100 * MICROSECOND) == OK);
    }
    while (peer_sees(&seen, BRIEF))
        answers++;
    CHECK(answers == 10);
    /* Segments with data are acknowledged nevertheless, */
    send_segment(LISTEN, TCP_ACK, peer_iss - 5000, c->snd.una, DATA);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == c->rcv.nxt);
    /* and another peer is challenged. */
    peer_port++;
    send_segment(LISTEN, TCP_SYN, peer_iss, 0, 0);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == SA);
    send_segment(LISTEN, TCP_ACK, peer_iss + 1, seen.s.seq + 1, 0);
    send_segment(LISTEN, TCP_RST, peer_iss + 5000, 0, 0);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == TCP_ACK);
    peer_port--;
    CHECK(time_sleep(SECOND) == OK);
    send_segment(LISTEN, TCP_RST, peer_iss + 5000, 0, 0);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == TCP_ACK);
}

TEST(ts_recent_is_updated_only_with_an_acceptable_ack)
{
    struct connection *c = reach(TCP_ESTABLISHED);
    struct tcp_segment s = {.from = peer_port,
                            .to = LISTEN,
                            .seq = c->rcv.nxt,
                            .flags = TCP_PSH,
                            .has_timestamps = true,
                            .time = 1000000};
    struct seen seen;

    c->ts.is_on = true;
    peer_send(&s, "x", 1); /* no ACK at all */
    s.flags = TCP_ACK;
    s.ack = c->snd.una - c->snd.max_wnd - 5;
    peer_send(&s, "x", 1);
    CHECK(time_sleep(BRIEF) == OK && c->ts.recent == 0);
    peer_ignores(0);
    s.ack = c->snd.una;
    s.time = 1;
    peer_send(&s, "x", 1);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.ack == s.seq + 1);
    CHECK(c->ts.recent == 1);
}

TEST(abort_sends_a_reset_without_ack)
{
    struct connection *c = reach(TCP_ESTABLISHED);
    uint32_t nxt = c->snd.nxt;
    struct seen seen;

    flow_abort(pair_flow);
    CHECK(peer_sees(&seen, BRIEF) && seen.s.flags == TCP_RST &&
          seen.s.seq == nxt);
    begin();
}

TEST(no_state_is_left)
{
    begin();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(right.tcp->count == 0 && right.tcp->half_open == 0);
    CHECK(buf_pages_free() == buf_pages());
}
