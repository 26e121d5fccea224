/* SPDX-License-Identifier: ISC */
/*
 * Pacing of what a window allows over a round trip.
 */
#ifndef NET_TCP_PACE_H
#define NET_TCP_PACE_H

#include <mirage/time.h>

struct connection;

struct tcp_pacing {
    nanoseconds paid_until; /* end of the time for the bytes sent */
};

/* How many of len bytes, which the window allows, may leave now. Sets the timer
 * for the rest. */
uint32_t pacing_limit(struct connection *c, uint32_t len);
void pacing_on_sent(struct connection *c, uint32_t len);

#endif
