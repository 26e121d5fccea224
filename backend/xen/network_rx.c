/* SPDX-License-Identifier: ISC */
/*
 * The receive ring of a network (xen/io/netif.h). The backend copies frames
 * into granted pages; the ring is kept full of them.
 */
#include "network_rx.h"
#include <string.h>

bool network_rx_fill(struct interface *i)
{
    RING_IDX end = i->rx.rsp_cons + NETWORK_SLOTS;

    for (; i->rx.req_prod_pvt != end; i->rx.req_prod_pvt++) {
        unsigned id = i->rx.req_prod_pvt % NETWORK_SLOTS;
        struct slot *s = &i->rx_slot[id];
        netif_rx_request_t *r = RING_GET_REQUEST(&i->rx, i->rx.req_prod_pvt);

        if (!s->b) {
            s->b = buf_new(0);
            if (!s->b)
                return false;
            s->grant = grant_access(i->front.domain, s->b->data, true);
            if (s->grant == 0) {
                buf_free(s->b);
                s->b = NULL;
                return false;
            }
        }
        *r = (netif_rx_request_t){.id = (uint16_t)id, .gref = s->grant};
    }
    return true;
}

static void deliver(struct interface *i)
{
    size_t count = i->batch_count;

    i->batch_count = 0;
    network_deliver(&i->network, i->batch, count);
}

/* A frame that is being assembled from its pieces. */
struct assembly {
    struct buf *frame, **end;
    size_t len;
    uint16_t segment; /* data bytes of each segment; 0: it is one segment */
    uint8_t gso_type; /* of its segments */
    uint16_t flags; /* of its first piece */
    bool is_bad, is_first;
};

/* Removes the page of a response from its slot. Returns a window on the
 * received bytes. NULL: there are none, or the backend has the page mapped. */
static struct buf *remove_page(struct interface *i, unsigned id,
                               const netif_rx_response_t *r)
{
    struct slot *s = &i->rx_slot[id];
    struct buf *b = s->b;

    if (!end_grant(i, s))
        return NULL;
    s->b = NULL;
    if (r->status <= 0) { /* an error */
        buf_free(b);
        return NULL;
    }
    buf_append(b, (size_t)r->offset + (size_t)r->status);
    buf_trim(b, r->offset);
    return b;
}

static void add_piece(struct assembly *a, struct buf *b, uint16_t flags)
{
    if (a->is_first)
        a->flags = flags;
    a->is_first = false;
    if (!b || a->len + b->len > NETWORK_FRAME) {
        a->is_bad = true;
        buf_free(b);
        return;
    }
    a->len += b->len;
    *a->end = b;
    a->end = &b->next;
}

static void set_offload(struct buf *frame, const struct assembly *a)
{
    struct transport t = network_transport(frame);

    frame->offload = (struct offload){
        /* Only TCP segmentation is negotiated. A size for another protocol
         * than the frame's, which would make many datagrams of one, is
         * ignored. */
        .segment = netfront_gso_type(t.kind) == a->gso_type ? a->segment : 0,
        .csum_good = a->flags & (NETRXF_data_validated | NETRXF_csum_blank),
    };
    if (a->flags & NETRXF_csum_blank) {
        frame->offload.kind = t.kind;
        frame->offload.csum_start = t.start;
    }
}

static void finish_frame(struct interface *i, struct assembly *a)
{
    if (a->is_bad || !a->frame || a->frame->len < ETHERNET_HEADER) {
        i->network.counters.dropped_in++;
        buf_free(a->frame);
        return;
    }
    set_offload(a->frame, a);
    i->batch[i->batch_count++] = a->frame;
    if (i->batch_count == NETWORK_BATCH)
        deliver(i);
}

/*
 * Handles an extra segment, which takes the place of a response: the page of
 * that place has no data. Returns whether another one follows.
 */
static bool handle_extra(struct interface *i, struct assembly *a)
{
    unsigned id = i->rx.rsp_cons % NETWORK_SLOTS;
    netif_rx_response_t r;
    struct netif_extra_info extra;

    RING_COPY_RESPONSE(&i->rx, i->rx.rsp_cons, &r);
    memcpy(&extra, &r, sizeof extra);
    i->rx.rsp_cons++;
    if (i->rx_slot[id].b && end_grant(i, &i->rx_slot[id])) {
        buf_free(i->rx_slot[id].b);
        i->rx_slot[id].b = NULL;
    }
    if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO && extra.u.gso.size > 0 &&
        (extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ||
         extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6)) {
        a->segment = extra.u.gso.size;
        a->gso_type = extra.u.gso.type;
    } else {
        a->is_bad = true;
    }
    return extra.flags & XEN_NETIF_EXTRA_FLAG_MORE;
}

/* Handles the response for one piece, and sets *more if another one follows.
 * False: the backend broke the protocol. */
static bool handle_piece(struct interface *i, struct assembly *a, RING_IDX end,
                         bool *more)
{
    unsigned id = i->rx.rsp_cons % NETWORK_SLOTS;
    netif_rx_response_t r;

    RING_COPY_RESPONSE(&i->rx, i->rx.rsp_cons, &r);
    if (r.id != id || !i->rx_slot[id].b || r.offset > PAGE_BYTES ||
        (r.status > 0 && (size_t)r.status > PAGE_BYTES - r.offset)) {
        front_protocol_error(&i->front, "says of what has come what cannot be");
        return false;
    }
    i->rx.rsp_cons++;
    add_piece(a, remove_page(i, id, &r), r.flags);
    *more = r.flags & NETRXF_more_data;
    for (bool extra = r.flags & NETRXF_extra_info; extra;) {
        if (i->rx.rsp_cons == end) {
            front_protocol_error(&i->front, "breaks a frame off");
            return false;
        }
        extra = handle_extra(i, a);
    }
    return i->front.is_connected;
}

/* Handles the frames up to end. */
static void handle_frames(struct interface *i, RING_IDX end)
{
    while (i->front.is_connected && i->rx.rsp_cons != end) {
        struct assembly a = {.is_first = true};
        bool more = true;

        a.end = &a.frame;
        while (more && i->rx.rsp_cons != end)
            if (!handle_piece(i, &a, end, &more)) {
                buf_free(a.frame);
                return;
            }
        if (more) {
            front_protocol_error(&i->front, "breaks a frame off");
            buf_free(a.frame);
            return;
        }
        finish_frame(i, &a);
    }
}

void network_rx_receive(struct interface *i)
{
    int more = true;

    while (more && i->front.is_connected) {
        RING_IDX end = __atomic_load_n(&i->rx.sring->rsp_prod,
                                       __ATOMIC_ACQUIRE);

        if (end - i->rx.rsp_cons > i->rx.req_prod_pvt - i->rx.rsp_cons) {
            front_protocol_error(&i->front,
                                 "brings more than there is room for");
            return;
        }
        handle_frames(i, end);
        deliver(i);
        if (i->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&i->rx, more);
    }
}
