/* SPDX-License-Identifier: ISC */
/*
 * How long a segment may be on its way (RFC 1191).
 */
#include "tcp.h"

bool tcp_fit(struct connection *c, uint16_t mtu)
{
    unsigned headers = IPV4_HEADER + TCP_HEADER +
                       (c->timestamps ? TCP_TIMESTAMPS : 0);

    if (mtu < 68 + IPV4_HEADER + TCP_HEADER || mtu - headers >= c->mss)
        return false;
    c->mss = (uint16_t)(mtu - headers);
    return true;
}

/* What was too long is lost, and not because there was too much of it. */
static void lose_long_ones(struct connection *c)
{
    for (struct sent *r = c->sent; r; r = r->next)
        if (r->state == SENT_OUT && r->segment > c->mss &&
            r->end - r->seq > c->mss)
            sent_set(c, r, SENT_LOST);
    if (c->lost > 0)
        recovery_begin_quietly(c);
}

void path_note_mtu(struct connection *c, uint16_t mtu)
{
    if (!tcp_fit(c, mtu ? mtu : 576))
        return;
    lose_long_ones(c);
    tcp_schedule(c);
}

void path_note_arrival(struct connection *c, uint16_t segment)
{
    (void)c;
    (void)segment;
}
