/* SPDX-License-Identifier: ISC */
/* Two hosts on a wire, and the invariants of their connections. */
#include "pair.h"
#include <mirage/panic.h>
#include <stdio.h>
#include <string.h>

struct host left, right;
unsigned long pair_checks, pair_failures;
size_t pair_pages = 16384;

/* The state of a connection at the last check. */
struct before {
    uint32_t iss, rcv_adv, snd_una, rcv_nxt;
};

#define CONNECTIONS 4096 /* connections of a host, at most */

static struct before before[2][CONNECTIONS];
static const struct network_ops *real_ops;
static struct waiters sent;
static const struct connection *checked;
static const char *side;

static void found(const char *what)
{
    const struct connection *c = checked;

    if (pair_failures++ < 20)
        printf("%s, at %.6f s: port %u to %u, state %d: not so: %s\n"
               "  una %u nxt %u wnd %u cwnd %u queue %u "
               "rcv_nxt %u adv %u read %u\n",
               side, (double)time_now() / 1e9, c->local.port, c->peer.port,
               c->state, what, c->snd.una - c->iss, c->snd.nxt - c->iss,
               c->snd.wnd, c->cwnd, c->sndq.len,
               c->rcv.nxt - c->irs, c->rcv.adv - c->irs, c->rcvq.len);
}

#define HOLDS(condition) ((condition) ? (void)0 : found(#condition))

static void check_queues(const struct connection *c)
{
    uint32_t last = c->rcv.nxt;

    HOLDS(buf_length(c->sndq.first) == c->sndq.len);
    HOLDS(buf_length(c->rcvq.first) == c->rcvq.len);
    HOLDS(!c->sndq.first == !c->sndq.last);
    HOLDS(!c->rcvq.first == !c->rcvq.last);
    HOLDS(c->sndq.len <= c->sndq.limit + 65536);
    HOLDS(c->rcvq.len <= c->rcvq.limit + 65536);
    for (const struct ooo_run *h = c->ooo.first; h; h = h->next) {
        HOLDS(seq_after(h->seq, last) || h->seq == last);
        HOLDS(seq_after(h->seq, c->rcv.nxt));
        HOLDS(buf_length(h->data) == h->end - h->seq);
        HOLDS(!seq_after(h->end, c->rcv.adv));
        last = h->end;
    }
}

static void check_scoreboard(const struct connection *c)
{
    uint32_t at = c->snd.una, sum[3] = {0, 0, 0}, count = 0;
    nanoseconds last = 0;
    const struct sent_record *earlier = NULL;

    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
        return;
    for (const struct sent_record *r = c->sent.first; r; r = r->next, count++) {
        HOLDS(r->seq == at && seq_before(r->seq, r->end));
        sum[r->state] += r->end - r->seq;
        at = r->end;
        if (!r->next)
            HOLDS(r == c->sent.last);
    }
    HOLDS(at == c->snd.nxt && count == c->sent.count);
    HOLDS(sum[SENT_IN_FLIGHT] == c->sent.in_flight &&
          sum[SENT_LOST] == c->sent.lost && sum[SENT_SACKED] == c->sent.sacked);
    for (const struct sent_record *r = c->sent.earliest; r;
         earlier = r, r = r->later) {
        HOLDS(r->state == SENT_IN_FLIGHT && r->earlier == earlier);
        HOLDS(r->xmit_ts >= last);
        last = r->xmit_ts;
        sum[SENT_IN_FLIGHT] -= r->end - r->seq;
    }
    HOLDS(sum[SENT_IN_FLIGHT] == 0 && c->sent.latest == earlier);
    HOLDS(c->recovery.phase >= TCP_RECOVERY || c->sent.lost == 0);
}

static void check_timers(const struct connection *c)
{
    bool unsent = seq_before(c->snd.nxt, c->sndq.seq + c->sndq.len +
                                             c->shut_writing) &&
                  c->state != TCP_TIMED_WAIT && c->state != TCP_FIN_WAIT_2;

    if (c->snd.una != c->snd.nxt)
        HOLDS(c->clock[TCP_RETRANSMIT] != FOREVER);
    else if (unsent && c->state != TCP_SYN_SENT)
        HOLDS(c->clock[TCP_RETRANSMIT] != FOREVER || c->is_scheduled);
    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
        HOLDS(c->clock[TCP_RETRANSMIT] != FOREVER || c->is_scheduled);
    if (c->state == TCP_TIMED_WAIT ||
        (c->state == TCP_FIN_WAIT_2 && !c->is_held))
        HOLDS(c->clock[TCP_END] != FOREVER);
    if (c->ack.unacked > 0)
        HOLDS(c->clock[TCP_ACKNOWLEDGE] != FOREVER || c->is_scheduled);
    for (int i = 0; i < TCP_CLOCKS; i++)
        if (c->clock[i] != FOREVER) {
            HOLDS(wheel_is_set(&c->timer));
            HOLDS(c->timer.deadline <= c->clock[i]);
        }
}

static void check_connection(const struct connection *c, struct before *b)
{
    checked = c;
    HOLDS(!seq_after(c->snd.una, c->snd.nxt));
    HOLDS(!seq_after(c->rcv.nxt,
                     c->rcv.adv + 1)); /* a FIN takes no buffer space */
    HOLDS(c->error == OK);
    if (c->state != TCP_SYN_SENT && c->state != TCP_SYN_RECEIVED)
        HOLDS(c->cwnd >= c->mss && c->mss > 0);
    if (b->iss == c->iss) {
        HOLDS(!seq_before(c->rcv.adv, b->rcv_adv) || b->rcv_adv == 0);
        HOLDS(!seq_before(c->snd.una, b->snd_una));
        HOLDS(!seq_before(c->rcv.nxt, b->rcv_nxt) || b->rcv_nxt == 0);
    }
    *b = (struct before){c->iss, c->rcv.adv, c->snd.una, c->rcv.nxt};
    check_queues(c);
    check_scoreboard(c);
    check_timers(c);
}

static void check_all(void *ctx)
{
    struct tcpv4 *const tcp[] = {left.tcp, right.tcp};

    (void)ctx;
    for (;;) {
        for (int i = 0; i < 2; i++) {
            side = i ? "right" : "left";
            require(tcp[i]->pool.used <= CONNECTIONS);
            for (size_t at = 0; at < tcp[i]->pool.used; at++) {
                const struct connection *c = tcp_pool_at(&tcp[i]->pool, at);

                if (c->state != TCP_CLOSED)
                    check_connection(c, &before[i][at]);
            }
        }
        pair_checks++;
        if (wait_until(&sent, FOREVER) != OK)
            return;
    }
}

static void write_and_check(struct network *n, struct buf *frame)
{
    wake_all(&sent);
    real_ops->write(n, frame);
}

void pair_watch(void)
{
    static const struct network_ops ops = {.write = write_and_check};

    real_ops = left.net->ops;
    left.net->ops = right.net->ops = &ops;
    require(fiber_start(check_all, NULL) == OK);
}

static void make(struct host *h, uint8_t number, uint16_t mtu,
                 unsigned features)
{
    struct ip_address own = ipv4_address(10, 0, 0, number);

    require(sim_network("wire", mtu, features, &h->net) == OK &&
            ethernet_connect(h->net, &h->ethernet) == OK &&
            arp_connect(h->ethernet, &h->arp) == OK &&
            ipv4_connect(h->arp, &h->ip) == OK &&
            icmpv4_connect(h->ip, &h->icmp) == OK &&
            udpv4_connect(h->ip, &h->udp) == OK &&
            tcpv4_connect(h->ip, &h->tcp) == OK);
    ipv4_set_address(h->ip, own, 24, ipv4_of_number(0));
    arp_set_address(h->arp, own, 24);
}

void pair_make(uint16_t mtu, unsigned features)
{
    require(buf_reserve(pair_pages) == OK);
    make(&left, 1, mtu, features);
    make(&right, 2, mtu, features);
}

void pair_faults(const struct sim_faults *faults)
{
    struct sim_faults f = *faults;

    sim_set_faults(left.net, &f);
    f.seed = f.seed ? f.seed ^ 0x5555555555555555 : 0;
    sim_set_faults(right.net, &f);
}

struct flow *pair_flow;

static unsigned plays; /* calls of pair_reset */
static struct waiters forgetting;

static void hold(void *ctx, struct flow *f, struct endpoint peer)
{
    unsigned play = plays;

    (void)ctx;
    (void)peer;
    pair_flow = f;
    while (play == plays)
        if (wait_until(&forgetting, FOREVER) != OK)
            break;
    if (pair_flow == f)
        pair_flow = NULL;
}

void pair_listen(uint16_t port)
{
    require(tcpv4_listen(right.tcp, port, hold, NULL) == OK);
}

struct flow *pair_open(uint16_t port)
{
    static const struct sim_faults none;
    struct endpoint to = {ipv4_address(10, 0, 0, 2), port};
    struct flow *f;

    pair_faults(&none);
    pair_flow = NULL;
    require(tcpv4_open(left.tcp, to, time_after(60 * SECOND), &f) == OK);
    require(time_sleep(10 * MILLISECOND) == OK && pair_flow != NULL);
    return f;
}

void pair_write(size_t len)
{
    static uint8_t data[1 << 20];

    require(len <= sizeof data &&
            flow_write(pair_flow, data, len, FOREVER) == OK);
}

static void drop_line(struct console *c, const char *text, size_t len)
{
    (void)c, (void)text, (void)len;
}

static const struct console_ops quiet = {.write = drop_line};
struct console pair_quiet = {.ops = &quiet};

void pair_let_go(void)
{
    plays++;
    wake_all(&forgetting);
}

void pair_reset(void)
{
    pair_let_go();
    tcpv4_reset(right.tcp, ERR_GONE);
}
