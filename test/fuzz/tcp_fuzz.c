/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes TCP in any state: the input gives the segments a hostile peer sends,
 * with numbers at the edges of windows, ICMP errors, how time passes, how pages
 * run out, and what the application calls. Invariants are checked after each
 * step. At the end the peer is honest: all connections must end, and leave no
 * state.
 *
 * The input is a list of steps: an action, one of four ports of the peer, and
 * arguments. Sequence numbers are relative to our own, so that they reach deep
 * states.
 */
#include "platform.h"
#include <net/tcp/tcp.h>
#include <net/ipv4_wheel.h>
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/ipv4.h>
#include <mirage/platform.h>
#include <mirage/tcpv4.h>
#include <stdlib.h>
#include <string.h>

#define PORT  80
#define PORTS 4 /* of the peer */
#define FLOWS 8
#define PAGES 512
#define MTU   1500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wheel wheel;
static struct ipv4 *ip;
static struct tcpv4 *tcp;
static size_t ooo_runs; /* of tcp's pool */

static const struct ip_address ours = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}};
static const struct ip_address theirs = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}};

/* Our last segment to each port of the peer. */
static struct {
    uint16_t local; /* our port */
    uint32_t seq, ack, time;
} seen[PORTS];

/* The application's flows. */
static struct flow_slot {
    struct flow *flow; /* NULL: none */
    bool is_done;
    struct waiters done;
} slots[FLOWS];

static unsigned fibers; /* of the application */
static bool is_honest;

static struct connection *of(unsigned port)
{
    return tcp_find(tcp, (struct endpoint){ours, seen[port].local},
                    (struct endpoint){theirs, (uint16_t)(4000 + port)});
}

static void input_packet(uint8_t *segment, size_t len)
{
    uint8_t header[IPV4_HEADER] = {0x45};
    struct buf *b = buf_new(0);

    put_be16(segment + 16, 0);
    put_be16(segment + 16,
             checksum_finish(checksum_add(
                 checksum_pseudo(theirs, ours, PROTOCOL_TCP, len), segment,
                 len)));
    put_be16(header + 2, (uint16_t)(sizeof header + len));
    header[8] = 64;
    header[9] = PROTOCOL_TCP;
    put_be32(header + 12, 0x0a000001);
    put_be32(header + 16, 0x0a000002);
    put_be16(header + 10, checksum_finish(checksum_add(0, header, 20)));
    if (!b)
        return; /* it was lost */
    memcpy(buf_append(b, sizeof header), header, sizeof header);
    memcpy(buf_append(b, len), segment, len);
    ipv4_input(ip, false, b);
}

static void say(unsigned port, uint8_t flags, uint32_t seq, uint32_t ack,
                uint16_t window, bool timestamps, uint32_t time, size_t len)
{
    uint8_t segment[TCP_MOST + 1400];
    struct tcp_segment s = {.from = (uint16_t)(4000 + port),
                            .to = seen[port].local,
                            .seq = seq,
                            .ack = ack,
                            .flags = flags,
                            .window = window,
                            .has_timestamps = timestamps,
                            .time = time,
                            .echo = seen[port].time};
    size_t header = tcp_emit(&s, segment);

    memset(segment + header, 'h', len);
    input_packet(segment, header + len);
}

/* Sends the answer of an honest peer: an ACK at its position. */
static void answer(unsigned port, const struct tcp_segment *s, size_t len)
{
    struct connection *c = of(port);
    uint32_t next;

    if (!c || s->flags & TCP_RST)
        return;
    next = s->seq + (uint32_t)len + (s->flags & TCP_SYN ? 1 : 0) +
           (s->flags & TCP_FIN ? 1 : 0);
    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED) {
        say(port, TCP_RST | TCP_ACK, c->rcv.nxt, c->iss + 1, 0, false, 0, 0);
        return;
    }
    if (seq_after(s->seq, c->snd.una) || seq_before(next, c->snd.una))
        next = c->snd.una;
    if (next != c->snd.una || len > 0 || s->flags & TCP_FIN)
        say(port, TCP_ACK, c->rcv.nxt, next, 65535, c->ts.is_on,
            c->ts.recent, 0);
}

/* Answers to send later: not from within the stack's output. */
static struct {
    unsigned port;
    struct tcp_segment s;
    size_t len;
} answers[256];
static unsigned answer_first, answer_count;

static void sink(void *ctx, struct ip_address next, bool to_many,
                 struct buf *packet)
{
    uint8_t p[IPV4_HEADER + TCP_MOST];
    size_t len = buf_length(packet);
    struct tcp_segment s;
    unsigned port;

    (void)ctx, (void)next, (void)to_many;
    check(len >= IPV4_HEADER + TCP_HEADER);
    buf_copy_out(packet, 0, p, len < sizeof p ? len : sizeof p);
    buf_free(packet);
    check(tcp_parse(p + IPV4_HEADER, len - IPV4_HEADER, &s));
    port = s.to - 4000u;
    if (port >= PORTS)
        return; /* an answer to a wrong port */
    seen[port].seq = s.seq + (uint32_t)(len - IPV4_HEADER - s.header) +
                     (s.flags & TCP_SYN ? 1 : 0);
    if (s.flags & TCP_ACK)
        seen[port].ack = s.ack;
    if (s.has_timestamps)
        seen[port].time = s.time;
    seen[port].local = s.from;
    if (is_honest && answer_count < 256) {
        answers[(answer_first + answer_count) % 256].port = port;
        answers[(answer_first + answer_count) % 256].s = s;
        answers[(answer_first + answer_count++) % 256].len =
            len - IPV4_HEADER - s.header;
    }
}

static struct flow_slot *free_slot(void)
{
    for (int i = 0; i < FLOWS; i++)
        if (!slots[i].flow)
            return &slots[i];
    return NULL;
}

static void have(struct flow *f)
{
    struct flow_slot *slot = free_slot();

    if (!slot)
        return;
    slot->flow = f;
    slot->is_done = false;
    while (!slot->is_done)
        check(wait_until(&slot->done, FOREVER) == OK);
    slot->flow = NULL;
}

static void serve(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    fibers++;
    have(f);
    fibers--;
}

static void open_one(void *ctx)
{
    struct endpoint to = {theirs, (uint16_t)(4000 + (uintptr_t)ctx)};
    struct flow *f;

    fibers++;
    if (tcpv4_open(tcp, to, time_after(20 * SECOND), &f) == OK) {
        have(f);
        flow_close(f);
    }
    fibers--;
}

static void check_timers(const struct connection *c)
{
    if (c->snd.una != c->snd.nxt)
        check(c->clock[TCP_RETRANSMIT] != FOREVER);
    if (c->state == TCP_TIMED_WAIT ||
        (c->state == TCP_FIN_WAIT_2 && !c->is_held))
        check(c->clock[TCP_END] != FOREVER);
    if (c->ack.unacked > 0)
        check(c->clock[TCP_ACKNOWLEDGE] != FOREVER || c->is_scheduled);
    for (int i = 0; i < TCP_CLOCKS; i++)
        if (c->clock[i] != FOREVER)
            check(wheel_is_set(&c->timer) && c->timer.deadline <= c->clock[i]);
}

static void check_connection(const struct connection *c)
{
    uint32_t last = c->rcv.nxt;
    unsigned runs = 0;

    check(!seq_after(c->snd.una, c->snd.nxt));
    check(!seq_after(c->rcv.nxt, c->rcv.adv + 1));
    check(c->error == OK);
    check(buf_length(c->sndq.first) == c->sndq.len);
    check(buf_length(c->rcvq.first) == c->rcvq.len);
    for (const struct ooo_run *h = c->ooo.first; h; h = h->next, runs++) {
        check(seq_after(h->seq, last) && seq_after(h->end, h->seq));
        check(!seq_after(h->end, c->rcv.adv));
        check(buf_length(h->data) == h->end - h->seq);
        last = h->end;
    }
    check(runs == c->ooo.count);
    if (c->state != TCP_SYN_SENT && c->state != TCP_SYN_RECEIVED)
        check(c->cwnd >= c->mss && c->mss > 0);
    /* Nothing was sent that is not in the queue, except a FIN. */
    if (c->state >= TCP_ESTABLISHED)
        check(!seq_after(c->snd.nxt, c->sndq.seq + c->sndq.len + 1));
    check_timers(c);
}

static void check_all(void)
{
    unsigned count = 0, half_open = 0;

    for (size_t i = 0; i < tcp->pool.used; i++) {
        const struct connection *c = tcp_pool_at(&tcp->pool, i);

        if (c->state == TCP_CLOSED)
            continue;
        count++;
        half_open += c->state == TCP_SYN_RECEIVED && c->is_passive &&
                     c->half_open != TCP_HALF_OPEN;
        check_connection(c);
    }
    check(count == tcp->count && half_open == tcp->half_open);
}

static uint32_t hostile_seq(const struct connection *c, unsigned port,
                            unsigned how, uint8_t by)
{
    switch (how) {
    case 0:
    case 1:
        return c->rcv.nxt;
    case 2:
        return c->rcv.nxt - 1;
    case 3:
        return c->rcv.nxt - by;
    case 4:
        return c->rcv.nxt + by;
    case 5:
        return c->rcv.nxt + by * 100u;
    case 6:
        return c->rcv.adv - 1;
    case 7:
        return c->rcv.adv;
    case 8:
        return c->rcv.adv + 1;
    case 9:
        return c->rcv.adv - by * 10u;
    case 10:
        return c->irs;
    case 11:
        return c->ooo.first ? c->ooo.first->seq : c->rcv.nxt + 1;
    case 12:
        return c->ooo.first ? c->ooo.first->end : c->rcv.nxt + 2;
    case 13:
        return c->ooo.first ? c->ooo.first->seq - by : c->snd.wl1;
    case 14:
        return c->rcv.nxt + 0x80000000u - by;
    default:
        return 1000u * port;
    }
}

static uint32_t hostile_ack(const struct connection *c, unsigned how,
                            uint8_t by)
{
    switch (how) {
    case 0:
    case 1:
    case 2:
        return c->snd.nxt;
    case 3:
    case 4:
        return c->snd.una;
    case 5:
        return c->snd.nxt;
    case 6:
        return c->snd.una + by;
    case 7:
        return c->snd.una + by * 100u;
    case 8:
        return c->snd.una - by;
    case 9:
        return c->snd.nxt + 1;
    case 10:
        return c->iss;
    case 11:
        return c->iss + 1;
    case 12:
        return c->snd.una - c->snd.max_wnd - 1;
    case 13:
        return c->sndq.seq + c->sndq.len;
    case 14:
        return c->snd.una + 0x80000000u - by;
    default:
        return by;
    }
}

/* Adds up to three SACK blocks near what we have sent. */
static size_t add_sack(const struct connection *c, uint8_t *p, size_t header)
{
    unsigned blocks = next_byte() % 4;

    if (header + 4 + 8 * blocks > TCP_MOST || blocks == 0)
        return header;
    p[header] = p[header + 1] = 1;
    p[header + 2] = 5;
    p[header + 3] = (uint8_t)(2 + 8 * blocks);
    for (unsigned i = 0; i < blocks; i++) {
        uint32_t from = (c ? c->snd.una : 0) + next_byte() * 100u - 500u;

        put_be32(p + header + 4 + 8 * i, from);
        put_be32(p + header + 8 + 8 * i, from + next_byte() * 100u - 200u);
    }
    header += 4 + 8 * blocks;
    p[12] = (uint8_t)(header / 4 << 4);
    return header;
}

static void send_hostile_segment(unsigned port)
{
    static const uint16_t windows[] = {65535, 65535, 0, 1,
                                       100, 1460, 3000, 32768};
    const struct connection *c = of(port);
    uint8_t flags = next_byte(), numbers = next_byte(), by = next_byte();
    uint8_t size = next_byte(), more = next_byte(), segment[2000];
    size_t len = size < 64 ? 0 : (size - 64) * 7u, header;
    struct tcp_segment s = {
        .from = (uint16_t)(4000 + port),
        .to = seen[port].local,
        .flags = flags & 0x3f,
        .window = windows[more & 7],
        .has_timestamps = more & 8,
        .echo = seen[port].time,
    };

    if (flags & 0x40) /* usually an ACK */
        s.flags = TCP_ACK | (flags & (TCP_PSH | TCP_FIN));
    if (flags & TCP_SYN) {
        s.has_mss = more & 16;
        s.mss = (uint16_t)(by * 8);
        s.has_scale = more & 32;
        s.scale = by % 15;
        s.may_sack = more & 64;
    }
    s.seq = c             ? hostile_seq(c, port, numbers & 15, by)
            : numbers & 1 ? seen[port].ack
                          : 1000u * port + by;
    s.ack = c ? hostile_ack(c, numbers >> 4, by)
              : seen[port].seq + (numbers & 16 ? by : 0);
    if (s.has_timestamps)
        s.time = (c ? c->ts.recent : 100) + (more & 128 ? 0u - by : by);
    header = tcp_emit(&s, segment);
    if (more & 64 && !(s.flags & TCP_SYN))
        header = add_sack(c, segment, header);
    memset(segment + header, 'x', len);
    if (flags & 0x80) { /* flip a bit anywhere */
        unsigned bit = next_byte() * 8u + next_byte() % 8u;

        segment[bit / 8 % (header + len)] ^= (uint8_t)(1 << bit % 8);
    }
    input_packet(segment, header + len);
}

/* Sends an ICMP error for one of our segments. */
static void send_icmp_error(unsigned port)
{
    static const enum status statuses[] = {ERR_RANGE, ERR_UNREACHABLE,
                                           ERR_REFUSED, ERR_TIMEOUT};
    const struct connection *c = of(port);
    struct ipv4_packet packet = {
        .from = ours, .to = theirs, .protocol = PROTOCOL_TCP};
    uint8_t how = next_byte(), by = next_byte(), start[8];
    struct ipv4_error error = {statuses[how & 3], (uint16_t)(by * 8)};

    put_be16(start, seen[port].local);
    put_be16(start + 2, (uint16_t)(4000 + port));
    put_be32(start + 4, c ? hostile_ack(c, how >> 4, by) : by);
    ipv4_failed(ip, &packet, start, sizeof start, &error);
}

static void pass(nanoseconds length)
{
    check(time_sleep(length) == OK);
}

static void call_flow(unsigned which)
{
    static const uint8_t data[3000];
    struct flow_slot *slot = &slots[which % FLOWS];
    struct flow *f = slot->flow;
    uint8_t how = next_byte(), by = next_byte();
    const struct flow_options options = {
        .no_delay = by & 1,
        .keepalive_idle = by & 2 ? 10 * SECOND : 0,
        .keepalive_interval = by & 4 ? 5 * SECOND : 0,
        .keepalive_probes = by >> 6,
        .user_timeout = by & 8 ? 20 * SECOND : 0};
    struct buf *b;

    if (!f)
        return;
    switch (how % 8) {
    case 0:
    case 1:
        if (flow_read(f, &b, 0) == OK)
            buf_free(b);
        break;
    case 2:
    case 3:
        if (flow_write(f, data, by * 11u, 0) != OK)
            return;
        break;
    case 4:
        b = buf_copy_in(data, by * 3u + 1, 0);
        if (b && flow_write_bufs(f, b, 0) != OK)
            return;
        break;
    case 5:
        flow_shutdown(f, by & 1 ? FLOW_READING : FLOW_WRITING);
        break;
    case 6:
        if (by & 0x80)
            flow_abort(f);
        else
            flow_set_options(f, &options);
        break;
    case 7:
        slot->is_done = true;
        wake_all(&slot->done);
        break;
    }
}

static struct buf *stolen;

/* Leaves the stack only so many pages; how is even: all of them. */
static void take_pages(uint8_t how)
{
    size_t left = how & 1 ? (how >> 1) * 2u : PAGES;
    struct buf *b;

    while (stolen && buf_pages_free() < left) {
        b = stolen;
        stolen = b->next;
        b->next = NULL;
        buf_free(b);
    }
    while (buf_pages_free() > left && (b = buf_new(0)) != NULL) {
        b->next = stolen;
        stolen = b;
    }
}

static void step(void)
{
    static const nanoseconds lengths[] = {
        MILLISECOND,
        5 * MILLISECOND,
        41 * MILLISECOND,
        210 * MILLISECOND,
        SECOND,
        5 * SECOND,
        61 * SECOND,
        310 * SECOND,
    };
    uint8_t what = next_byte();
    unsigned port = what >> 3 & 3;
    struct tcp_limits limits;

    switch (what & 7) {
    case 0:
    case 1:
    case 2:
        send_hostile_segment(port);
        break;
    case 3:
        pass(lengths[what >> 3 & 7]);
        break;
    case 4:
    case 5:
        call_flow(what >> 3);
        break;
    case 6:
        if (what & 0x80)
            send_icmp_error(port);
        else if (fiber_start(open_one, (void *)(uintptr_t)port) != OK)
            return;
        break;
    case 7:
        if (what & 0x80) {
            take_pages(next_byte());
        } else {
            limits = (struct tcp_limits){.handlers = next_byte() % 4,
                                         .half_open = next_byte() % 4};
            check(tcpv4_limit(tcp, PORT, &limits) == OK);
        }
        break;
    }
}

/* No connection waits for the peer, which is honest. */
static bool is_settled(void)
{
    if (answer_count > 0)
        return false;
    for (size_t i = 0; i < tcp->pool.used; i++) {
        const struct connection *c = tcp_pool_at(&tcp->pool, i);

        if (c->state != TCP_CLOSED &&
            (c->state < TCP_ESTABLISHED || c->sndq.len > 0 ||
             c->snd.una != c->snd.nxt || c->rcvq.len > 0))
            return false;
    }
    return true;
}

/* Answers all segments as an honest peer, until no connection is left or the
 * time has passed; or, if it ends early, until no connection waits for it. */
static void run_honest_peer(nanoseconds length, bool ends_early)
{
    nanoseconds until = time_after(length);

    while (fuzz_now < until && (tcp->count > 0 || fibers > 0)) {
        nanoseconds next = wheel_next(&wheel) + MILLISECOND;
        bool answered = answer_count > 0;

        for (int n = 0; n < 64 && answer_count > 0; n++) {
            unsigned i = answer_first++ % 256;

            answer_count--;
            answer(answers[i].port, &answers[i].s, answers[i].len);
        }
        /* Our answers are received at once. */
        pass(answered                          ? MILLISECOND
             : next > fuzz_now && next < until ? next - fuzz_now
                                               : SECOND);
        for (int i = 0; i < FLOWS; i++) {
            struct buf *b;

            while (slots[i].flow && flow_read(slots[i].flow, &b, 0) == OK)
                buf_free(b);
        }
        check_all();
        if (ends_early && is_settled())
            break;
    }
}

static void fill_holes(void)
{
    for (unsigned port = 0; port < PORTS; port++) {
        struct connection *c = of(port);

        for (int i = 0; i < 100 && c && !c->fin_received &&
                        c->state >= TCP_ESTABLISHED &&
                        (seq_before(c->rcv.nxt, c->snd.wl1) || c->ooo.first ||
                         c->fin_pending);
             i++) {
            say(port, TCP_ACK, c->rcv.nxt, c->snd.una, 65535, c->ts.is_on,
                c->ts.recent, 1000);
            run_honest_peer(10 * MILLISECOND, false);
            c = of(port);
        }
    }
}

static void close_all(void)
{
    for (int i = 0; i < FLOWS; i++) {
        slots[i].is_done = true;
        wake_all(&slots[i].done);
    }
}

static void make_stack(void)
{
    check(buf_reserve(PAGES) == OK && wheel_start(&wheel) == OK &&
          ipv4_connect_with_wheel(sink, NULL, &wheel, MTU, 0, &ip) == OK &&
          tcpv4_connect(ip, &tcp) == OK);
    ipv4_set_address(ip, ours, 24, ipv4_of_number(0));
    check(tcpv4_listen(tcp, PORT, serve, NULL) == OK);
    ooo_runs = tcp->ooo_free_count;
}

/* Frees the memory of connections: each input begins with none, and use of one
 * that an input before had is seen. */
static void renew_pool(void)
{
    check(tcp->pool.in_use == 0 && tcp->pool.linked == 0);
    tcp_pool_free(&tcp->pool);
    tcp->pool = (struct tcp_pool){.used = 0};
    check(tcp_pool_init(&tcp->pool) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tcp_limits none;

    if (!tcp)
        make_stack();
    begin_input(data, size);
    is_honest = false;
    for (int i = 0; i < PORTS; i++)
        seen[i].local = PORT;
    while (fuzz_left > 0) {
        step();
        if (fiber_yield() != OK || fiber_yield() != OK)
            abort();
        check_all();
    }
    take_pages(0);
    is_honest = true;
    fill_holes();
    /* All data must be delivered within a few window probes. */
    run_honest_peer(400 * SECOND, true);
    for (size_t i = 0; i < tcp->pool.used; i++) {
        const struct connection *c = tcp_pool_at(&tcp->pool, i);

        /* (By RFC 9293 the window of the highest sequence number is valid: one
         * that is beyond the peer's position cannot be revoked.) */
        if (c->state >= TCP_ESTABLISHED &&
            !seq_after(c->snd.wl1, c->rcv.nxt))
            check(c->sndq.len == 0 && c->snd.una == c->snd.nxt);
        else if (c->state >= TCP_ESTABLISHED)
            tcp_abort(tcp_pool_at(&tcp->pool, i), ERR_GONE);
    }
    close_all();
    run_honest_peer(700 * SECOND, false);
    check(tcp->count == 0 && tcp->half_open == 0 && fibers == 0);
    renew_pool();
    check(tcp->ooo_free_count == ooo_runs);
    check(buf_pages_free() == buf_pages());
    check(tcpv4_limit(tcp, PORT, &none) == OK);
    return 0;
}
