/* SPDX-License-Identifier: ISC */
/*
 * netfront: the state of a network whose backend is in another domain
 * (xen/io/netif.h).
 */
#ifndef XEN_NETFRONT_H
#define XEN_NETFRONT_H

#include "front.h"
#include "grant.h"
#include "shared_ring.h"
#include <mirage/macros.h>
#include <mirage/network.h>
#include <xen/io/netif.h>

#define NETWORK_SLOTS 256u /* of either ring, of one page */
#define NETWORK_MOST  65535u /* bytes of a frame that is sent */

/* A page that is granted to the backend. */
struct slot {
    struct buf *b; /* NULL: the slot is free */
    uint32_t grant;
    unsigned next; /* free slot, of tx_slot */
};

struct interface {
    struct network network;
    char name[16];
    struct front front;
    bool can_pieces; /* feature-sg */
    struct ring_pages tx_pages, rx_pages;
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    struct slot tx_slot[NETWORK_SLOTS], rx_slot[NETWORK_SLOTS];
    unsigned tx_free; /* the first free one; NETWORK_SLOTS: none */
    unsigned extras; /* extra segments in the ring, without a response */
    bool is_woken;
    struct waiters work; /* for the driver's fiber */
    struct buf *batch[NETWORK_BATCH]; /* received, to be delivered */
    size_t batch_count;
};

static inline uint8_t netfront_gso_type(enum offload_kind kind)
{
    return kind == OFFLOAD_TCP_IPV4   ? XEN_NETIF_GSO_TYPE_TCPV4
           : kind == OFFLOAD_TCP_IPV6 ? XEN_NETIF_GSO_TYPE_TCPV6
                                      : XEN_NETIF_GSO_TYPE_NONE;
}

static inline struct interface *interface_of_front(struct front *f)
{
    return containing(f, struct interface, front);
}

/*
 * Ends the grant of a slot's page. False: the backend has it mapped although it
 * has responded. That breaks the protocol, and the page stays in its slot, for
 * front_ops.reclaim.
 */
static inline bool end_grant(struct interface *i, const struct slot *s)
{
    if (grant_end(s->grant))
        return true;
    front_protocol_error(&i->front,
                         "keeps a page in use that it has answered for");
    return false;
}

#endif
