/* SPDX-License-Identifier: ISC */
/*
 * ARP packets of Ethernet and IPv4: parsing, sending (RFC 826).
 */
#include "arp_packet.h"
#include <mirage/buf.h>
#include <mirage/bytes.h>
#include <mirage/ethernet.h>
#include <mirage/network.h>
#include <string.h>

const struct mac arp_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

bool arp_parse(const uint8_t *p, size_t len, struct arp_packet *packet)
{
    static const struct mac none;

    if (len < ARP_PACKET || get_be16(p) != 1 || get_be16(p + 2) != 0x0800 ||
        p[4] != 6 || p[5] != 4)
        return false;
    packet->operation = get_be16(p + 6);
    memcpy(packet->from.byte, p + 8, 6);
    packet->from_ip = get_be32(p + 14);
    memcpy(packet->to.byte, p + 18, 6);
    packet->to_ip = get_be32(p + 24);
    return (packet->operation == ARP_REQUEST ||
            packet->operation == ARP_REPLY) &&
           (p[8] & 1) == 0 && !mac_equal(packet->from, none) &&
           packet->from_ip >> 28 < 14;
}

void arp_send(struct ethernet *e, struct mac frame_to,
              const struct arp_packet *packet)
{
    static const uint8_t start[] = {0, 1, 8, 0, 6, 4};
    struct buf *b = buf_new(ETHERNET_HEADER);
    uint8_t *p;

    if (!b)
        return;
    p = buf_append(b, ARP_PACKET);
    memcpy(p, start, sizeof start);
    put_be16(p + 6, packet->operation);
    memcpy(p + 8, ethernet_network(e)->mac.byte, 6);
    put_be32(p + 14, packet->from_ip);
    memcpy(p + 18, packet->to.byte, 6);
    put_be32(p + 24, packet->to_ip);
    ethernet_write(e, frame_to, ETHERTYPE_ARP, b);
}

void arp_send_request(struct ethernet *e, struct mac frame_to,
                      uint32_t from_ip, uint32_t ip)
{
    struct arp_packet q = {
        .operation = ARP_REQUEST, .from_ip = from_ip, .to_ip = ip};

    arp_send(e, frame_to, &q);
}
