/* SPDX-License-Identifier: ISC */
/*
 * balloon: keeps the guest's memory at the size that the toolstack wants (xl
 * mem-set: memory/target of xenstore, in KiB). To shrink, free pages are given
 * back to Xen, and further ones as soon as they are freed. To grow, Xen is
 * asked for pages, up to the maxmem of the .xl file.
 */
#ifndef XEN_BALLOON_H
#define XEN_BALLOON_H

/* Starts the fiber that follows the target. It runs once fibers do. */
void balloon_start(void);

#endif
