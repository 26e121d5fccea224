/* SPDX-License-Identifier: ISC */
/*
 * ICMP errors. They can be spoofed: an error is believed only for segments in
 * flight (RFC 5927), and an MTU only down to a minimum; a larger one is probed
 * later.
 */
#include "tcp.h"
#include "tcp_icmp.h"
#include <mirage/bytes.h>

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

/*
 * For a path with an MTU below PATH_LEAST_MTU packets of that size are sent
 * without DF (RFC 1191, 3), and routers may fragment them: a spoofed error does
 * not make our segments shorter.
 */
static void on_tiny_mtu(struct connection *c, uint16_t mtu)
{
    if (c->path.may_fragment || !has_longer_in_flight(c, path_segment(c, mtu)))
        return;
    c->path.may_fragment = true;
    c->tcp->counters.path_reduced++;
    (void)path_set_mtu(c, PATH_LEAST_MTU);
    mark_longer_lost(c, path_segment(c, mtu));
    tcp_schedule(c);
}

/* "Fragmentation needed"; mtu 0: the router did not say. */
static void on_icmp_mtu(struct connection *c, uint16_t mtu)
{
    if (mtu == 0)
        mtu = PATH_SMALL_MTU;
    if (mtu < PATH_LEAST_MTU) {
        on_tiny_mtu(c, mtu);
        return;
    }
    /* RFC 5927, 7.2: ignore it unless a longer packet is in flight. */
    if (!has_longer_in_flight(c, path_segment(c, mtu)))
        return;
    if (path_set_mtu(c, mtu))
        c->tcp->counters.path_reduced++;
    else /* it was a probe */
        path_set_next_probe(c, (uint16_t)path_segment(c, mtu));
    mark_longer_lost(c, c->mss);
    tcp_schedule(c);
}

/* "Unreachable" and the like. */
static void on_icmp_unreachable(struct connection *c, enum status status)
{
    if (c->state == TCP_SYN_SENT)
        tcp_end(c, status); /* otherwise a soft error: RFC 5461, 4.1 */
}

void tcp_icmp_error(void *ctx, const struct ipv4_packet *packet,
                    const uint8_t *start, size_t len,
                    const struct ipv4_error *error)
{
    struct tcpv4 *tcp = ctx;
    struct connection *c;
    uint32_t seq;

    if (len < 8)
        return;
    c = tcp_find(tcp, (struct endpoint){packet->from, get_be16(start)},
                 (struct endpoint){packet->to, get_be16(start + 2)});
    seq = get_be32(start + 4);
    /* RFC 5927, 4: ignore errors for segments that are not in flight. */
    if (!c || seq_before(seq, c->snd.una) || !seq_before(seq, c->snd.nxt))
        return;
    if (error->status == ERR_RANGE)
        on_icmp_mtu(c, error->mtu);
    else
        on_icmp_unreachable(c, error->status);
}
