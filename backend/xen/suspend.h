/* SPDX-License-Identifier: ISC */
/*
 * suspend: stops the guest while the toolstack saves it (xl save, xl migrate).
 * It continues as the same domain, if saving has failed or was a checkpoint
 * (xl save -c), or as another domain, perhaps on another machine.
 */
#ifndef XEN_SUSPEND_H
#define XEN_SUSPEND_H

#include <stdbool.h>

/*
 * Suspends the guest. No fiber runs until it continues. Then devices are
 * connected again and unanswered requests sent again (front.h). The clock of
 * timers stands still meanwhile, as that of a stopped process does; the wall
 * clock does not.
 */
void suspend_guest(void);

/*
 * on_resume is called when the guest continues, before any fiber runs.
 * is_moved: it is another domain. Owned by the caller, for good.
 */
struct resume_handler {
    void (*on_resume)(bool is_moved);
    struct resume_handler *next;
};

/* Adds a handler, which is called after those that were added before. */
void suspend_on_resume(struct resume_handler *s);

#endif
