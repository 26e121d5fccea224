/* SPDX-License-Identifier: ISC */
/* A hostile backend (hostile.h). Its random numbers are xorshift64*. */
#include "hostile.h"
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#define WAYS 14 /* of misbehaving; the last are one */

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
    h->seed ^= h->seed << 13;
    h->seed ^= h->seed >> 7;
    h->seed ^= h->seed << 17;
    return (uint32_t)(h->seed * 0x2545f4914f6cdd1du >> 32) % bound;
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
             });
}

static void connect(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    h->rings = 0;
    strcmp(b->kind, "vbd") == 0 ? connect_disk(h) : connect_network(h);
    h->at = fake.now;
}

static void disconnect(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    for (unsigned i = 0; i < h->rings; i++)
        for (unsigned k = 0; k < h->ring[i].pages; k++)
            fake_unmap(h->ring[i].grant[k], true);
    h->rings = 0;
}

static uint8_t *entry_of(const struct hostile_ring *r, uint32_t at)
{
    return (uint8_t *)r->shared + r->head + at % r->size * r->entry;
}

/* Responds to the next request correctly. */
static void respond(struct hostile *h, struct hostile_ring *r)
{
    struct indices *at = r->shared;
    uint8_t *entry = entry_of(r, at->rsp_prod);
    uint8_t id[8];
    int16_t status = 0;

    if (at->rsp_prod == at->req_prod)
        return;
    if (r == &h->ring[1]) /* the receive ring: a length */
        status = (int16_t)below(h, 1600);
    else if (h->repeats > 0 && h->repeats--)
        status = h->status;
    memcpy(id, entry + r->request_id, r->id_bytes);
    memset(entry, 0, r->entry);
    memcpy(entry, id, r->id_bytes);
    memcpy(entry + r->status, &status, sizeof status);
    at->rsp_prod++;
}

static uint32_t odd_number(struct hostile *h)
{
    static const uint32_t numbers[] = {0, 1, 2, 31, 32, 33, 255, 256, 257,
                                       4095, 4096, 65535, 0x7fffffff,
                                       0x80000000, 0xffffffff};

    return numbers[below(h, sizeof numbers / sizeof numbers[0])];
}

/* Responds with one wrong number. */
static void respond_wrongly(struct hostile *h, struct hostile_ring *r)
{
    struct indices *at = r->shared;
    uint32_t before = at->rsp_prod;
    uint16_t wrong = (uint16_t)odd_number(h);
    uint8_t *entry;

    respond(h, r);
    entry = entry_of(r, before);
    memcpy(entry + 2 * below(h, (uint32_t)r->entry / 2), &wrong, sizeof wrong);
}

/* Up to 3,000 requests get the same status from now on: a valid one for others
 * (NETIF_RSP_NULL is 1), or an invalid one. */
static void repeat(struct hostile *h)
{
    static const int16_t statuses[] = {1, 1, 1, 1, -1, -2, 2, 32767};

    h->status = statuses[below(h, 8)];
    h->repeats = below(h, 3000);
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

static void write_page(struct hostile *h)
{
    uint32_t grant = fake_any_grant(HOSTILE_DOMAIN, below(h, 4096), true);
    uint8_t *page = grant ? fake_map(HOSTILE_DOMAIN, grant, true) : NULL;

    if (!page)
        return;
    scribble(h, page + below(h, PAGE_BYTES - 64), 64);
    fake_unmap(grant, true);
}

static void unmap(struct kept *k)
{
    if (k->page)
        fake_unmap(k->grant, k->writable);
    k->page = NULL;
}

/* Maps a page, which stays mapped until another takes its place, and writes to
 * all mapped pages. */
static void keep_page(struct hostile *h, bool write)
{
    struct kept *k = &h->kept[below(h, HOSTILE_KEEPS)];

    unmap(k);
    k->grant = fake_any_grant(HOSTILE_DOMAIN, below(h, 4096), write);
    k->writable = write;
    k->page = k->grant ? fake_map(HOSTILE_DOMAIN, k->grant, write) : NULL;
    for (k = h->kept; k < h->kept + HOSTILE_KEEPS; k++)
        if (k->page && k->writable)
            scribble(h, k->page + below(h, PAGE_BYTES - 64), 64);
}

void hostile_unmap_all(struct hostile *h)
{
    for (struct kept *k = h->kept; k < h->kept + HOSTILE_KEEPS; k++)
        unmap(k);
}

static void write_store(struct hostile *h)
{
    static const char *const names[] = {
        "state", "state", "state", "online", "sectors", "sector-size", "info",
        "feature-max-indirect-segments", "max-ring-page-order", "mtu",
        "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
        "feature-ipv6-csum-offload", "feature-rx-copy"};
    static const char *const values[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "", "-1", "4096", "x",
        "99999999999999999999", "18446744073709551615", "1 ", "0x10"};

    backend_write(&h->backend, names[below(h, sizeof names / sizeof names[0])],
                  values[below(h, sizeof values / sizeof values[0])]);
}

/* Each seed has two ways of misbehaving, so that none hides the others. */
static void misbehave(struct hostile *h, struct hostile_ring *r, unsigned way)
{
    switch (way) {
    case 0:
        scribble(h, entry_of(r, below(h, 1024)), r->entry);
        break;
    case 1:
        jump(h, r);
        break;
    case 2:
        ((struct indices *)r->shared)->rsp_prod++; /* whatever the entry has */
        break;
    case 3:
        write_page(h);
        break;
    case 4:
        keep_page(h, true);
        break;
    case 5:
        write_store(h);
        break;
    case 6:
        backend_restart(&h->backend);
        break;
    case 7:
        keep_page(h, false);
        break;
    case 8:
        repeat(h);
        break;
    default:
        respond_wrongly(h, r);
    }
}

/* Mostly responds correctly. */
static void do_something(struct hostile *h, struct hostile_ring *r)
{
    uint32_t chance = below(h, 100);

    if (chance < 2)
        misbehave(h, r, h->way[chance]);
    else
        respond(h, r);
}

static void act(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    b->is_notified = false;
    if (fake.now < h->at)
        return;
    for (uint32_t n = 1 + below(h, 30); n > 0 && h->turns > 0 && h->rings > 0;
         n--) {
        h->turns--;
        do_something(h, &h->ring[below(h, h->rings)]);
    }
    if (b->port)
        backend_notify(b);
    h->at = fake.now + below(h, 3000) * MICROSECOND;
}

static nanoseconds next(struct backend *b)
{
    struct hostile *h = hostile_of(b);

    return h->turns > 0 ? h->at : FOREVER;
}

void hostile_add(struct hostile *h, const char *kind, unsigned number,
                 const char *offers)
{
    char path[64];

    h->seed = h->seed * 0x9e3779b97f4a7c15u | 1;
    h->way[0] = below(h, WAYS);
    h->way[1] = below(h, WAYS);
    h->backend = (struct backend){
        .domain = HOSTILE_DOMAIN,
        .kind = kind,
        .number = number,
        .offers = offers,
        .connect = connect,
        .disconnect = disconnect,
        .act = act,
        .next = next,
    };
    snprintf(path, sizeof path, "device/%s/%u/mac", kind, number);
    store_set(path, "00:16:3e:00:00:09");
    backend_add(&h->backend);
}
