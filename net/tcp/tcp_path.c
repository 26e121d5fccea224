/* SPDX-License-Identifier: ISC */
/*
 * How long a segment may be on its way (RFC 1191), and what else ICMP says.
 *
 * Anybody may forge what ICMP says; so it is believed only of what is under way
 * (RFC 5927), never below what every path takes, and what it says is tried out
 * again after a while. Where ICMP never comes, the timer tells: what is long
 * and was sent twice in vain is sent in shorter segments (RFC 4821, 7.7). A
 * longer one is tried with one segment of data; if that is lost, nothing else
 * is.
 */
#include "tcp.h"

#define LEAST_MTU 552            /* as Linux has it; below, routers may cut */
#define BASE_MTU  1200           /* RFC 8899, 5.1.2 */
#define SMALL_MTU 576            /* RFC 1122, 3.3.2 */
#define RAISE     (600 * SECOND) /* RFC 8899, 5.1.1; RFC 1191, 6.3 */
#define GUESSED   (60 * SECOND)  /* the same, of what no router has told */
#define NEAR      32             /* bytes that are not worth a probe */

/* The data bytes of a segment of a packet of mtu bytes. */
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

/* What is under way in segments longer than that is lost, and not because there
 * was too much of it. */
static void lose_longer(struct connection *c, uint32_t segment)
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

static bool has_longer_under_way(const struct connection *c, uint32_t segment)
{
    for (const struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_IN_FLIGHT && r->segment > segment &&
            r->end - r->seq > segment)
            return true;
    return false;
}

/* A probe has failed: one of so many bytes is the next, or much later the
 * longest again. */
static void try_next(struct connection *c, uint16_t segment)
{
    c->path.probed_mss = segment;
    if (segment >= c->mss + NEAR)
        return;
    c->path.probed_mss = c->path.max_mss;
    c->path.raise_at = time_after(RAISE);
}

/*
 * A path that takes less than LEAST_MTU gets packets of that size without DF
 * (RFC 1191, 3), which routers may cut into fragments: whoever forges such a
 * message does not get shorter segments from us.
 */
static void note_tiny_mtu(struct connection *c, uint16_t mtu)
{
    if (c->path.may_fragment || !has_longer_under_way(c, segment_of(c, mtu)))
        return;
    c->path.may_fragment = true;
    c->tcp->counters.path_reduced++;
    (void)path_set_mtu(c, LEAST_MTU);
    lose_longer(c, segment_of(c, mtu));
    tcp_schedule(c);
}

void path_on_icmp_mtu(struct connection *c, uint16_t mtu)
{
    if (mtu == 0)
        mtu = SMALL_MTU;
    if (mtu < LEAST_MTU) {
        note_tiny_mtu(c, mtu);
        return;
    }
    /* RFC 5927, 7.2: it must be about something that is longer. */
    if (!has_longer_under_way(c, segment_of(c, mtu)))
        return;
    if (path_set_mtu(c, mtu))
        c->tcp->counters.path_reduced++;
    else /* it was a probe */
        try_next(c, (uint16_t)segment_of(c, mtu));
    lose_longer(c, c->mss);
    tcp_schedule(c);
}

void path_on_rto(struct connection *c)
{
    uint16_t mtu = c->rtt.backoff >= 3 ? SMALL_MTU : BASE_MTU;

    if (c->rtt.backoff < 1 || !c->sent.first || c->sent.first->end - c->sent.first->seq < c->mss ||
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
    try_next(c, (uint16_t)((c->mss + r->segment) / 2));
}

uint16_t path_probe_size(const struct connection *c, uint32_t queued, uint32_t may)
{
    if (c->path.raise_at == 0 || c->mss >= c->path.max_mss || c->path.probed_mss <= c->mss ||
        c->recovery.phase != TCP_OPEN || queued < 2u * c->path.probed_mss ||
        may < c->path.probed_mss || time_now() < c->path.raise_at)
        return 0;
    for (const struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->is_probe)
            return 0;
    return segment_of(c, ipv4_mtu(c->tcp->ip)) >= c->path.probed_mss ? c->path.probed_mss
                                                                     : 0;
}

void path_on_icmp_error(struct connection *c, enum status status)
{
    if (c->state == TCP_SYN_SENT)
        tcp_end(c, status); /* and else it may pass: RFC 5461, 4.1 */
}
