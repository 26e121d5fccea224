/* SPDX-License-Identifier: ISC */
/*
 * hostile: a hostile backend of a disk or a network. It responds correctly at
 * times, and lies otherwise (liar.h): it writes random data into rings, granted
 * pages and xenstore, responds with wrong numbers, keeps pages mapped, changes
 * ring indices, sends events, closes and comes back. It goes on after it was
 * disconnected.
 */
#ifndef XEN_FAKE_HOSTILE_H
#define XEN_FAKE_HOSTILE_H

#include "backend.h"
#include "liar.h"
#include <xen/shared_ring.h>

#define HOSTILE_DOMAIN 7 /* in which it runs */
#define HOSTILE_RINGS  2
#define HOSTILE_KEEPS  64 /* pages that stay mapped; a power of two */
#define HOSTILE_LIES   14 /* kinds */

struct hostile_ring {
    void *shared; /* begins with the indices of every ring */
    unsigned pages;
    uint32_t grant[RING_PAGES];
    size_t head, entry; /* bytes before the entries, and of each */
    size_t request_id, id_bytes, status;
    bool receives; /* frames, whose length is the status */
    unsigned size; /* entries */
};

struct hostile {
    struct backend backend;

    /* Set before hostile_add: */
    struct liar liar;
    unsigned turns; /* and then it does nothing */
    bool keeps_rings; /* mapped, after it was disconnected */

    struct hostile_ring ring[HOSTILE_RINGS];
    unsigned rings;
    struct kept {
        uint32_t grant;
        uint8_t *page; /* NULL: none */
        bool writable;
    } kept[HOSTILE_KEEPS];
    unsigned status; /* the wrong one */
    nanoseconds at;
    unsigned scribbles; /* what hostile_scribble changes, as bits */
};

/* A lie of the second thread: changes rings and pages that are mapped. */
void hostile_scribble(struct hostile *h, uint32_t random);

/* Unmaps all pages that it has kept. */
void hostile_unmap_all(struct hostile *h);

/* kind: "vbd" or "vif". */
void hostile_add(struct hostile *h, const char *kind, unsigned number,
                 const char *offers);

#endif
