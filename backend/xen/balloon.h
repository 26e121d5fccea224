/* SPDX-License-Identifier: ISC */
/*
 * balloon: the guest has as much memory as the toolstack wants (xl mem-set:
 * memory/target of xenstore, in KiB). What is to be less is given back to Xen
 * as far as it is free; what is missing from that, as soon as it is freed. What
 * is to be more is asked for, up to the maxmem of the .xl file.
 */
#ifndef XEN_BALLOON_H
#define XEN_BALLOON_H

/* Follows the target, in a fiber of its own, from when fibers run. */
void balloon_start(void);

#endif
