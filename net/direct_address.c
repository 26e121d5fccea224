/* SPDX-License-Identifier: ISC */
/*
 * The address of the direct stack, in all of its layers.
 */
#include "stackv4_direct.h"
#include <string.h>

void direct_say_address(const struct direct *d, const char *what,
                        const struct stackv4_address *a)
{
    struct ip_address mask = ipv4_of_number(
        a->prefix == 0 ? 0 : 0xffffffffu << (32 - a->prefix));

    console_log(d->log, "%s to %s nm %s gw [%s]", what, ip_text(a->ip).s,
                ip_text(mask).s,
                ipv4_number(a->gateway) ? ip_text(a->gateway).s : "");
}

void direct_set_address(struct direct *d, const struct stackv4_address *a)
{
    d->address = *a;
    ipv4_set_address(d->ip, a->ip, a->prefix, a->gateway);
    ipv4_set_routes(d->ip, a->routes, a->route_count);
    arp_set_address(d->arp, a->ip, a->prefix);
    if (d->on_address)
        d->on_address(d->on_address_ctx, a);
}

void direct_drop_address(struct direct *d)
{
    memset(&d->address, 0, sizeof d->address);
    d->address.ip = d->address.gateway = ipv4_of_number(0);
    ipv4_set_address(d->ip, d->address.ip, 0, d->address.ip);
    arp_set_address(d->arp, d->address.ip, 0);
}
