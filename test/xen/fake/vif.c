/* SPDX-License-Identifier: ISC */
/* A fake of xen-netback. */
#include "vif.h"
#include <mirage/buf.h>
#include <mirage/bytes.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static struct fake_vif *vif_of(struct backend *b)
{
    return containing(b, struct fake_vif, backend);
}

static void connect(struct backend *b)
{
    struct fake_vif *v = vif_of(b);
    netif_tx_sring_t *tx;
    netif_rx_sring_t *rx;

    static const char *const wanted[] = {
        "request-rx-copy", "feature-sg", "feature-gso-tcpv4",
        "feature-gso-tcpv6", "feature-ipv6-csum-offload", NULL};

    for (const char *const *w = wanted; *w; w++)
        if (backend_read_number(b, *w) != 1)
            fake_fail("the frontend does not write %s", *w);
    tx = backend_map(b, "tx-ring-ref", &v->tx_page);
    rx = backend_map(b, "rx-ring-ref", &v->rx_page);
    BACK_RING_INIT(&v->tx, tx, PAGE_BYTES);
    BACK_RING_INIT(&v->rx, rx, PAGE_BYTES);
    v->up_at = fake.now + v->late_by;
}

static void disconnect(struct backend *b)
{
    struct fake_vif *v = vif_of(b);

    fake_unmap(v->tx_page, true);
    fake_unmap(v->rx_page, true);
    for (; v->count > 0; v->count--)
        free(v->queue[(v->from + v->count - 1) % VIF_QUEUE].bytes);
}

void vif_send(struct fake_vif *v, const struct vif_frame *f)
{
    struct vif_frame *to = &v->queue[(v->from + v->count) % VIF_QUEUE];

    if (!v->backend.port || fake.now < v->up_at || v->count == VIF_QUEUE) {
        v->dropped++;
        return;
    }
    *to = *f;
    to->bytes = malloc(f->len);
    memcpy(to->bytes, f->bytes, f->len);
    v->count++;
}

/* From the image. */

static void respond(struct fake_vif *v, uint16_t id, int16_t status)
{
    netif_tx_response_t *r = RING_GET_RESPONSE(&v->tx, v->tx.rsp_prod_pvt++);

    *r = (netif_tx_response_t){.id = id, .status = status};
}

/* The next request of a frame, which must be there. */
static netif_tx_request_t next_request(struct fake_vif *v, RING_IDX end)
{
    netif_tx_request_t r;

    if (v->tx.req_cons == end)
        fake_fail("a frame ends before it is whole");
    RING_COPY_REQUEST(&v->tx, v->tx.req_cons, &r);
    v->tx.req_cons++;
    return r;
}

static void read_extra(struct fake_vif *v, RING_IDX end, struct vif_frame *f)
{
    struct netif_extra_info extra;
    netif_tx_request_t r = next_request(v, end);

    memcpy(&extra, &r, sizeof extra);
    if (extra.type != XEN_NETIF_EXTRA_TYPE_GSO || extra.flags != 0 ||
        extra.u.gso.size == 0)
        fake_fail("an extra request of type %u", extra.type);
    f->segment = extra.u.gso.size;
    f->gso = extra.u.gso.type;
}

static bool offers(const struct fake_vif *v, const char *feature)
{
    return strstr(v->backend.offers, feature);
}

/* The type of segments that a frame's EtherType tells. */
static uint8_t gso_of(const struct vif_frame *f)
{
    return get_be16(f->bytes + 12) == 0x86dd ? XEN_NETIF_GSO_TYPE_TCPV6
                                             : XEN_NETIF_GSO_TYPE_TCPV4;
}

/* Checks what a frame leaves to the backend. */
static void check_request(const struct fake_vif *v, const struct vif_frame *f)
{
    bool is_ipv6 = gso_of(f) == XEN_NETIF_GSO_TYPE_TCPV6;

    if (f->is_blank && (is_ipv6 ? !offers(v, "feature-ipv6-csum-offload=1")
                                : offers(v, "feature-no-csum-offload=1")))
        fake_fail("a blank checksum, which the backend does not fill in");
    if (!f->segment)
        return;
    if (f->gso != gso_of(f) || !f->is_blank)
        fake_fail("segments of type %u, which the frame is not", f->gso);
    if (!offers(v, "feature-sg=1") ||
        !offers(v, is_ipv6 ? "feature-gso-tcpv6=1" : "feature-gso-tcpv4=1"))
        fake_fail("segments, which are not offered");
}

static void forward(struct fake_vif *v, const struct vif_frame *f)
{
    v->frames_out++;
    if (f->segment)
        v->segments_out++;
    if (v->on_frame)
        v->on_frame(v, f);
    if (v->peer)
        vif_send(v->peer, f);
}

static void read_piece(const netif_tx_request_t *r,
                       size_t len, struct vif_frame *f)
{
    if (r->offset + len > PAGE_BYTES)
        fake_fail("a piece of %zu bytes at %u of its page", len, r->offset);
    if (f->len + len > VIF_FRAME ||
        !fake_copy(0, r->gref, r->offset, f->bytes + f->len, len, false))
        fake_fail("a piece of %zu bytes is not granted", len);
    f->len += len;
}

static void handle_frame(struct fake_vif *v, RING_IDX end)
{
    static uint8_t bytes[VIF_FRAME];
    struct vif_frame f = {.bytes = bytes};
    netif_tx_request_t piece[XEN_NETIF_NR_SLOTS_MIN];
    unsigned n = 0;
    size_t rest = 0;

    do {
        if (n == XEN_NETIF_NR_SLOTS_MIN)
            fake_fail("a frame of more than %u pieces", n);
        piece[n] = next_request(v, end);
        if (n == 0 && piece[0].flags & NETTXF_extra_info)
            read_extra(v, end, &f);
        else if (piece[n].flags & NETTXF_extra_info)
            fake_fail("an extra request in a frame");
        rest += n > 0 ? piece[n].size : 0;
    } while (piece[n++].flags & NETTXF_more_data);
    if (n > 1 && !offers(v, "feature-sg=1"))
        fake_fail("a frame of %u pieces, which is not offered", n);
    if (piece[0].size < 14 + rest)
        fake_fail("a frame of %u bytes with %zu in its other pieces",
                  piece[0].size, rest);
    f.is_blank = piece[0].flags & NETTXF_csum_blank;
    f.is_checked = piece[0].flags & NETTXF_data_validated;
    read_piece(&piece[0], piece[0].size - rest, &f);
    for (unsigned i = 1; i < n; i++)
        read_piece(&piece[i], piece[i].size, &f);
    check_request(v, &f);
    if (n > v->slots_most)
        v->slots_most = n;
    v->slots = n;
    for (unsigned i = 0; i < n; i++)
        v->slot_grant[i] = piece[i].gref;
    if (!v->refuses && fake.now >= v->up_at)
        forward(v, &f);
    if (v->respond && v->respond(v, n))
        return;
    for (unsigned i = 0; i < n; i++) {
        respond(v, piece[i].id,
                v->refuses ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
        if (i == 0 && f.segment) /* in the place of the extra request */
            respond(v, 0, NETIF_RSP_NULL);
    }
}

static void handle_frames(struct fake_vif *v)
{
    int more = true, notify;

    while (more) {
        RING_IDX end = v->tx.sring->req_prod;

        if (RING_REQUEST_PROD_OVERFLOW(&v->tx, end))
            fake_fail("more requests than the ring has room for");
        while (v->tx.req_cons != end)
            handle_frame(v, end);
        RING_FINAL_CHECK_FOR_REQUESTS(&v->tx, more);
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&v->tx, notify);
    if (notify)
        backend_notify(&v->backend);
}

/* To the image. */

static bool has_extra(const struct vif_frame *f)
{
    return f->segment || f->gso;
}

static unsigned slots_of(const struct fake_vif *v, const struct vif_frame *f)
{
    size_t most = PAGE_BYTES - v->offset;

    return (unsigned)((f->len + most - 1) / most) + has_extra(f);
}

static uint16_t flags_of(const struct vif_frame *f, unsigned n, bool more)
{
    uint16_t flags = more ? NETRXF_more_data : 0;

    if (n > 0)
        return flags;
    if (f->is_blank)
        flags |= NETRXF_csum_blank | NETRXF_data_validated;
    else if (f->is_checked)
        flags |= NETRXF_data_validated;
    return has_extra(f) ? flags | NETRXF_extra_info : flags;
}

static void put_extra(struct fake_vif *v, const struct vif_frame *f)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

    extra.u.gso.size = f->segment;
    extra.u.gso.type = f->gso ? f->gso : gso_of(f);
    v->rx.req_cons++;
    memcpy(RING_GET_RESPONSE(&v->rx, v->rx.rsp_prod_pvt++), &extra,
           sizeof extra);
}

uint32_t vif_next_page(struct fake_vif *v)
{
    return RING_GET_REQUEST(&v->rx, v->rx.req_cons)->gref;
}

static void receive_frame(struct fake_vif *v, const struct vif_frame *f)
{
    size_t at = 0;
    unsigned n = 0;

    for (; at < f->len; n++) {
        netif_rx_response_t *to;
        netif_rx_request_t r;
        size_t len = f->len - at;

        if (len > PAGE_BYTES - v->offset)
            len = PAGE_BYTES - v->offset;
        RING_COPY_REQUEST(&v->rx, v->rx.req_cons, &r);
        to = RING_GET_RESPONSE(&v->rx, v->rx.rsp_prod_pvt);
        if (!fake_copy(0, r.gref, v->offset, f->bytes + at, len, true))
            fake_fail("there is no page to receive in");
        *to = (netif_rx_response_t){
            .id = r.id,
            .offset = v->offset,
            .flags = flags_of(f, n, at + len < f->len) | v->promises,
            .status = v->fails ? NETIF_RSP_ERROR : (int16_t)len,
        };
        v->rx.req_cons++;
        v->rx.rsp_prod_pvt++;
        if (n == 0 && has_extra(f))
            put_extra(v, f);
        at += len;
    }
    v->frames_in++;
    if (f->segment)
        v->segments_in++;
}

static bool has_room(struct fake_vif *v)
{
    return v->rx.sring->req_prod - v->rx.req_cons >=
           slots_of(v, &v->queue[v->from]);
}

static void receive_frames(struct fake_vif *v)
{
    int notify;

    for (; v->count > 0 && has_room(v); v->count--) {
        receive_frame(v, &v->queue[v->from]);
        free(v->queue[v->from].bytes);
        v->from = (v->from + 1) % VIF_QUEUE;
    }
    v->rx.sring->req_event = v->rx.sring->req_prod + 1;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&v->rx, notify);
    if (notify)
        backend_notify(&v->backend);
}

static void act(struct backend *b)
{
    struct fake_vif *v = vif_of(b);

    if (b->is_notified)
        handle_frames(v);
    b->is_notified = false;
    receive_frames(v);
}

static nanoseconds next(struct backend *b)
{
    struct fake_vif *v = vif_of(b);

    return b->is_notified || (v->count > 0 && has_room(v)) ? fake.now : FOREVER;
}

void vif_add(struct fake_vif *v, unsigned number, const char *offers)
{
    char path[64], mac[20];

    v->backend = (struct backend){
        .kind = "vif",
        .number = number,
        .offers = offers,
        .connect = connect,
        .disconnect = disconnect,
        .act = act,
        .next = next,
    };
    snprintf(path, sizeof path, "device/vif/%u/mac", number);
    snprintf(mac, sizeof mac, "00:16:3e:00:00:%02x", number + 1);
    store_set(path, mac);
    backend_add(&v->backend);
}
