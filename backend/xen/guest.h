/* SPDX-License-Identifier: ISC */
/*
 * guest: what the files of this back end share, and what each processor's
 * folder (x86_64/) supplies to them.
 */
#ifndef XEN_GUEST_H
#define XEN_GUEST_H

#include <bare/start.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A ring that the toolstack has made, and its event channel. */
struct ring_place {
    void *page;
    uint32_t port;
};

struct xen {
    bool is_pv; /* of an x86 guest: PV, and not PVH */
    struct ring_place console, store;
};

extern struct xen xen;

/* The shared page (xen/xen.h, struct shared_info): a page of the image in whose
 * place Xen's is mapped at the start. */
extern uint8_t shared_page[4096];

static inline volatile struct shared_info *guest_shared(void)
{
    return (volatile struct shared_info *)(void *)shared_page;
}

#define GRANT_PAGES 8 /* of the grant table, with 512 entries each */

/* The frame number that Xen uses for the page. */
uint64_t guest_frame(const void *page);

/* Maps the grant table, and returns it. NULL: Xen refuses. */
void *guest_grant_table(void);

/*
 * Suspends the guest, and returns when it continues, with the shared page and
 * xen's ports of the domain that it then is. is_moved tells which: the one that
 * it was, or another. False: it cannot be suspended, and nothing has happened.
 * Meanwhile there is no clock.
 */
bool guest_suspend(bool (*is_moved)(void));

/*
 * Ballooning. guest_release unmaps a page, where that is needed, and returns
 * the frame number by which Xen takes it. guest_restore maps it again in the
 * frame that Xen has given for it; false: there is no memory for page tables,
 * and the page cannot be used. guest_extend makes the guest able to have count
 * pages in all, and returns the region of those beyond its present memory,
 * which have no frames yet.
 */
uint64_t guest_release(void *page);
bool guest_restore(void *page, uint64_t frame);
struct region guest_extend(uint64_t count);

/* Writes to a debugging port, if the hypervisor has one for the guest. */
void guest_debug_put(const char *text, size_t len);

/* Starts the services of a guest, and runs the image. Memory and console work.
 * Keeps s. */
void guest_run(struct start *s) __attribute__((noreturn));

#endif
