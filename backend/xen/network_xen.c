/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces whose backend is another domain (xen/io/netif.h).
 *
 * A frame is sent from the pages in which it lies, granted read-only, and freed
 * when the backend has answered (tx_frame.h: some of it is copied). The backend copies received frames into our
 * pages; the receive ring is kept full of them. At most SLOTS pages are lent in
 * each direction, no more than the interface has added to the pool. A page that
 * the backend still uses stays lent, and ends the device (front.h).
 *
 * A writer only fills the ring. The driver's fiber notifies the backend, once
 * for all frames of a turn.
 */
#include "events.h"
#include "front.h"
#include "grant.h"
#include "shared_ring.h"
#include "tx_frame.h"
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <xen/io/netif.h>

#define SLOTS   256u /* of either ring, of one page */
#define MOST    65535u /* bytes of a frame */
#define PIECES  XEN_NETIF_NR_SLOTS_MIN
#define NONE    SLOTS
#define AGAIN   (10 * MILLISECOND) /* when there were no pages */
#define STACK   16384
#define RESERVE (2 * SLOTS) /* pages: all that the backend can hold */

LOG_SOURCE(network);

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
    struct slot out[SLOTS], in[SLOTS];
    unsigned out_free;
    unsigned extras; /* requests for segment sizes, unanswered */
    bool is_woken;
    struct waiters turn; /* the driver's fiber, which waits for work */
    struct buf *arrived[NETWORK_BATCH];
    size_t arrived_count;
};

static struct interface *interface_of(struct network *n)
{
    return (struct interface *)(void *)n;
}

static struct interface *interface_of_front(struct front *f)
{
    return containing(f, struct interface, front);
}

static void wake(struct interface *i)
{
    i->is_woken = true;
    wake_all(&i->turn);
}

static void on_event(void *ctx)
{
    wake(interface_of_front(ctx));
}

/*
 * Ends the loan of a slot's page. False: the backend still uses it, after it
 * has answered. Then it has broken the protocol, and the page stays in its
 * slot, for reclaim.
 */
static bool take_back(struct interface *i, const struct slot *s)
{
    if (grant_end(s->grant))
        return true;
    front_protocol_error(&i->front,
                         "keeps a page in use that it has answered for");
    return false;
}

static void free_out(struct interface *i, unsigned id)
{
    struct slot *s = &i->out[id];

    if (!take_back(i, s))
        return;
    buf_free(s->b);
    s->b = NULL;
    s->next = i->out_free;
    i->out_free = id;
}

/*
 * One response to a sent piece, or to the segment size of a frame, which is
 * answered by NETIF_RSP_NULL. Each takes away one request that waits for it, so
 * that used slots and unanswered segment sizes always add up to the requests in
 * the ring, and a free place in the ring means a free slot.
 */
static void take_answer(struct interface *i, const netif_tx_response_t *r)
{
    if (r->status == NETIF_RSP_NULL) {
        if (i->extras == 0)
            front_protocol_error(&i->front,
                                 "answers a segment size that was not sent");
        else
            i->extras--;
        return;
    }
    if (r->id >= SLOTS || !i->out[r->id].b) {
        front_protocol_error(&i->front, "answers what nobody has sent");
        return;
    }
    if (r->status != NETIF_RSP_OKAY)
        i->network.counters.dropped_out++;
    free_out(i, r->id);
}

/* Takes the responses to what was sent. */
static void take_answers(struct interface *i)
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
            take_answer(i, &r);
        }
        if (i->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&i->tx, more);
    }
}

static void put_segment_size(struct interface *i, uint16_t size)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

    extra.u.gso.size = size;
    extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
    memcpy(RING_GET_REQUEST(&i->tx, i->tx.req_prod_pvt), &extra, sizeof extra);
    i->tx.req_prod_pvt++;
    i->extras++;
}

/* Puts one piece into the ring; size is that of the request. False: there is
 * no slot or no grant for it. */
static bool put_piece(struct interface *i, struct buf *b, uint16_t flags,
                      size_t size)
{
    unsigned id = i->out_free;
    struct slot *s = &i->out[id];
    netif_tx_request_t *r = RING_GET_REQUEST(&i->tx, i->tx.req_prod_pvt);
    uintptr_t at = (uintptr_t)b->data;

    if (id == NONE)
        return false;
    s->grant = grant_access(i->front.domain,
                            (const void *)(at & ~(uintptr_t)(PAGE_BYTES - 1)),
                            false);
    if (s->grant == 0)
        return false;
    i->out_free = s->next;
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
            /* The room was looked at before: this cannot be. */
            front_protocol_error(&i->front, "has left no slot or no grant");
            buf_free(frame);
            buf_free(next);
            return;
        }
        if (flags & NETTXF_extra_info)
            put_segment_size(i, o.segment);
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

/* Is there room for the largest frame, which has a segment size, too? */
static bool has_room(const struct interface *i)
{
    return (unsigned)RING_FREE_REQUESTS(&i->tx) >= PIECES + 1;
}

static void xen_write(struct network *n, struct buf *frame)
{
    struct interface *i = interface_of(n);
    unsigned most = i->can_pieces ? PIECES : 1;

    if (i->front.is_connected && !has_room(i))
        take_answers(i);
    if (!i->front.is_connected || buf_length(frame) > MOST ||
        (frame->offload.segment && !i->can_segments) ||
        !has_room(i) || grants_free() < PIECES) {
        drop(i, frame);
        return;
    }
    frame = tx_frame(frame, most);
    if (!frame) {
        drop(i, NULL);
        return;
    }
    put_frame(i, frame);
    wake(i);
}

static const struct network_ops xen_ops = {
    .write = xen_write,
};

/* Fills the ring with pages for what comes. False: there were too few. */
static bool offer_pages(struct interface *i)
{
    RING_IDX end = i->rx.rsp_cons + SLOTS;

    for (; i->rx.req_prod_pvt != end; i->rx.req_prod_pvt++) {
        unsigned id = i->rx.req_prod_pvt % SLOTS;
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

    if (!take_back(i, s))
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
    unsigned id = i->rx.rsp_cons % SLOTS;
    netif_rx_response_t r;
    struct netif_extra_info extra;

    RING_COPY_RESPONSE(&i->rx, i->rx.rsp_cons, &r);
    memcpy(&extra, &r, sizeof extra);
    i->rx.rsp_cons++;
    if (i->in[id].b && take_back(i, &i->in[id])) {
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
    unsigned id = i->rx.rsp_cons % SLOTS;
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

static void take_all(struct interface *i)
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

/* Tells the backend what there is. */
static void push(struct interface *i)
{
    int notify_tx, notify_rx;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&i->tx, notify_tx);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&i->rx, notify_rx);
    if (notify_tx || notify_rx)
        event_notify(i->front.event.port);
}

static void drive(void *ctx)
{
    struct interface *i = ctx;
    bool enough = true;

    for (;;) {
        enum status s = OK;

        while (s == OK && (!i->is_woken || !i->front.is_connected)) {
            s = wait_until(&i->turn, enough || !i->front.is_connected
                                         ? FOREVER
                                         : time_after(AGAIN));
            if (s == ERR_TIMEOUT) {
                i->is_woken = true;
                s = OK;
            }
        }
        if (s != OK)
            return;
        i->is_woken = false;
        take_answers(i);
        take_all(i);
        if (i->front.is_connected) {
            enough = offer_pages(i);
            push(i);
        }
    }
}

static enum status make_rings(struct interface *i)
{
    netif_tx_sring_t *tx;
    netif_rx_sring_t *rx;
    enum status s = ring_alloc(&i->tx_pages, i->front.domain, 1);

    if (s == OK)
        s = ring_alloc(&i->rx_pages, i->front.domain, 1);
    if (s != OK)
        return s;
    tx = i->tx_pages.pages;
    rx = i->rx_pages.pages;
    SHARED_RING_INIT(tx);
    SHARED_RING_INIT(rx);
    FRONT_RING_INIT(&i->tx, tx, PAGE_BYTES);
    FRONT_RING_INIT(&i->rx, rx, PAGE_BYTES);
    for (unsigned n = 0; n < SLOTS; n++)
        i->out[n].next = n + 1;
    i->out_free = 0;
    i->extras = 0;
    return OK;
}

static enum status publish_rings(struct interface *i)
{
    char tx[12], rx[12], port[12];
    const struct xenstore_entry entries[] = {
        {"tx-ring-ref", tx},
        {"rx-ring-ref", rx},
        {"event-channel", port},
        {"request-rx-copy", "1"},
        {"feature-rx-notify", "1"},
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"state", "4"}, /* Connected */
    };

    text_format(tx, sizeof tx, "%u", i->tx_pages.grant[0]);
    text_format(rx, sizeof rx, "%u", i->rx_pages.grant[0]);
    text_format(port, sizeof port, "%u", i->front.event.port);
    return front_publish(&i->front, entries,
                         sizeof entries / sizeof entries[0]);
}

static unsigned reclaim_slots(struct slot *slots)
{
    unsigned held = 0;

    for (unsigned n = 0; n < SLOTS; n++)
        if (slots[n].b && grant_end(slots[n].grant)) {
            buf_free(slots[n].b);
            slots[n].b = NULL;
        } else if (slots[n].b) {
            held++;
        }
    return held;
}

/* Takes back all that was lent for a connection (front.h). */
static unsigned reclaim(struct front *f)
{
    struct interface *i = interface_of_front(f);

    return ring_free(&i->tx_pages) + ring_free(&i->rx_pages) +
           reclaim_slots(i->out) + reclaim_slots(i->in);
}

/*
 * Reads what the backend offers, which may be less than the one before it did.
 * A backend that cannot leave a checksum blank cannot cut segments: each of
 * them would need its own.
 */
static enum status negotiate(struct interface *i)
{
    struct front *f = &i->front;
    bool can_sum = front_read_number(f, "feature-no-csum-offload", 0) != 1;

    if (front_read_number(f, "feature-rx-copy", 0) != 1) {
        log_error(&network, "%s: its backend does not copy what comes in "
                            "(feature-rx-copy), which it must",
                  i->name);
        return ERR_UNSUPPORTED;
    }
    i->can_pieces = front_read_number(f, "feature-sg", 0) == 1;
    i->can_segments = i->can_pieces && can_sum &&
                      front_read_number(f, "feature-gso-tcpv4", 0) == 1;
    i->network.features = (can_sum ? NETWORK_CHECKSUM : 0) |
                          (i->can_segments ? NETWORK_TCP_SEGMENTS : 0);
    return OK;
}

static enum status publish(struct front *f)
{
    struct interface *i = interface_of_front(f);
    enum status s = make_rings(i);

    if (s == OK)
        s = negotiate(i);
    if (s != OK)
        return s;
    (void)offer_pages(i);
    RING_PUSH_REQUESTS(&i->rx);
    return publish_rings(i);
}

static void set_up(struct interface *i, bool up)
{
    i->network.up = up;
    wake_all(&i->network.changed);
}

static void connected(struct front *f)
{
    set_up(interface_of_front(f), true);
    wake(interface_of_front(f));
}

static void disconnected(struct front *f)
{
    set_up(interface_of_front(f), false);
}

static void gone(struct front *f)
{
    interface_of_front(f)->network.gone = true;
    wake_all(&interface_of_front(f)->network.changed);
}

static const struct front_ops front_ops = {
    .log = &network,
    .ready = IS(InitWait) | IS(Connected),
    .publish = publish,
    .connected = connected,
    .disconnected = disconnected,
    .reclaim = reclaim,
    .gone = gone,
    .reclaim_all = reclaim,
    .on_event = on_event,
};

/* The value of a hexadecimal digit; 16: it is none. */
static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 16;
}

/* Reads the address of one interface: not a group's, and not zero. */
static bool read_mac(const char *text, struct mac *mac)
{
    static const struct mac zero;

    for (int n = 0; n < 6; n++, text += 3) {
        unsigned high = digit_of(text[0]);
        unsigned low = high < 16 ? digit_of(text[1]) : 16;

        if (low == 16 || text[2] != (n < 5 ? ':' : '\0'))
            return false;
        mac->byte[n] = (uint8_t)(high << 4 | low);
    }
    return !(mac->byte[0] & 1) && memcmp(mac, &zero, sizeof zero) != 0;
}

/* An entry of our own, which the toolstack has written. */
static enum status read_own(struct interface *i, const char *name, char *value,
                            size_t size)
{
    char path[FRONT_NAME + 16];

    text_format(path, sizeof path, "%s/%s", i->front.path, name);
    return xenstore_read(path, value, size);
}

static enum status read_offers(struct interface *i)
{
    char text[32];
    uint64_t mtu = front_read_number(&i->front, "mtu", 1500);

    if (read_own(i, "mac", text, sizeof text) != OK ||
        !read_mac(text, &i->network.mac)) {
        log_error(&network, "%s: the toolstack has given it no MAC address "
                            "that an interface can have; in the .xl file: "
                            "vif = [ \"mac=...\" ]",
                  i->name);
        return ERR_FORMAT;
    }
    i->network.mtu = mtu >= 68 && mtu <= MOST - ETHERNET_HEADER ? (uint16_t)mtu
                                                                : 1500;
    return OK;
}

static enum status find(struct interface *i, const char *name)
{
    char others[100], *end;
    unsigned long number = strtoul(name, &end, 10);
    enum status s;

    if (!*name || *end) {
        log_error(&network, "%s is no network of Xen's; one is 0, the first",
                  name);
        return ERR_NAME;
    }
    text_format(i->name, sizeof i->name, "vif %lu", number);
    s = front_find(&i->front, i->name, "vif", number);
    if (s == ERR_NOT_FOUND) {
        front_format_names("vif", others, sizeof others);
        log_error(&network,
                  "there is no network %lu; what there is: %s. A line of the "
                  ".xl file gives them, one after the other: vif = [ "
                  "\"bridge=xenbr0\" ]",
                  number, others);
    } else if (s != OK) {
        log_error(&network, "%s: xenstore: %s", i->name, status_text(s));
    }
    return s;
}

enum status network_xen_connect(const char *name, struct network **made)
{
    static const struct fiber_options options = {"network", STACK};
    struct interface *i = calloc(1, sizeof *i);
    struct fiber *fiber;
    enum status s;

    if (!i || buf_reserve(RESERVE) != OK) {
        free(i);
        return ERR_NO_MEMORY;
    }
    i->network.ops = &xen_ops;
    i->network.name = i->name;
    if ((s = find(i, name)) != OK || (s = read_offers(i)) != OK ||
        (s = front_connect(&i->front, &front_ops)) != OK ||
        (s = fiber_spawn(&options, drive, i, &fiber)) != OK ||
        (s = front_follow(&i->front, &options)) != OK)
        return s; /* the image ends */
    *made = &i->network;
    return OK;
}
