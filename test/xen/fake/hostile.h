/* SPDX-License-Identifier: ISC */
/*
 * hostile: a hostile backend of a disk or a network. By a seed it responds
 * correctly, or writes random data into rings, granted pages and xenstore,
 * keeps pages mapped, changes ring indices, sends events, closes and comes
 * back.
 */
#ifndef XEN_FAKE_HOSTILE_H
#define XEN_FAKE_HOSTILE_H

#include "backend.h"
#include <xen/shared_ring.h>

#define HOSTILE_DOMAIN 7 /* in which it runs */
#define HOSTILE_RINGS  2
#define HOSTILE_KEEPS  64 /* pages that stay mapped */

struct hostile_ring {
    void *shared; /* begins with the indices of every ring */
    unsigned pages;
    uint32_t grant[RING_PAGES];
    size_t head, entry; /* bytes before the entries, and of each */
    size_t request_id, id_bytes, status;
    unsigned size; /* entries */
};

struct hostile {
    struct backend backend;

    /* Set before hostile_add: */
    uint64_t seed;
    unsigned turns; /* and then it does nothing */

    struct hostile_ring ring[HOSTILE_RINGS];
    unsigned rings;
    struct kept {
        uint32_t grant;
        uint8_t *page; /* NULL: none */
        bool writable;
    } kept[HOSTILE_KEEPS];
    int16_t status; /* of the next `repeats` responses */
    unsigned repeats;
    nanoseconds at;
    unsigned way[2];
};

/* Unmaps all pages that it has kept. */
void hostile_unmap_all(struct hostile *h);

/* kind: "vbd" or "vif". */
void hostile_add(struct hostile *h, const char *kind, unsigned number,
                 const char *offers);

#endif
