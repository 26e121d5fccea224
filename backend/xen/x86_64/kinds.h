/* SPDX-License-Identifier: ISC */
/*
 * kinds: the two kinds of x86 guest, found at its start: PV, whose page tables
 * and traps Xen keeps, and PVH, which has a machine of its own. The calls of
 * guest.h go to one or the other.
 */
#ifndef XEN_KINDS_H
#define XEN_KINDS_H

#include <xen/guest.h>

struct hvm_start_info;
struct start_info;

/* Prepares what an image needs to run. The result goes to guest_run. */
struct start *pv_init(struct start_info *info);
struct start *pvh_init(const struct hvm_start_info *info);

/* As guest_suspend and guest_frame, of a PV guest. */
bool pv_suspend(bool (*is_moved)(void));
uint64_t pv_frame(const void *page);

/* Puts one of Xen's pages, which has a frame, in the place of one of ours. */
bool pv_place(void *page, uint64_t frame);

#endif
