/* SPDX-License-Identifier: ISC */
/* Shows what comes by, and answers pings to 10.0.0.2. */
#include <mirage.h>

struct sniffer {
    struct console *console;
    struct ipv4 *ip;
};

/* Where addresses and protocol stand in an IPv4 header (RFC 791, 3.1). */
#define HEADER   20
#define PROTOCOL 9
#define FROM     12
#define TO       16

static struct ip_address address(const uint8_t *p)
{
    return ipv4_address(p[0], p[1], p[2], p[3]);
}

static void on_ipv4(void *ctx, struct mac from, bool to_many,
                    struct buf *packet)
{
    struct sniffer *s = ctx;
    const uint8_t *p;

    (void)from;
    packet = buf_pull(packet, HEADER);
    if (!packet)
        return;
    p = packet->data;
    if (p[PROTOCOL] == PROTOCOL_TCP || p[PROTOCOL] == PROTOCOL_UDP)
        console_log(s->console, "%s > %s %s", ip_text(address(p + FROM)).s,
                    ip_text(address(p + TO)).s,
                    p[PROTOCOL] == PROTOCOL_TCP ? "TCP" : "UDP");
    else
        console_log(s->console, "%s > %s %u DEFAULT",
                    ip_text(address(p + FROM)).s, ip_text(address(p + TO)).s,
                    p[PROTOCOL]);
    ipv4_input(s->ip, to_many, packet);
}

static void on_ipv6(void *ctx, struct mac from, bool to_many,
                    struct buf *packet)
{
    struct sniffer *s = ctx;

    (void)from;
    (void)to_many;
    console_log(s->console, "IP6");
    buf_free(packet);
}

void start(struct console *console, struct network *net)
{
    struct sniffer sniffer = {console, NULL};
    struct ethernet *ethernet;
    struct arp *arp;
    struct icmpv4 *icmp;
    enum status s;

    if ((s = ethernet_connect(net, &ethernet)) != OK ||
        (s = arp_connect(ethernet, &arp)) != OK ||
        (s = ipv4_connect(arp, &sniffer.ip)) != OK ||
        (s = icmpv4_connect(sniffer.ip, &icmp)) != OK) {
        console_log(console, "no stack: %s", status_text(s));
        return;
    }
    ipv4_set_address(sniffer.ip, ipv4_address(10, 0, 0, 2), 24,
                     ipv4_address(10, 0, 0, 1));
    arp_set_address(arp, ipv4_address(10, 0, 0, 2), 24);
    ethernet_listen(ethernet, ETHERTYPE_IPV4, on_ipv4, &sniffer);
    ethernet_listen(ethernet, ETHERTYPE_IPV6, on_ipv6, &sniffer);
    console_log(console, "10.0.0.2 listens");
    time_sleep_until(FOREVER);
}
