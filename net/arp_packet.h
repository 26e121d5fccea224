/* SPDX-License-Identifier: ISC */
/*
 * ARP packets (RFC 826), of Ethernet and IPv4.
 */
#ifndef NET_ARP_PACKET_H
#define NET_ARP_PACKET_H

#include <mirage/address.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARP_PACKET  28 /* bytes */
#define ARP_REQUEST 1
#define ARP_REPLY   2

struct ethernet;

/* RFC 826's fields: from is the sender, to the target. */
struct arp_packet {
    uint16_t operation;
    struct mac from, to;
    uint32_t from_ip, to_ip;
};

extern const struct mac arp_broadcast;

/* False: it is short, of other protocols, or has a sender that no host can
 * be. */
bool arp_parse(const uint8_t *p, size_t len, struct arp_packet *packet);

/* Sends a packet, whose `from` is our Ethernet address whatever it says, in a
 * frame to frame_to. Without a page nothing is sent. */
void arp_send(struct ethernet *e, struct mac frame_to,
              const struct arp_packet *packet);

/* Sends a request for the Ethernet address of ip; from_ip 0: a probe. */
void arp_send_request(struct ethernet *e, struct mac frame_to,
                      uint32_t from_ip, uint32_t ip);

#endif
