/* SPDX-License-Identifier: ISC */
/* network_xen: a network whose backend is another domain. network_xen.c has its
 * connection, network_tx.c and network_rx.c its rings. */
#ifndef XEN_NETWORK_XEN_H
#define XEN_NETWORK_XEN_H

#include "front.h"
#include "grant.h"
#include "shared_ring.h"
#include <mirage/macros.h>
#include <mirage/network.h>
#include <xen/io/netif.h>

#define NETWORK_SLOTS 256u /* of either ring, of one page */
#define NETWORK_MOST  65535u /* bytes of a frame that is sent */

struct slot {
    struct buf *b; /* NULL: nothing is there */
    uint32_t grant;
    unsigned next; /* of the free ones, to send */
};

struct interface {
    struct network network; /* first */
    char name[16];
    struct front front;
    bool can_pieces, can_segments;
    struct ring_pages tx_pages, rx_pages;
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    struct slot out[NETWORK_SLOTS], in[NETWORK_SLOTS];
    unsigned out_free;
    unsigned extras; /* requests for segment sizes, unanswered */
    bool is_woken;
    struct waiters turn; /* the driver's fiber, which waits for work */
    struct buf *arrived[NETWORK_BATCH];
    size_t arrived_count;
};

static inline struct interface *interface_of_front(struct front *f)
{
    return containing(f, struct interface, front);
}

/*
 * Ends the loan of a slot's page. False: the backend still uses it, after it
 * has answered. Then it has broken the protocol, and the page stays in its
 * slot, for reclaim.
 */
static inline bool end_grant(struct interface *i, const struct slot *s)
{
    if (grant_end(s->grant))
        return true;
    front_protocol_error(&i->front,
                         "keeps a page in use that it has answered for");
    return false;
}

/* Makes all slots free, for a new ring. */
void network_tx_init(struct interface *i);

/* Puts a frame into the ring, or drops and counts it. Takes frame. Returns
 * whether it is in the ring. */
bool network_tx_send(struct interface *i, struct buf *frame);

/* Takes the responses to what was sent. */
void network_tx_complete(struct interface *i);

/* Fills the ring with pages for what comes. False: there were too few. */
bool network_rx_fill(struct interface *i);

/* Takes what the backend has received, and delivers the frames. */
void network_rx_receive(struct interface *i);

#endif
