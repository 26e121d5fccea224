/* SPDX-License-Identifier: ISC */
#include "liar.h"
#include <mirage/buf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#define WAYS 14 /* of lying: the last are one */

/* What all rings begin with. */
struct indices {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
};

static struct liar *liar_of(struct backend *b)
{
    return (struct liar *)b;
}

static uint32_t below(struct liar *l, uint32_t bound)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return (uint32_t)(l->seed * 0x2545f4914f6cdd1du >> 32) % bound;
}

static void add_ring(struct liar *l, const char *const *names, unsigned pages,
                     struct liar_ring kind)
{
    struct liar_ring *r = &l->ring[l->rings++];

    *r = kind;
    for (unsigned i = 0; i < pages; i++) {
        void *page = backend_maps(&l->backend, names[i], &r->grant[i]);

        if (i == 0)
            r->shared = page;
        r->pages++;
    }
    while (kind.head + 2 * r->size * kind.entry <= pages * PAGE_BYTES)
        r->size = r->size ? 2 * r->size : 1;
}

static void connect_disk(struct liar *l)
{
    static const char *const names[] = {"ring-ref0", "ring-ref1", "ring-ref2",
                                        "ring-ref3"};

    add_ring(l, names,
             1u << backend_asks(&l->backend, "ring-page-order"),
             (struct liar_ring){
                 .head = offsetof(blkif_sring_t, ring),
                 .entry = sizeof(union blkif_sring_entry),
                 .request_id = offsetof(blkif_request_t, id),
                 .id_bytes = 8,
                 .status = offsetof(blkif_response_t, status),
             });
}

static void connect_network(struct liar *l)
{
    static const char *const tx = "tx-ring-ref", *const rx = "rx-ring-ref";

    add_ring(l, &tx, 1,
             (struct liar_ring){
                 .head = offsetof(netif_tx_sring_t, ring),
                 .entry = sizeof(union netif_tx_sring_entry),
                 .request_id = offsetof(netif_tx_request_t, id),
                 .id_bytes = 2,
                 .status = offsetof(netif_tx_response_t, status),
             });
    add_ring(l, &rx, 1,
             (struct liar_ring){
                 .head = offsetof(netif_rx_sring_t, ring),
                 .entry = sizeof(union netif_rx_sring_entry),
                 .request_id = offsetof(netif_rx_request_t, id),
                 .id_bytes = 2,
                 .status = offsetof(netif_rx_response_t, status),
             });
}

static void connect(struct backend *b)
{
    struct liar *l = liar_of(b);

    l->rings = 0;
    strcmp(b->kind, "vbd") == 0 ? connect_disk(l) : connect_network(l);
    l->at = fake.now;
}

static void disconnect(struct backend *b)
{
    struct liar *l = liar_of(b);

    for (unsigned i = 0; i < l->rings; i++)
        for (unsigned k = 0; k < l->ring[i].pages; k++)
            fake_unmap(l->ring[i].grant[k], true);
    l->rings = 0;
}

static uint8_t *entry_of(const struct liar_ring *r, uint32_t at)
{
    return (uint8_t *)r->shared + r->head + at % r->size * r->entry;
}

/* As an honest one: the next request, done. */
static void answer(struct liar *l, struct liar_ring *r)
{
    struct indices *at = r->shared;
    uint8_t *entry = entry_of(r, at->rsp_prod);
    uint8_t id[8];
    int16_t status = 0;

    if (at->rsp_prod == at->req_prod)
        return;
    if (r == &l->ring[1]) /* what has come */
        status = (int16_t)below(l, 1600);
    else if (l->repeats > 0 && l->repeats--)
        status = l->status;
    memcpy(id, entry + r->request_id, r->id_bytes);
    memset(entry, 0, r->entry);
    memcpy(entry, id, r->id_bytes);
    memcpy(entry + r->status, &status, sizeof status);
    at->rsp_prod++;
}

static uint32_t odd_number(struct liar *l)
{
    static const uint32_t numbers[] = {0, 1, 2, 31, 32, 33, 255, 256, 257,
                                       4095, 4096, 65535, 0x7fffffff,
                                       0x80000000, 0xffffffff};

    return numbers[below(l, sizeof numbers / sizeof numbers[0])];
}

/* Nearly an honest one: one number of its answer is another. */
static void answer_wrongly(struct liar *l, struct liar_ring *r)
{
    struct indices *at = r->shared;
    uint32_t before = at->rsp_prod;
    uint16_t wrong = (uint16_t)odd_number(l);
    uint8_t *entry;

    answer(l, r);
    entry = entry_of(r, before);
    memcpy(entry + 2 * below(l, (uint32_t)r->entry / 2), &wrong, sizeof wrong);
}

/* Up to thousands of requests from now on end in the same status, which others
 * have (NETIF_RSP_NULL is 1) or none. */
static void repeat(struct liar *l)
{
    static const int16_t statuses[] = {1, 1, 1, 1, -1, -2, 2, 32767};

    l->status = statuses[below(l, 8)];
    l->repeats = below(l, 3000);
}

static void scribble(struct liar *l, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)below(l, 256);
}

static void jump(struct liar *l, struct liar_ring *r)
{
    uint32_t *index = (uint32_t *)r->shared + below(l, 4);

    *index = below(l, 2) ? *index + odd_number(l) : odd_number(l);
}

static void write_page(struct liar *l)
{
    uint32_t grant = fake_any_grant(LIAR_DOMAIN, below(l, 4096), true);
    uint8_t *page = grant ? fake_map(LIAR_DOMAIN, grant, true) : NULL;

    if (!page)
        return;
    scribble(l, page + below(l, PAGE_BYTES - 64), 64);
    fake_unmap(grant, true);
}

static void let_go(struct kept *k)
{
    if (k->page)
        fake_unmap(k->grant, k->writable);
    k->page = NULL;
}

/* A page stays mapped until another takes its place, and is written to if that
 * can be. */
static void keep_page(struct liar *l, bool write)
{
    struct kept *k = &l->kept[below(l, LIAR_KEEPS)];

    let_go(k);
    k->grant = fake_any_grant(LIAR_DOMAIN, below(l, 4096), write);
    k->writable = write;
    k->page = k->grant ? fake_map(LIAR_DOMAIN, k->grant, write) : NULL;
    for (k = l->kept; k < l->kept + LIAR_KEEPS; k++)
        if (k->page && k->writable)
            scribble(l, k->page + below(l, PAGE_BYTES - 64), 64);
}

void liar_lets_go(struct liar *l)
{
    for (struct kept *k = l->kept; k < l->kept + LIAR_KEEPS; k++)
        let_go(k);
}

static void write_store(struct liar *l)
{
    static const char *const names[] = {
        "state", "state", "state", "online", "sectors", "sector-size", "info",
        "feature-max-indirect-segments", "max-ring-page-order", "mtu",
        "feature-sg", "feature-gso-tcpv4", "feature-rx-copy"};
    static const char *const values[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "", "-1", "4096", "x",
        "99999999999999999999", "18446744073709551615", "1 ", "0x10"};

    backend_says(&l->backend, names[below(l, sizeof names / sizeof names[0])],
                 values[below(l, sizeof values / sizeof values[0])]);
}

/* Each seed has two ways of lying, so that none hides the others. */
static void lie(struct liar *l, struct liar_ring *r, unsigned way)
{
    switch (way) {
    case 0:
        scribble(l, entry_of(r, below(l, 1024)), r->entry);
        break;
    case 1:
        jump(l, r);
        break;
    case 2:
        ((struct indices *)r->shared)->rsp_prod++; /* whatever stands there */
        break;
    case 3:
        write_page(l);
        break;
    case 4:
        keep_page(l, true);
        break;
    case 5:
        write_store(l);
        break;
    case 6:
        backend_restart(&l->backend);
        break;
    case 7:
        keep_page(l, false);
        break;
    case 8:
        repeat(l);
        break;
    default:
        answer_wrongly(l, r);
    }
}

/* A lie, or for the most part none. */
static void do_something(struct liar *l, struct liar_ring *r)
{
    uint32_t chance = below(l, 100);

    if (chance < 2)
        lie(l, r, l->way[chance]);
    else
        answer(l, r);
}

static void act(struct backend *b)
{
    struct liar *l = liar_of(b);

    b->is_told = false;
    if (fake.now < l->at)
        return;
    for (uint32_t n = 1 + below(l, 30); n > 0 && l->lies > 0 && l->rings > 0;
         n--) {
        l->lies--;
        do_something(l, &l->ring[below(l, l->rings)]);
    }
    if (b->port)
        backend_notify(b);
    l->at = fake.now + below(l, 3000) * MICROSECOND;
}

static nanoseconds next(struct backend *b)
{
    struct liar *l = liar_of(b);

    return l->lies > 0 ? l->at : FOREVER;
}

void liar_add(struct liar *l, const char *kind, unsigned number,
              const char *offers)
{
    char path[64];

    l->seed = l->seed * 0x9e3779b97f4a7c15u | 1;
    l->way[0] = below(l, WAYS);
    l->way[1] = below(l, WAYS);
    l->backend = (struct backend){
        .domain = LIAR_DOMAIN,
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
    backend_add(&l->backend);
}
