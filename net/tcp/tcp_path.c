/* SPDX-License-Identifier: ISC */
/*
 * Path MTU discovery (RFC 1191, RFC 4821, RFC 8899).
 *
 * A probe is one longer segment of data; its loss costs nothing else. Black
 * holes, where ICMP is filtered, are detected by timeouts (RFC 4821, 7.7).
 */
#include "tcp.h"

#define BASE_MTU 1200 /* RFC 8899, 5.1.2 */
#define RAISE    (600 * SECOND) /* RFC 8899, 5.1.1; RFC 1191, 6.3 */
#define GUESSED  (60 * SECOND) /* the same, for a detected black hole */
#define NEAR     32 /* a smaller gain is not probed for */

uint32_t path_segment(const struct connection *c, uint16_t mtu)
{
    uint32_t headers = IPV4_HEADER + TCP_HEADER +
                       (c->ts.is_on ? TCP_TIMESTAMPS : 0);

    return mtu > headers ? mtu - headers : 0;
}

bool path_set_mtu(struct connection *c, uint16_t mtu)
{
    uint32_t segment = path_segment(c, mtu);

    if (mtu < 68 + IPV4_HEADER + TCP_HEADER || segment >= c->mss)
        return false;
    c->mss = (uint16_t)segment;
    c->path.raise_at = time_after(RAISE);
    c->path.probed_mss = c->path.max_mss;
    return true;
}

void path_set_next_probe(struct connection *c, uint16_t segment)
{
    c->path.probed_mss = segment;
    if (segment >= c->mss + NEAR)
        return;
    c->path.probed_mss = c->path.max_mss;
    c->path.raise_at = time_after(RAISE);
}

void path_on_rto(struct connection *c)
{
    uint16_t mtu = c->rtt.backoff >= 3 ? PATH_SMALL_MTU : BASE_MTU;

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
    path_set_next_probe(c, (uint16_t)((c->mss + r->segment) / 2));
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
    return path_segment(c, ipv4_mtu(c->tcp->ip)) >= c->path.probed_mss
               ? c->path.probed_mss
               : 0;
}
