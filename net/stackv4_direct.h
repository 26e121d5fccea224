/* SPDX-License-Identifier: ISC */
/*
 * The direct stack: its state, which its files share.
 */
#ifndef NET_STACKV4_DIRECT_H
#define NET_STACKV4_DIRECT_H

#include <mirage/console.h>
#include <mirage/dhcp.h>
#include <mirage/icmpv4.h>
#include <mirage/log.h>
#include <mirage/tcpv4.h>
#include <mirage/udpv4.h>

extern struct log_source stackv4;

struct direct {
    struct stackv4 stack;
    struct network *net;
    struct ethernet *ethernet;
    struct arp *arp;
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    struct udpv4 *udp;
    struct tcpv4 *tcp;
    struct console *log;
    struct stackv4_address address;
    address_handler *on_address;
    void *on_address_ctx;
    uint16_t mtu; /* without what DHCP says */
    unsigned conflicts; /* claims of our address */
    nanoseconds conflict_said; /* 0: never */
    enum status listen_failed; /* OK: each listener could be opened */
    uint16_t failed_port; /* the latest that could not */
    bool failed_is_udp;
    struct waiters gone; /* or a listener has failed */
    struct fiber *link_fiber, *dhcp_fiber; /* the latter NULL: none */

    struct dhcp dhcp; /* if that gives us the address */
    bool is_dhcp, is_to_probe;
    struct ip_address probed;
    struct waiters dhcp_turn, bound;
};

/* Puts the layers together on a device, without an address. What it has to say
 * goes to log. ERR_NO_MEMORY. */
MUST_CHECK enum status direct_assemble(struct console *log, struct network *net,
                                       struct direct **made);

/* Prints the address, behind what. */
void direct_say_address(const struct direct *d, const char *what,
                        const struct stackv4_address *a);

/* Makes a our address, in all layers, and tells the application; or leaves the
 * stack without one. */
void direct_set_address(struct direct *d, const struct stackv4_address *a);
void direct_drop_address(struct direct *d);

#endif
