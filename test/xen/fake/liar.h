/* SPDX-License-Identifier: ISC */
/*
 * liar: a hostile backend, of a disk or a network interface. By a seed it
 * answers as it should, or writes nonsense into the rings, into pages that were
 * granted and into the store, keeps pages mapped, jumps with indices, sends
 * events, goes away and comes back.
 */
#ifndef XEN_FAKE_LIAR_H
#define XEN_FAKE_LIAR_H

#include "backend.h"
#include <xen/shared_ring.h>

#define LIAR_DOMAIN 7 /* that it runs in */
#define LIAR_RINGS  2
#define LIAR_KEEPS  64 /* pages mapped */

struct liar_ring {
    void *shared; /* begins with the indices of every ring */
    unsigned pages;
    uint32_t grant[RING_PAGES];
    size_t head, entry; /* bytes before the entries, and of each */
    size_t request_id, id_bytes, status;
    unsigned size; /* entries */
};

struct liar {
    struct backend backend;

    /* Set before liar_add: */
    uint64_t seed;
    unsigned lies; /* so many turns, and from then on it does nothing */

    struct liar_ring ring[LIAR_RINGS];
    unsigned rings;
    struct kept {
        uint32_t grant;
        uint8_t *page; /* NULL: none */
        bool writable;
    } kept[LIAR_KEEPS];
    int16_t status; /* of the next so many answers */
    unsigned repeats;
    nanoseconds at;
    unsigned way[2];
};

/* It unmaps what it has kept. */
void liar_lets_go(struct liar *l);

/* kind: "vbd" or "vif". */
void liar_add(struct liar *l, const char *kind, unsigned number,
              const char *offers);

#endif
