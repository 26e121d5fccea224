/* SPDX-License-Identifier: ISC */
/*
 * suspend: the guest stands still, while the toolstack saves it (xl save, xl
 * migrate), and goes on: as the same domain, if it was not taken away after
 * all, or as another, on this machine or another.
 */
#ifndef XEN_SUSPEND_H
#define XEN_SUSPEND_H

#include <stdbool.h>

/*
 * Suspends the guest; no fiber runs until it goes on. What was under way with
 * devices is asked again (front.h). Time for timers stands still meanwhile, as
 * it does in a process that is stopped; the wall's goes on.
 */
void suspend_guest(void);

/*
 * What an image has that is linked to Xen's: it is told when the guest goes on,
 * before any fiber runs; is_moved: as another domain. Owned by the caller, for
 * good.
 */
struct resume_handler {
    void (*on_resume)(bool is_moved);
    struct resume_handler *next;
};

/* From now on s->on_resume is called, after those of earlier calls. */
void suspend_on_resume(struct resume_handler *s);

#endif
