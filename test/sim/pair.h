/* SPDX-License-Identifier: ISC */
/*
 * pair: two hosts of our own on a wire, 10.0.0.1 and 10.0.0.2, and a look at
 * what must be true of every connection whenever all fibers wait.
 */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

#include "tcp.h"
#include "tcp_input.h"
#include <mirage.h>
#include <mirage/sim.h>

struct host {
    struct network  *net;
    struct ethernet *ethernet;
    struct arp      *arp;
    struct ipv4     *ip;
    struct icmpv4   *icmp;
    struct udpv4    *udp;
    struct tcpv4    *tcp;
};

extern struct host left, right;

/* How many pages there are for both; before they are made. */
extern size_t pair_pages;

/* Makes them, whose devices can do features. */
void pair_make(uint16_t mtu, unsigned features);

/* Does both ends what faults say, each with chances of its own. */
void pair_faults(const struct sim_faults *faults);

/* The right host listens to a port, and keeps what is opened there until it
 * lets go: then it closes. */
void                pair_listen(uint16_t port);
/* What was opened last; NULL: it has ended. */
extern struct flow *pair_flow;
void                pair_let_go(void);
/* The right host knows of no connection any more; fibers learn it when the
 * caller waits. */
void                pair_forget(void);

/* Looks at every connection each time that a frame was sent, from now on. */
void pair_watch(void);

/* How many times it looked, and found something wrong (and printed it). */
extern unsigned long pair_looked, pair_wrong;

#endif
