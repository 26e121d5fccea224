/* SPDX-License-Identifier: ISC */
/*
 * The receive ring of netfront (xen/io/netif.h). The backend copies received
 * frames into our pages; the ring is kept full of them.
 */
#include "network_xen.h"
#include <string.h>

bool network_rx_fill(struct interface *i)
{
    RING_IDX end = i->rx.rsp_cons + NETWORK_SLOTS;

    for (; i->rx.req_prod_pvt != end; i->rx.req_prod_pvt++) {
        unsigned id = i->rx.req_prod_pvt % NETWORK_SLOTS;
        struct slot *s = &i->in[id];
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
    size_t count = i->arrived_count;

    i->arrived_count = 0;
    network_deliver(&i->network, i->arrived, count);
}

/* A frame that is being put together. */
struct arrival {
    struct buf *frame, **end;
    size_t len;
    uint16_t segment;
    uint16_t flags; /* of its first piece */
    bool is_bad, is_first;
};

/* The page of a response, with the bytes received in it. NULL: there are none,
 * or the backend still uses it. */
static struct buf *take_page(struct interface *i, unsigned id,
                             const netif_rx_response_t *r)
{
    struct slot *s = &i->in[id];
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

static void add_piece(struct arrival *a, struct buf *b, uint16_t flags)
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

static void set_offload(struct buf *frame, const struct arrival *a)
{
    uint16_t start;
    enum offload_kind kind = network_transport(frame, &start);

    frame->offload = (struct offload){
        /* Segments that are negotiated are TCP's: with a size for another
         * protocol a datagram would be taken for many. */
        .segment = kind == OFFLOAD_TCP_IPV4 ? a->segment : 0,
        .csum_good = a->flags & (NETRXF_data_validated | NETRXF_csum_blank),
    };
    if (a->flags & NETRXF_csum_blank && kind != OFFLOAD_NONE) {
        frame->offload.kind = kind;
        frame->offload.csum_start = start;
    }
}

static void finish_frame(struct interface *i, struct arrival *a)
{
    if (a->is_bad || !a->frame || a->frame->len < ETHERNET_HEADER) {
        i->network.counters.dropped_in++;
        buf_free(a->frame);
        return;
    }
    set_offload(a->frame, a);
    i->arrived[i->arrived_count++] = a->frame;
    if (i->arrived_count == NETWORK_BATCH)
        deliver(i);
}

/*
 * Takes an extra segment, which has the place of a response: no data lies in
 * the page of that place. Returns whether another one follows.
 */
static bool take_extra(struct interface *i, struct arrival *a)
{
    unsigned id = i->rx.rsp_cons % NETWORK_SLOTS;
    netif_rx_response_t r;
    struct netif_extra_info extra;

    RING_COPY_RESPONSE(&i->rx, i->rx.rsp_cons, &r);
    memcpy(&extra, &r, sizeof extra);
    i->rx.rsp_cons++;
    if (i->in[id].b && end_grant(i, &i->in[id])) {
        buf_free(i->in[id].b);
        i->in[id].b = NULL;
    }
    if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO &&
        extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 && extra.u.gso.size > 0)
        a->segment = extra.u.gso.size;
    else
        a->is_bad = true;
    return extra.flags & XEN_NETIF_EXTRA_FLAG_MORE;
}

/* Takes one piece of a frame, and sets *more if others follow. False: the
 * backend broke the protocol. */
static bool take_piece(struct interface *i, struct arrival *a, RING_IDX end,
                       bool *more)
{
    unsigned id = i->rx.rsp_cons % NETWORK_SLOTS;
    netif_rx_response_t r;

    RING_COPY_RESPONSE(&i->rx, i->rx.rsp_cons, &r);
    if (r.id != id || !i->in[id].b || r.offset > PAGE_BYTES ||
        (r.status > 0 && (size_t)r.status > PAGE_BYTES - r.offset)) {
        front_protocol_error(&i->front, "says of what has come what cannot be");
        return false;
    }
    i->rx.rsp_cons++;
    add_piece(a, take_page(i, id, &r), r.flags);
    *more = r.flags & NETRXF_more_data;
    for (bool extra = r.flags & NETRXF_extra_info; extra;) {
        if (i->rx.rsp_cons == end) {
            front_protocol_error(&i->front, "breaks a frame off");
            return false;
        }
        extra = take_extra(i, a);
    }
    return i->front.is_connected;
}

/* The frames between the ring's present place and end. */
static void take_frames(struct interface *i, RING_IDX end)
{
    while (i->front.is_connected && i->rx.rsp_cons != end) {
        struct arrival a = {.is_first = true};
        bool more = true;

        a.end = &a.frame;
        while (more && i->rx.rsp_cons != end)
            if (!take_piece(i, &a, end, &more)) {
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
        take_frames(i, end);
        deliver(i);
        if (i->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&i->rx, more);
    }
}
