/* SPDX-License-Identifier: ISC */
/*
 * Path MTU discovery (RFC 1191, RFC 4821, RFC 8899), and other ICMP errors.
 *
 * ICMP can be spoofed: an error is believed only for segments in flight (RFC
 * 5927), never below a minimum, and a larger MTU is probed later. Black holes,
 * where ICMP is filtered, are detected by timeouts (RFC 4821, 7.7). A probe is
 * one longer segment of data; its loss costs nothing else.
 */
#include "tcp.h"

#define LEAST_MTU 552 /* as in Linux; below, without DF */
#define BASE_MTU  1200 /* RFC 8899, 5.1.2 */
#define SMALL_MTU 576 /* RFC 1122, 3.3.2 */
#define RAISE     (600 * SECOND) /* RFC 8899, 5.1.1; RFC 1191, 6.3 */
#define GUESSED   (60 * SECOND) /* the same, for a detected black hole */
#define NEAR      32 /* a smaller gain is not probed for */

/* The data bytes of a segment in a packet of mtu bytes. */
static uint32_t segment_of(const struct connection *c, uint16_t mtu)
{
    uint32_t headers = IPV4_HEADER + TCP_HEADER +
                       (c->ts.is_on ? TCP_TIMESTAMPS : 0);

    return mtu > headers ? mtu - headers : 0;
}

bool path_set_mtu(struct connection *c, uint16_t mtu)
{
    uint32_t segment = segment_of(c, mtu);

    if (mtu < 68 + IPV4_HEADER + TCP_HEADER || segment >= c->mss)
        return false;
    c->mss = (uint16_t)segment;
    c->path.raise_at = time_after(RAISE);
    c->path.probed_mss = c->path.max_mss;
    return true;
}

/* Marks longer segments as lost, which is no sign of congestion. */
static void mark_longer_lost(struct connection *c, uint32_t segment)
{
    for (struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_IN_FLIGHT && r->segment > segment &&
            r->end - r->seq > segment) {
            r->is_probe = false;
            sent_set_state(c, r, SENT_LOST);
        }
    if (c->sent.lost > 0)
        recovery_begin_keeping_cwnd(c);
}

static bool has_longer_in_flight(const struct connection *c, uint32_t segment)
{
    for (const struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_IN_FLIGHT && r->segment > segment &&
            r->end - r->seq > segment)
            return true;
    return false;
}

/* After a lost probe: the next has segment bytes, or if the gain is small, much
 * later the maximum. */
static void set_next_probe(struct connection *c, uint16_t segment)
{
    c->path.probed_mss = segment;
    if (segment >= c->mss + NEAR)
        return;
    c->path.probed_mss = c->path.max_mss;
    c->path.raise_at = time_after(RAISE);
}

/*
 * For a path with an MTU below LEAST_MTU packets of that size are sent without
 * DF (RFC 1191, 3), and routers may fragment them: a spoofed error does not
 * make our segments shorter.
 */
static void on_tiny_mtu(struct connection *c, uint16_t mtu)
{
    if (c->path.may_fragment || !has_longer_in_flight(c, segment_of(c, mtu)))
        return;
    c->path.may_fragment = true;
    c->tcp->counters.path_reduced++;
    (void)path_set_mtu(c, LEAST_MTU);
    mark_longer_lost(c, segment_of(c, mtu));
    tcp_schedule(c);
}

void path_on_icmp_mtu(struct connection *c, uint16_t mtu)
{
    if (mtu == 0)
        mtu = SMALL_MTU;
    if (mtu < LEAST_MTU) {
        on_tiny_mtu(c, mtu);
        return;
    }
    /* RFC 5927, 7.2: ignore it unless a longer packet is in flight. */
    if (!has_longer_in_flight(c, segment_of(c, mtu)))
        return;
    if (path_set_mtu(c, mtu))
        c->tcp->counters.path_reduced++;
    else /* it was a probe */
        set_next_probe(c, (uint16_t)segment_of(c, mtu));
    mark_longer_lost(c, c->mss);
    tcp_schedule(c);
}

void path_on_rto(struct connection *c)
{
    uint16_t mtu = c->rtt.backoff >= 3 ? SMALL_MTU : BASE_MTU;

    if (c->rtt.backoff < 1 || !c->sent.first ||
        c->sent.first->end - c->sent.first->seq < c->mss ||
        !path_set_mtu(c, mtu))
        return;
    c->tcp->counters.black_holes++;
    c->path.raise_at = time_after(GUESSED);
}

void path_on_probe_acked(struct connection *c, uint16_t segment)
{
    if (segment <= c->mss)
        return;
    c->path.may_fragment = false;
    c->mss = segment;
    c->path.probed_mss = c->path.max_mss;
    c->path.raise_at = c->mss < c->path.max_mss ? time_after(RAISE) : 0;
}

void path_on_probe_lost(struct connection *c, struct sent_record *r)
{
    r->is_probe = false;
    c->path.probe_lost = true;
    set_next_probe(c, (uint16_t)((c->mss + r->segment) / 2));
}

uint16_t path_probe_size(const struct connection *c, uint32_t queued,
                         uint32_t may)
{
    if (c->path.raise_at == 0 || c->mss >= c->path.max_mss ||
        c->path.probed_mss <= c->mss || c->recovery.phase != TCP_OPEN ||
        queued < 2u * c->path.probed_mss || may < c->path.probed_mss ||
        time_now() < c->path.raise_at)
        return 0;
    for (const struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->is_probe)
            return 0;
    return segment_of(c, ipv4_mtu(c->tcp->ip)) >= c->path.probed_mss
               ? c->path.probed_mss
               : 0;
}

void path_on_icmp_error(struct connection *c, enum status status)
{
    if (c->state == TCP_SYN_SENT)
        tcp_end(c, status); /* otherwise a soft error: RFC 5461, 4.1 */
}
