/* SPDX-License-Identifier: ISC */
/*
 * What a connection does when one of its timers expires.
 */
#ifndef NET_TCP_EXPIRY_H
#define NET_TCP_EXPIRY_H

/* Runs the timers of the connection c that are due. Called by the wheel. */
void tcp_on_timer(void *c);

#endif
