/* SPDX-License-Identifier: ISC */
/*
 * The transmit ring of a network (xen/io/netif.h). A frame is sent from the
 * pages in which it lies, granted read-only, or from copies (tx_frame.h), and
 * freed when the backend has responded.
 */
#include "network_tx.h"
#include "tx_frame.h"
#include <string.h>

#define PIECES XEN_NETIF_NR_SLOTS_MIN /* of a frame: what backends take */

void network_tx_init(struct interface *i)
{
    for (unsigned n = 0; n < NETWORK_SLOTS; n++)
        i->tx_slot[n].next = n + 1;
    i->tx_free = 0;
    i->extras = 0;
}

static void free_slot(struct interface *i, unsigned id)
{
    struct slot *s = &i->tx_slot[id];

    if (!end_grant(i, s))
        return;
    buf_free(s->b);
    s->b = NULL;
    s->next = i->tx_free;
    i->tx_free = id;
}

/*
 * Handles a response to a piece, or to an extra segment, which is
 * NETIF_RSP_NULL. A response counts only for a request that waits for it. So
 * used slots and extras always add up to the requests in the ring, and a free
 * place in the ring means a free slot.
 */
static void handle_response(struct interface *i, const netif_tx_response_t *r)
{
    if (r->status == NETIF_RSP_NULL) {
        if (i->extras == 0)
            front_protocol_error(&i->front,
                                 "answers a segment size that was not sent");
        else
            i->extras--;
        return;
    }
    if (r->id >= NETWORK_SLOTS || !i->tx_slot[r->id].b) {
        front_protocol_error(&i->front, "answers what nobody has sent");
        return;
    }
    if (r->status != NETIF_RSP_OKAY)
        i->network.counters.dropped_out++;
    free_slot(i, r->id);
}

void network_tx_complete(struct interface *i)
{
    int more = true;

    while (more && i->front.is_connected) {
        RING_IDX end = __atomic_load_n(&i->tx.sring->rsp_prod,
                                       __ATOMIC_ACQUIRE);

        if (end - i->tx.rsp_cons > i->tx.req_prod_pvt - i->tx.rsp_cons) {
            front_protocol_error(&i->front, "answers more than was sent");
            return;
        }
        for (; i->front.is_connected && i->tx.rsp_cons != end;
             i->tx.rsp_cons++) {
            netif_tx_response_t r;

            RING_COPY_RESPONSE(&i->tx, i->tx.rsp_cons, &r);
            handle_response(i, &r);
        }
        if (i->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&i->tx, more);
    }
}

/* The extra segment that follows the first request of a frame. */
static void put_segment_size(struct interface *i, struct offload o)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

    extra.u.gso.size = o.segment;
    extra.u.gso.type = netfront_gso_type(o.kind);
    memcpy(RING_GET_REQUEST(&i->tx, i->tx.req_prod_pvt), &extra, sizeof extra);
    i->tx.req_prod_pvt++;
    i->extras++;
}

/* Puts one piece into the ring. size: of the whole frame for its first piece,
 * as the protocol has it. False: there is no slot or no grant. */
static bool put_piece(struct interface *i, struct buf *b, uint16_t flags,
                      size_t size)
{
    unsigned id = i->tx_free;
    struct slot *s = &i->tx_slot[id];
    netif_tx_request_t *r = RING_GET_REQUEST(&i->tx, i->tx.req_prod_pvt);
    uintptr_t at = (uintptr_t)b->data;

    if (id == NETWORK_SLOTS)
        return false;
    s->grant = grant_access(i->front.domain,
                            (const void *)(at & ~(uintptr_t)(PAGE_BYTES - 1)),
                            false);
    if (s->grant == 0)
        return false;
    i->tx_free = s->next;
    s->b = b;
    *r = (netif_tx_request_t){.gref = s->grant,
                              .offset = (uint16_t)(at % PAGE_BYTES),
                              .flags = flags,
                              .id = (uint16_t)id,
                              .size = (uint16_t)size};
    i->tx.req_prod_pvt++;
    return true;
}

static void put_frame(struct interface *i, struct buf *frame)
{
    const struct offload o = frame->offload;
    size_t size = buf_length(frame);
    uint16_t flags = 0;

    if (o.kind != OFFLOAD_NONE)
        flags = NETTXF_csum_blank | NETTXF_data_validated;
    if (o.segment)
        flags |= NETTXF_extra_info;
    while (frame) {
        struct buf *next = frame->next;

        frame->next = NULL;
        if (next)
            flags |= NETTXF_more_data;
        if (!put_piece(i, frame, flags, size)) {
            /* Impossible: network_tx_send has checked for room. */
            front_protocol_error(&i->front, "has left no slot or no grant");
            buf_free(frame);
            buf_free(next);
            return;
        }
        if (flags & NETTXF_extra_info)
            put_segment_size(i, o);
        frame = next;
        flags = 0;
        size = next ? next->len : 0;
    }
}

static void drop(struct interface *i, struct buf *frame)
{
    i->network.counters.dropped_out++;
    buf_free(frame);
}

/* Whether the ring has room for the largest frame and an extra segment. */
static bool has_room(const struct interface *i)
{
    return (unsigned)RING_FREE_REQUESTS(&i->tx) >= PIECES + 1;
}

bool network_tx_send(struct interface *i, struct buf *frame)
{
    unsigned most = i->can_pieces ? PIECES : 1;

    if (i->front.is_connected && !has_room(i))
        network_tx_complete(i);
    if (!i->front.is_connected || buf_length(frame) > NETWORK_MOST ||
        !has_room(i) || grants_free() < PIECES) {
        drop(i, frame);
        return false;
    }
    frame = tx_frame(frame, most);
    if (!frame) {
        drop(i, NULL);
        return false;
    }
    put_frame(i, frame);
    return true;
}
