/* SPDX-License-Identifier: ISC */
/* A stack that is put together by hand, of the layers that it needs. */
#include <mirage.h>

#define BLUE(text) "\033[36m" text "\033[m"

static const uint16_t ports[] = {53, 5353};

static void on_udp(void *console, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    console_log(console, BLUE("udp packet on port %u: %zu bytes from %s"),
                to.port, buf_length(datagram), ip_text(from.ip).s);
}

static enum status assemble(struct network *net, struct udpv4 **udp)
{
    struct ethernet *ethernet;
    struct arp *arp;
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    enum status s;

    if ((s = ethernet_connect(net, &ethernet)) != OK ||
        (s = arp_connect(ethernet, &arp)) != OK ||
        (s = ipv4_connect(arp, &ip)) != OK ||
        (s = icmpv4_connect(ip, &icmp)) != OK ||
        (s = udpv4_connect(ip, udp)) != OK)
        return s;
    ipv4_set_address(ip, ipv4_address(10, 0, 0, 2), 24,
                     ipv4_address(10, 0, 0, 1));
    arp_set_address(arp, ipv4_address(10, 0, 0, 2), 24);
    return OK;
}

void start(struct console *console, struct network *net)
{
    struct udpv4 *udp;
    enum status s = assemble(net, &udp);

    for (size_t i = 0; s == OK && i < sizeof ports / sizeof *ports; i++)
        s = udpv4_listen(udp, ports[i], on_udp, console);
    if (s != OK) {
        console_log(console, "no stack: %s", status_text(s));
        return;
    }
    console_log(console, "10.0.0.2 listens");
    time_sleep_until(FOREVER);
}
