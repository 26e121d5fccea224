/* SPDX-License-Identifier: ISC */
/* A hostile backend (hostile.h). */
#include "hostile.h"
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#define SERVED 30 /* acts of a turn, at most */

/* The kinds of lies. */
enum { SCRIBBLED_ENTRY,
       JUMPING_INDEX,
       UNWRITTEN_RESPONSE,
       SCRIBBLED_PAGE,
       KEPT_PAGE, /* writable */
       KEPT_SENT_PAGE,
       WRONG_ENTRY, /* of xenstore */
       RESTART,
       WRONG_STATUS,
       WRONG_WORD, /* of a response */
       WRONG_ID,
       WRONG_LENGTH,
       WRONG_FLAGS,
       EMPTY_EVENT };

/* The start of all rings. */
struct indices {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
};

static struct hostile *hostile_of(struct backend *b)
{
    return containing(b, struct hostile, backend);
}

static uint32_t below(struct hostile *h, uint32_t bound)
{
    return liar_pick(&h->liar, bound);
}

static uint32_t odd_number(struct hostile *h)
{
    return liar_number(&h->liar);
}

static void add_ring(struct hostile *h, const char *const *names,
                     unsigned pages, struct hostile_ring kind)
{
    struct hostile_ring *r = &h->ring[h->rings++];

    *r = kind;
    for (unsigned i = 0; i < pages; i++) {
        void *page = backend_map(&h->backend, names[i], &r->grant[i]);

        if (i == 0)
            r->shared = page;
        r->pages++;
    }
    while (kind.head + 2 * r->size * kind.entry <= pages * PAGE_BYTES)
        r->size = r->size ? 2 * r->size : 1;
}

static void connect_disk(struct hostile *h)
{
    static const char *const names[] = {"ring-ref0", "ring-ref1", "ring-ref2",
                                        "ring-ref3"};

    add_ring(h, names,
             1u << backend_read_number(&h->backend, "ring-page-order"),
             (struct hostile_ring){
                 .head = offsetof(blkif_sring_t, ring),
                 .entry = sizeof(union blkif_sring_entry),
                 .request_id = offsetof(blkif_request_t, id),
                 .id_bytes = 8,
                 .status = offsetof(blkif_response_t, status),
             });
}

static void connect_network(struct hostile *h)
{
    static const char *const tx = "tx-ring-ref", *const rx = "rx-ring-ref";

    add_ring(h, &tx, 1,
             (struct hostile_ring){
                 .head = offsetof(netif_tx_sring_t, ring),
                 .entry = sizeof(union netif_tx_sring_entry),
                 .request_id = offsetof(netif_tx_request_t, id),
                 .id_bytes = 2,
                 .status = offsetof(netif_tx_response_t, status),
             });
    add_ring(h, &rx, 1,
             (struct hostile_ring){
                 .head = offsetof(netif_rx_sring_t, ring),
                 .entry = sizeof(union netif_rx_sring_entry),
                 .request_id = offsetof(netif_rx_request_t, id),
                 .id_bytes = 2,
                 .status = offsetof(netif_rx_response_t, status),
                 .receives = true,
             });
}

static void unmap_rings(struct hostile *h)
{
    unsigned rings = h->rings;

    liar_lock();
    h->rings = 0;
    liar_unlock();
    for (unsigned i = 0; i < rings; i++)
        for (unsigned k = 0; k < h->ring[i].pages; k++)
            fake_unmap(h->ring[i].grant[k], true);
}

static void connect(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    unmap_rings(h);
    liar_lock();
    strcmp(b->kind, "vbd") == 0 ? connect_disk(h) : connect_network(h);
    liar_unlock();
    h->at = fake.now;
}

/* The rings may stay mapped, so that it can go on to write to them. */
static void disconnect(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    if (!h->keeps_rings)
        unmap_rings(h);
}

static uint8_t *entry_of(const struct hostile_ring *r, uint32_t at)
{
    return (uint8_t *)r->shared + r->head + at % r->size * r->entry;
}

/* Responds to the next request correctly. False: there is none. */
static bool respond(struct hostile *h, struct hostile_ring *r)
{
    struct indices *at = r->shared;
    uint8_t *entry = entry_of(r, at->rsp_prod);
    uint8_t id[8];
    int16_t status = 0;

    if (at->rsp_prod == at->req_prod)
        return false;
    if (r->receives)
        status = (int16_t)below(h, 1600);
    memcpy(id, entry + r->request_id, r->id_bytes);
    memset(entry, 0, r->entry);
    memcpy(entry, id, r->id_bytes);
    memcpy(entry + r->status, &status, sizeof status);
    at->rsp_prod++;
    return true;
}

/* Responds with one wrong number, at this byte of the response. After it was
 * disconnected it does so without a request. */
static bool respond_wrongly(struct hostile *h, struct hostile_ring *r,
                            size_t at, uint16_t wrong)
{
    uint32_t before = ((struct indices *)r->shared)->rsp_prod;

    if (!respond(h, r)) {
        if (h->backend.port)
            return false;
        ((struct indices *)r->shared)->rsp_prod++;
    }
    memcpy(entry_of(r, before) + at, &wrong, sizeof wrong);
    return true;
}

/* Many requests get the same status: a valid one for others (NETIF_RSP_NULL is
 * 1), or an invalid one. */
static bool lie_about_status(struct hostile *h, struct hostile_ring *r)
{
    static const int16_t statuses[] = {1, 1, 1, 1, -1, -2, 2, 32767};

    return respond_wrongly(h, r, r->status, (uint16_t)statuses[h->status % 8]);
}

/* That of a request which may have none, was responded to, or is another. */
static bool lie_about_id(struct hostile *h, struct hostile_ring *r)
{
    return respond_wrongly(h, r, 0,
                           (uint16_t)(below(h, 2) ? below(h, r->size)
                                                  : odd_number(h)));
}

/* An offset or a length that ends beyond the page, or just within it. */
static bool lie_about_length(struct hostile *h, struct hostile_ring *r)
{
    return respond_wrongly(h, r, r->receives && below(h, 2) ? 2 : r->status,
                           (uint16_t)odd_number(h));
}

/* Frames without end, of pieces and extra segments. */
static bool lie_about_flags(struct hostile *h, struct hostile_ring *r)
{
    return respond_wrongly(h, r, r->receives ? 4 : r->id_bytes,
                           (uint16_t)(below(h, 2) ? NETRXF_more_data
                                                  : below(h, 16)));
}

static void scribble(struct hostile *h, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)below(h, 256);
}

static void jump(struct hostile *h, struct hostile_ring *r)
{
    uint32_t *index = (uint32_t *)r->shared + below(h, 4);

    *index = below(h, 2) ? *index + odd_number(h) : odd_number(h);
}

static bool write_page(struct hostile *h)
{
    uint32_t grant = fake_any_grant(HOSTILE_DOMAIN, below(h, 4096), true);
    uint8_t *page = grant ? fake_map(HOSTILE_DOMAIN, grant, true) : NULL;

    if (!page)
        return false;
    scribble(h, page + below(h, PAGE_BYTES - 64), 64);
    fake_unmap(grant, true);
    return true;
}

static void unmap(struct kept *k)
{
    bool was_mapped = k->page != NULL;

    liar_lock();
    k->page = NULL;
    liar_unlock();
    if (was_mapped)
        fake_unmap(k->grant, k->writable);
}

/* Maps a page, which stays mapped until another takes its place, and writes to
 * all mapped pages. */
static bool keep_page(struct hostile *h, bool write)
{
    struct kept *k = &h->kept[below(h, HOSTILE_KEEPS)];
    uint8_t *page;

    unmap(k);
    k->grant = fake_any_grant(HOSTILE_DOMAIN, below(h, 4096), write);
    k->writable = write;
    page = k->grant ? fake_map(HOSTILE_DOMAIN, k->grant, write) : NULL;
    liar_lock();
    k->page = page;
    liar_unlock();
    for (k = h->kept; k < h->kept + HOSTILE_KEEPS; k++)
        if (k->page && k->writable)
            scribble(h, k->page + below(h, PAGE_BYTES - 64), 64);
    return page != NULL;
}

void hostile_unmap_all(struct hostile *h)
{
    h->turns = 0;
    unmap_rings(h);
    for (struct kept *k = h->kept; k < h->kept + HOSTILE_KEEPS; k++)
        unmap(k);
}

static void write_store(struct hostile *h)
{
    static const char *const names[] = {
        "state", "state", "state", "online", "sectors", "sector-size", "info",
        "feature-max-indirect-segments", "max-ring-page-order", "mtu",
        "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
        "feature-ipv6-csum-offload", "feature-rx-copy",
        "discard-granularity", "discard-alignment"};
    static const char *const values[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "", "-1", "4096", "x",
        "33", "99999999999999999999", "18446744073709551615", "4294967296",
        "1 ", "0x10"};

    backend_write(&h->backend, names[below(h, sizeof names / sizeof names[0])],
                  values[below(h, sizeof values / sizeof values[0])]);
}

/* False: there was nothing to lie about. */
static bool lie_in_ring(struct hostile *h, struct hostile_ring *r,
                        unsigned kind)
{
    switch (kind) {
    case SCRIBBLED_ENTRY:
        scribble(h, entry_of(r, below(h, 1024)), r->entry);
        return true;
    case JUMPING_INDEX:
        jump(h, r);
        return true;
    case UNWRITTEN_RESPONSE:
        ((struct indices *)r->shared)->rsp_prod++;
        return true;
    case WRONG_STATUS:
        return lie_about_status(h, r);
    case WRONG_ID:
        return lie_about_id(h, r);
    case WRONG_LENGTH:
        return lie_about_length(h, r);
    case WRONG_FLAGS:
        return lie_about_flags(h, r);
    default:
        return respond_wrongly(h, r, 2 * below(h, (uint32_t)r->entry / 2),
                               (uint16_t)odd_number(h));
    }
}

static bool lie(struct hostile *h, unsigned kind)
{
    switch (kind) {
    case SCRIBBLED_PAGE:
        return write_page(h);
    case KEPT_PAGE:
    case KEPT_SENT_PAGE:
        return keep_page(h, kind == KEPT_PAGE);
    case WRONG_ENTRY:
        write_store(h);
        return true;
    case RESTART:
        backend_restart(&h->backend);
        return true;
    case EMPTY_EVENT:
        if (h->backend.port)
            backend_notify(&h->backend);
        return h->backend.port != 0;
    default:
        return h->rings > 0 &&
               lie_in_ring(h, &h->ring[below(h, h->rings)], kind);
    }
}

static void act(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    b->is_notified = false;
    if (fake.now < h->at)
        return;
    for (uint32_t n = 1 + below(h, SERVED); n > 0 && h->turns > 0; n--) {
        unsigned kind = liar_choose(&h->liar);
        bool is_heard = b->port != 0;

        h->turns--;
        if (kind == LIAR_HONEST ? h->rings > 0 && b->port &&
                                      respond(h, &h->ring[below(h, h->rings)])
                                : lie(h, kind))
            liar_count(&h->liar, kind, is_heard);
    }
    if (b->port)
        backend_notify(b);
    h->at = fake.now + below(h, 3000) * MICROSECOND;
}

static nanoseconds next(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    return h->turns > 0 ? max(h->at, fake.now) : FOREVER;
}

/* What the thread changes, as bits. */
enum { ENTRIES_CHANGE = 1,
       RESPONSES_CHANGE = 2, /* their number */
       PAGES_CHANGE = 4,
       INDICES_CHANGE = 8 }; /* the others */

void hostile_scribble(struct hostile *h, uint32_t random)
{
    struct hostile_ring *r = &h->ring[random & 1];
    struct indices *at = r->shared;
    struct kept *k = &h->kept[random >> 1 & (HOSTILE_KEEPS - 1)];

    if (h->scribbles & PAGES_CHANGE && k->page && k->writable)
        liar_write(k->page + (random >> 7 & 4095), (uint8_t)random);
    if ((random & 1) >= h->rings)
        return;
    if (h->scribbles & ENTRIES_CHANGE)
        liar_write(entry_of(r, random >> 1) + (random >> 12) % r->entry,
                   (uint8_t)(random >> 24));
    if (h->scribbles & RESPONSES_CHANGE && random >> 27 == 0)
        liar_write_index(&at->rsp_prod, at->rsp_prod + (random >> 24 & 7) - 3);
    if (h->scribbles & INDICES_CHANGE)
        liar_write_index(random & 2   ? &at->req_event
                         : random & 4 ? &at->rsp_event
                                      : &at->req_prod,
                         random);
}

void hostile_add(struct hostile *h, const char *kind, unsigned number,
                 const char *offers)
{
    char path[64];

    h->status = below(h, 8);
    h->backend = (struct backend){
        .domain = HOSTILE_DOMAIN,
        .kind = kind,
        .number = number,
        .offers = offers,
        .connect = connect,
        .disconnect = disconnect,
        .act = act,
        .next = next,
        .acts_always = true,
    };
    snprintf(path, sizeof path, "device/%s/%u/mac", kind, number);
    store_set(path, "00:16:3e:00:00:09");
    backend_add(&h->backend);
}
