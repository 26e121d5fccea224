/* SPDX-License-Identifier: ISC */
/*
 * guest: what the parts of this back end share. A guest is of one of two kinds,
 * found at its start: PV, whose page tables and traps Xen keeps, or PVH, which
 * has a machine of its own.
 */
#ifndef XEN_GUEST_H
#define XEN_GUEST_H

#include <bare/start.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a ring that Xen's toolstack has made lies, and its event channel. */
struct ring_place {
    void *page;
    uint32_t port;
};

struct xen {
    bool is_pv;
    volatile struct shared_info *shared; /* NULL: not found yet */
    struct ring_place console, store;
};

extern struct xen xen;

/* A page of the image's in whose place the shared one is put. */
extern uint8_t shared_page[4096];

/* It is there: time can be told, and events be seen. */
void guest_has_shared_page(void);

#define GRANT_PAGES 8 /* of the grant table, with 512 entries each */

/* The number by which Xen knows the page. */
uint64_t guest_frame(const void *page);

/* Has Xen put the grant table where we see it, once. NULL: it does not. */
void *guest_grant_table(void);

/*
 * Suspends a guest of the kind, and returns when it goes on, with the shared
 * page and xen's ports of the domain that it then is, which is_moved tells: the
 * one that it was, or another. False: it cannot be suspended, and nothing has
 * happened. Meanwhile there is no clock.
 */
bool pv_suspend(bool (*is_moved)(void));
bool pvh_suspend(bool (*is_moved)(void));

/*
 * Of a PV guest: its page is Xen's from now on, which is to be told its frame;
 * it has the frame again, and may be used (false: there was no memory for the
 * tables); and it can have so many pages in all: those that it has not, beyond
 * the last.
 */
uint64_t pv_forget(void *page);
bool pv_remember(void *page, uint64_t frame);
struct region pv_extend(uint64_t count);

/* Of a PV guest: the same number, and putting a page that has one in the place
 * of ours. */
uint64_t pv_frame(const void *page);
bool pv_place(void *page, uint64_t frame);

/* The rest of the image's life; memory and console work. Keeps s. */
void guest_run(struct start *s) __attribute__((noreturn));

#endif
