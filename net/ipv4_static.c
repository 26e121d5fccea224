/* SPDX-License-Identifier: ISC */
/*
 * IPv4 with its companions, ARP and ICMP, at an address that config.c gives: a
 * stack without its transport protocols.
 */
#include "host_address.h"
#include <mirage/drivers.h>
#include <mirage/icmpv4.h>
#include <mirage/log.h>

LOG_SOURCE(ipv4);

struct address {
    struct ip_address ip, gateway;
    unsigned prefix;
};

static void on_conflict(void *ctx, struct ip_address ip, struct mac other)
{
    (void)ctx;
    log_error(&ipv4, "%s is used by %s as well", ip_text(ip).s,
              mac_text(other).s);
}

static enum status parse(const char *what, const char *text,
                         struct ip_address *ip)
{
    enum status s = ip_parse(text, ip);

    if (s != OK)
        log_error(&ipv4, "%s \"%s\" is no IPv4 address, such as 10.0.0.2", what,
                  text);
    return s;
}

static enum status check(const struct address *a)
{
    const char *fault = host_address_fault(a->ip, a->prefix);

    if (fault) {
        log_error(&ipv4, "%s/%u is %s", ip_text(a->ip).s, a->prefix, fault);
        return ERR_FORMAT;
    }
    fault = gateway_fault(a->gateway, a->ip, a->prefix);
    if (fault) {
        log_error(&ipv4, "the gateway %s of %s/%u is %s",
                  ip_text(a->gateway).s, ip_text(a->ip).s, a->prefix, fault);
        return ERR_FORMAT;
    }
    return OK;
}

static enum status parse_address(const char *address, const char *netmask,
                                 const char *gateway, struct address *a)
{
    struct ip_address mask;
    enum status s;

    a->gateway = ipv4_of_number(0);
    if ((s = parse("the address", address, &a->ip)) != OK ||
        (s = parse("the netmask", netmask, &mask)) != OK ||
        (*gateway && (s = parse("the gateway", gateway, &a->gateway)) != OK))
        return s;
    s = ipv4_prefix(mask, &a->prefix);
    if (s != OK) {
        log_error(&ipv4, "%s is no netmask, such as 255.255.255.0", netmask);
        return s;
    }
    return check(a);
}

enum status ipv4_static_connect(struct ethernet *e, const char *address,
                                const char *netmask, const char *gateway,
                                struct ipv4 **made)
{
    struct address a;
    struct arp *arp;
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    enum status s;

    if ((s = parse_address(address, netmask, gateway, &a)) != OK ||
        (s = arp_connect(e, &arp)) != OK ||
        (s = ipv4_connect(arp, &ip)) != OK ||
        (s = icmpv4_connect(ip, &icmp)) != OK)
        return s; /* the image ends: what there is goes with it */
    arp_on_conflict(arp, on_conflict, NULL);
    ipv4_set_address(ip, a.ip, a.prefix, a.gateway);
    arp_set_address(arp, a.ip, a.prefix);
    *made = ip;
    return OK;
}
