/* SPDX-License-Identifier: ISC */
/*
 * pcap: the frames of a network device in a file that Wireshark and tcpdump
 * read (the boot argument --pcap=FILE; all devices of an image share it).
 */
#ifndef UNIX_PCAP_H
#define UNIX_PCAP_H

#include <mirage/buf.h>
#include <mirage/time.h>
#include <stdbool.h>

/* Is there a file? Opens it at the first call; who cannot, ends the image. */
bool pcap_is_wanted(void);

/* Adds a frame, of that moment. */
void pcap_add(const struct buf *frame, nanoseconds wall);

#endif
