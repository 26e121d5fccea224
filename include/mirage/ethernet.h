/* SPDX-License-Identifier: ISC */
/*
 * ethernet: Ethernet II frames, sorted by EtherType, over a network device.
 *
 * A layer of the direct stack, which an application can use as well. Frames
 * that are neither for our address nor for a group are dropped. A priority tag
 * (IEEE 802.1Q, VLAN 0) is removed; frames of VLANs and of IEEE 802.2 (SNAP)
 * are dropped.
 */
#ifndef MIRAGE_ETHERNET_H
#define MIRAGE_ETHERNET_H

#include <mirage/network.h>
#include <mirage/status.h>

struct ethernet;

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_IPV6 0x86dd

/* Called for a received frame with its sender; to_many: it is broadcast or
 * multicast. Takes packet, without the Ethernet header. In the driver's fiber:
 * must not block. */
typedef void ethernet_handler(void *ctx, struct mac from, bool to_many,
                              struct buf *packet);

/* Becomes the listener of net. Keeps net. ERR_NO_MEMORY. */
MUST_CHECK enum status ethernet_connect(struct network *net,
                                        struct ethernet **e);

/* Calls fn for the packets of a type, of at most 4 types; NULL: they are
 * dropped. A later fn of a type replaces the earlier. Keeps ctx. */
void ethernet_listen(struct ethernet *e, uint16_t type, ethernet_handler *fn,
                     void *ctx);

/* Sends packet, which needs ETHERNET_HEADER bytes of headroom; takes it. It is
 * dropped, and counted, without headroom or if the device drops it. */
void ethernet_write(struct ethernet *e, struct mac to, uint16_t type,
                    struct buf *packet);

/* Frees e, whose layers above are disconnected; the device is left without a
 * listener. */
void ethernet_disconnect(struct ethernet *e);

struct network *ethernet_network(const struct ethernet *e);

#endif
