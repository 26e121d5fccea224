/* SPDX-License-Identifier: ISC */
/*
 * Relief when pages are scarce (decision 0020).
 */
#ifndef NET_TCP_RELIEF_H
#define NET_TCP_RELIEF_H

/* Frees pages if need be, and lets connections go on that were refused some.
 * Called by the stack's timer. tcp: the struct tcpv4. */
void tcp_check_memory(void *tcp);

#endif
