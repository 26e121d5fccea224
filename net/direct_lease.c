/* SPDX-License-Identifier: ISC */
/*
 * An address by DHCP for the direct stack: does what dhcp.c asks for.
 */
#include "direct_lease.h"
#include "fiber_stop.h"
#include <mirage/platform.h>
#include <string.h>

#define GIVE_BACK (500 * MILLISECOND) /* for the server's answer to ARP */

LOG_SOURCE_SHARED(stackv4);

static void dhcp_send(void *ctx, struct ip_address to, const void *data,
                      size_t len)
{
    struct direct *d = ctx;
    struct endpoint server = {ipv4_number(to) ? to
                                              : ipv4_of_number(0xffffffff),
                              67};
    enum status s = udpv4_write(d->udp, 68, server, data, len);

    if (s != OK)
        log_info(&stackv4, "DHCP: not sent: %s", status_text(s));
}

/* Probing takes time, so it is done in the fiber of DHCP. */
static void dhcp_probe(void *ctx, struct ip_address ip)
{
    struct direct *d = ctx;

    d->is_to_probe = true;
    d->probed = ip;
    wake_all(&d->dhcp_turn);
}

/* Addresses and all that is known with them. (Both have been cleared before
 * they were filled.) */
static bool is_same(const struct stackv4_address *a,
                    const struct stackv4_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void dhcp_bound(void *ctx, const struct dhcp_lease *lease)
{
    struct direct *d = ctx;
    const struct stackv4_address *a = &lease->address;

    ipv4_set_mtu(d->ip, lease->mtu && lease->mtu < d->mtu ? lease->mtu
                                                          : d->mtu);
    if (is_same(a, &d->address)) {
        log_info(&stackv4, "DHCP: the lease of %s is renewed",
                 ip_text(a->ip).s);
        return;
    }
    direct_say_address(d, "DHCP offer received and bound", a);
    for (unsigned i = 0; i < a->route_count; i++)
        log_info(&stackv4, "DHCP: a route to %s/%u by %s",
                 ip_text(a->routes[i].network).s, a->routes[i].prefix,
                 ipv4_number(a->routes[i].router)
                     ? ip_text(a->routes[i].router).s
                     : "the link");
    direct_set_address(d, a);
    wake_all(&d->bound);
}

static void dhcp_lost(void *ctx, const char *why)
{
    struct direct *d = ctx;

    console_log(d->log, "DHCP: %s is no longer ours: %s",
                ip_text(d->address.ip).s, why);
    tcpv4_reset(d->tcp, ERR_GONE);
    direct_drop_address(d);
    if (d->on_address)
        d->on_address(d->on_address_ctx, &d->address);
}

static void dhcp_say(void *ctx, const char *text, struct ip_address ip)
{
    struct direct *d = ctx;

    console_log(d->log, "%s%s%s", text, ipv4_number(ip) ? " " : "",
                ipv4_number(ip) ? ip_text(ip).s : "");
}

static void dhcp_warn(void *ctx, const char *text)
{
    (void)ctx;
    log_warning(&stackv4, "%s", text);
}

static const struct dhcp_caller dhcp_caller = {
    .send = dhcp_send,
    .probe = dhcp_probe,
    .bound = dhcp_bound,
    .lost = dhcp_lost,
    .say = dhcp_say,
    .warn = dhcp_warn,
};

static void dhcp_datagram(void *ctx, struct endpoint from, struct endpoint to,
                          const struct buf *datagram)
{
    struct direct *d = ctx;
    uint8_t data[1500];
    size_t len = buf_length(datagram);

    (void)to;
    (void)from; /* behind a relay or a NAT the port may be another than 67 */
    if (len > sizeof data)
        return;
    buf_copy_out(datagram, 0, data, len);
    dhcp_receive(&d->dhcp, data, len, time_now());
    wake_all(&d->dhcp_turn);
}

static void dhcp_conflicted(void *ctx, struct ip_address ip, struct mac other)
{
    struct direct *d = ctx;

    (void)ip;
    (void)other;
    dhcp_conflict(&d->dhcp, time_now());
    wake_all(&d->dhcp_turn);
}

/* Uses the address when a first probe was not answered at once; the other
 * probes follow, and a conflict gives the address up again. */
static enum status probe_and_use(struct direct *d)
{
    enum status s;

    d->is_to_probe = false;
    s = arp_probe_start(d->arp, d->probed, FOREVER);
    if (d->is_to_probe || s == ERR_CANCELLED) /* another one, or the end */
        return s;
    dhcp_checked(&d->dhcp, s == ERR_IN_USE, time_now());
    if (s != OK)
        return s;
    s = arp_probe_finish(d->arp, FOREVER);
    if (s == ERR_IN_USE && ip_equal(d->address.ip, d->probed))
        dhcp_conflict(&d->dhcp, time_now());
    return s;
}

static void run_dhcp(void *ctx)
{
    struct direct *d = ctx;
    enum status s = OK;

    while (s != ERR_CANCELLED) {
        if (d->is_to_probe) {
            s = probe_and_use(d);
            continue;
        }
        s = wait_until(&d->dhcp_turn, dhcp_deadline(&d->dhcp));
        if (s != ERR_CANCELLED)
            dhcp_tick(&d->dhcp, time_now());
    }
}

void lease_follow_link(struct direct *d)
{
    if (!d->is_dhcp)
        return;
    dhcp_link(&d->dhcp, d->net->up, time_now());
    wake_all(&d->dhcp_turn);
}

enum status lease_await(struct direct *d, const char *host,
                        nanoseconds deadline)
{
    struct dhcp_client client = {&dhcp_caller, d, d->net->mac, host};
    enum status s;

    arp_on_conflict(d->arp, dhcp_conflicted, d);
    s = udpv4_listen(d->udp, 68, dhcp_datagram, d);
    if (s == OK)
        s = fiber_spawn(&(struct fiber_options){"dhcp", 0}, run_dhcp, d,
                        &d->dhcp_fiber);
    if (s != OK)
        return s;
    dhcp_start(&d->dhcp, &client, d->net->up, time_now());
    d->is_dhcp = true;
    while (s == OK && ipv4_number(d->address.ip) == 0)
        s = wait_until(&d->bound, deadline);
    return s;
}

/*
 * Gives the lease back (RFC 2131, 3.1 (6)), so that images that come and go do
 * not use up the addresses of the network. The message may have to wait for
 * ARP's answer; it is not acknowledged.
 */
void lease_give_back(struct direct *d)
{
    nanoseconds deadline = time_after(GIVE_BACK);

    if (!d->is_dhcp || ipv4_number(d->address.ip) == 0)
        return;
    log_info(&stackv4, "DHCP: the lease of %s is given back",
             ip_text(d->address.ip).s);
    d->is_dhcp = false; /* nor is one asked for if the link comes and goes */
    dhcp_release(&d->dhcp, time_now());
    /* A frame is the device's when its writer has waited once. */
    do {
        if (time_sleep(5 * MILLISECOND) != OK)
            break;
    } while (arp_is_waiting(d->arp) && time_now() < deadline);
    direct_drop_address(d);
}

void lease_end(struct direct *d)
{
    fiber_stop(d->dhcp_fiber);
}
