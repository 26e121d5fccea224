/* SPDX-License-Identifier: ISC */
/*
 * process: what the back ends share whose image is a process of the host's:
 * backend/unix, and backend/sim, which has the first of these itself.
 */
#ifndef MIRAGE_PROCESS_H
#define MIRAGE_PROCESS_H

#include <mirage/buf.h>
#include <mirage/time.h>
#include <stdbool.h>

/* Now is zero. Called once, before anything else. */
void clock_start(void);

/*
 * Waits at most length (0: not at all, FOREVER: without limit) for events of
 * file descriptors, and wakes the fibers that wait for them. May return early.
 * For platform_wait.
 */
void events_dispatch(nanoseconds length);

/* Does any fiber wait for a file descriptor? */
bool events_are_awaited(void);

/*
 * The frames of network devices in a file that Wireshark and tcpdump read, by
 * the boot argument --pcap=FILE; all devices of an image share it. Is there
 * one? Opens it at the first call; an image that cannot ends.
 */
bool pcap_is_wanted(void);

/* Adds a frame, of that moment. */
void pcap_add(const struct buf *frame, nanoseconds wall);

#endif
