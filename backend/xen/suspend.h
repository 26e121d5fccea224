/* SPDX-License-Identifier: ISC */
/*
 * suspend: the guest stands still, while the toolstack saves it (xl save, xl
 * migrate), and goes on: as the same domain, if it was not taken away after
 * all, or as another, on this machine or another.
 */
#ifndef XEN_SUSPEND_H
#define XEN_SUSPEND_H

/*
 * Suspends the guest; no fiber runs until it goes on. What was under way with
 * devices is asked again (front.h). Time for timers stands still meanwhile, as
 * it does in a process that is stopped; the wall's goes on.
 */
void suspend_guest(void);

#endif
