/* SPDX-License-Identifier: ISC */
/*
 * Two hosts of ours on a simulated wire, 10.0.0.1 and 10.0.0.2, and checks of
 * the invariants of every connection whenever a frame was sent.
 */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

#include <net/tcp/tcp.h>
#include <net/tcp/tcp_icmp.h>
#include <net/tcp/tcp_input.h>
#include <mirage.h>
#include <mirage/macros.h>
#include <mirage/sim.h>

struct host {
    struct network *net;
    struct ethernet *ethernet;
    struct arp *arp;
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    struct udpv4 *udp;
    struct tcpv4 *tcp;
};

extern struct host left, right;

/* The pages for both hosts; set before pair_make. */
extern size_t pair_pages;

/* Makes the hosts; their devices have these features. */
void pair_make(uint16_t mtu, unsigned features);

/* Sets the faults of both directions, with separate random sequences. */
void pair_faults(const struct sim_faults *faults);

/* Listens on the right host, and holds each connection until pair_let_go, which
 * closes them. */
void pair_listen(uint16_t port);
/* The right host's last connection; NULL: it has ended. */
extern struct flow *pair_flow;
static inline struct connection *tcp_of(struct flow *f)
{
    return containing(f, struct connection, flow);
}
static inline struct connection *pair_tcp(void)
{
    return tcp_of(pair_flow);
}
/* Writes len bytes to pair_flow, at most 1 MiB. */
void pair_write(size_t len);
void pair_let_go(void);
/* Resets all connections of the right host; fibers see it when the caller
 * waits. */
void pair_reset(void);

/* Opens a connection from the left host to the port of pair_listen, without
 * faults, within a minute. The other end is pair_flow. */
struct flow *pair_open(uint16_t port);

/* A console that drops its lines. */
extern struct console pair_quiet;

/* Checks every connection whenever a frame was sent, from now on. */
void pair_watch(void);

/* The number of checks, and of those that failed and were printed. */
extern unsigned long pair_checks, pair_failures;

#endif
