/* SPDX-License-Identifier: ISC */
/*
 * process: shared by the back ends whose image is a process of the host:
 * backend/unix, and backend/sim, which has its own clock_start.
 */
#ifndef MIRAGE_PROCESS_H
#define MIRAGE_PROCESS_H

#include <mirage/buf.h>
#include <mirage/time.h>
#include <stdbool.h>

/* Starts the clock of platform_now at zero. Called once, before all else. */
void clock_start(void);

/*
 * Waits at most length (0: not at all, FOREVER: without limit) for events of
 * file descriptors, and wakes the fibers that wait for them. May return early.
 * For platform_wait.
 */
void events_dispatch(nanoseconds length);

/* Returns whether any fiber waits for a file descriptor. */
bool events_are_awaited(void);

/*
 * Returns whether frames are to be captured, by the boot argument --pcap=FILE:
 * all network devices of the image write to one file, in the format of libpcap.
 * The first call opens the file; if that fails the image ends with a message.
 */
bool pcap_is_wanted(void);

/* Appends a frame that was sent or received at that time. */
void pcap_add(const struct buf *frame, nanoseconds wall);

#endif
