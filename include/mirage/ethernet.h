/* SPDX-License-Identifier: ISC */
/*
 * ethernet: Ethernet II frames, sorted by EtherType, over a network device.
 *
 * A layer of the direct stack, for those who assemble one by hand too. What is
 * neither for our address, nor for all, is dropped. A priority tag (802.1Q,
 * VLAN 0) is stripped; frames of VLANs and of 802.2 (SNAP) are dropped.
 */
#ifndef MIRAGE_ETHERNET_H
#define MIRAGE_ETHERNET_H

#include <mirage/network.h>
#include <mirage/status.h>

struct ethernet;

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_IPV6 0x86dd

/* A frame's sender, and whether it was for more than one: broadcast, or
 * multicast. Takes packet, whose header is gone. In the driver's fiber: must
 * not block. */
typedef void ethernet_handler(void *ctx, struct mac from, bool to_many,
                              struct buf *packet);

/* Listens on net, from now on. Keeps net. ERR_NO_MEMORY. */
MUST_CHECK enum status ethernet_connect(struct network *net,
                                        struct ethernet **e);

/* Gives fn the packets of a type, of at most 4 types; a later fn of a type
 * replaces the earlier. Keeps ctx. */
void ethernet_listen(struct ethernet *e, uint16_t type, ethernet_handler *fn,
                     void *ctx);

/* Sends packet, which should have 14 bytes of headroom; takes it. Drops where
 * there is no way to send it. */
void ethernet_write(struct ethernet *e, struct mac to, uint16_t type,
                    struct buf *packet);

/* Frees e, whose layers above are disconnected; the device is left without a
 * listener. */
void ethernet_disconnect(struct ethernet *e);

struct network *ethernet_network(const struct ethernet *e);

#endif
