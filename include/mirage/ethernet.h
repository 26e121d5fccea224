/* SPDX-License-Identifier: ISC */
/*
 * ethernet: Ethernet II frames, sorted by EtherType, over a network device.
 *
 * A layer of the direct stack on its own, for those who assemble one by hand.
 * The type is fixed, so that configurations can name it; no target has a
 * driver for it yet, and `mirage configure` says so.
 */
#ifndef MIRAGE_ETHERNET_H
#define MIRAGE_ETHERNET_H

struct ethernet;

#endif
