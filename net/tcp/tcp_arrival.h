/* SPDX-License-Identifier: ISC */
/*
 * A received segment, on its way through the steps of RFC 9293, 3.10.7.
 */
#ifndef NET_TCP_ARRIVAL_H
#define NET_TCP_ARRIVAL_H

#include "tcp.h"

/* data and len are what is not processed yet. */
struct arrival {
    struct tcp_segment s;
    bool is_syn; /* also when the flag is cleared since */
    struct buf *data; /* NULL: none */
    uint32_t len;
};

/* The window that the segment announces, in bytes. A SYN's is not scaled (RFC
 * 7323, 2.2). */
static inline uint32_t arrival_window(const struct connection *c,
                                      const struct arrival *a)
{
    return (uint32_t)a->s.window << (a->is_syn ? 0 : c->snd.wind_shift);
}

/* Sets the send window by the segment. */
static inline void arrival_set_window(struct connection *c,
                                      const struct arrival *a)
{
    c->snd.wnd = arrival_window(c, a);
    c->snd.wl1 = a->s.seq;
    c->snd.wl2 = a->s.ack;
    if (c->snd.wnd > c->snd.max_wnd)
        c->snd.max_wnd = c->snd.wnd;
}

#endif
