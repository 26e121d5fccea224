/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes the DHCP client by messages, time, links and address conflicts. An
 * event is a byte: below 128 a message, followed by the low byte of the granted
 * address, the length of the options, and the options; above, time that passes
 * and other events.
 */
#include <mirage/bytes.h>
#include <mirage/dhcp.h>
#include <mirage/platform.h>
#include <string.h>

#include "platform.h"
#include <net/dhcp_message.h>

#define OPTIONS 240

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mac mac = {{2, 0, 0, 0, 0, 9}};
static struct dhcp d;
static nanoseconds now;
static unsigned sent;
static nanoseconds requested; /* the last REQUEST */
static bool holds;
static struct dhcp_lease lease;

static void on_send(void *ctx, struct ip_address to, const void *data,
                    size_t len)
{
    const uint8_t *p = data;

    (void)ctx;
    (void)to;
    sent++;
    if (p[242] == DHCP_REQUEST) {
        check((d.state != DHCP_RENEWING && d.state != DHCP_REBINDING) ||
              now - requested >= d.interval);
        requested = now;
    }
    check(len >= 300 && len <= DHCP_REQUEST_LEN && p[0] == 1);
    check(get_be32(p + 4) == d.xid && memcmp(p + 28, mac.byte, 6) == 0);
    check(!mac_equal(mac, (struct mac){{0}}) && p[240] == 53);
}

static void on_probe(void *ctx, struct ip_address ip)
{
    (void)ctx;
    check(ipv4_is_of_host(ip) && !holds);
}

static void on_bound(void *ctx, const struct dhcp_lease *l)
{
    (void)ctx;
    check(l->address.prefix >= 1 && l->address.prefix <= 32);
    check(ipv4_is_host_in(l->address.ip, l->address.prefix));
    check(l->t1 <= l->t2 && l->t2 <= l->end);
    check(l->mtu == 0 || l->mtu >= 576);
    check(l->address.route_count <= IPV4_ROUTES);
    check(!ip_equal(l->address.gateway, l->address.ip));
    holds = true;
    lease = *l;
}

static void on_lost(void *ctx, const char *why)
{
    (void)ctx;
    check(holds && why[0] != 0);
    holds = false;
}

static void on_say(void *ctx, const char *text, struct ip_address ip)
{
    (void)ctx;
    (void)ip;
    check(text[0] != 0);
}

static void on_warn(void *ctx, const char *text)
{
    (void)ctx;
    check(text[0] != 0);
}

static const struct dhcp_caller caller = {
    .send = on_send,
    .probe = on_probe,
    .bound = on_bound,
    .lost = on_lost,
    .say = on_say,
    .warn = on_warn,
};

/* Receives the message at p. Returns the bytes used. */
static size_t receive(const uint8_t *p, size_t size)
{
    static uint8_t message[OPTIONS + 256];
    size_t len = size > 2 ? p[2] : 0;

    if (size < 3)
        return size;
    if (len > size - 3)
        len = size - 3;
    memset(message, 0, sizeof message);
    message[0] = 2;
    message[1] = 1;
    message[2] = 6;
    put_be32(message + 4, d.xid + (p[0] == 127));
    put_be32(message + 16, 0x0a000000 + p[1]);
    memcpy(message + 28, mac.byte, 6);
    put_be32(message + 236, 0x63825363);
    memcpy(message + OPTIONS, p + 3, len);
    dhcp_receive(&d, message, OPTIONS + len, now);
    return 3 + len;
}

static void happen(uint8_t event)
{
    nanoseconds late = event & 63;

    switch (event) {
    case 192:
    case 193:
        dhcp_link(&d, event & 1, now);
        break;
    case 194:
        dhcp_conflict(&d, now);
        break;
    case 195:
    case 196:
        dhcp_checked(&d, event & 1, now);
        break;
    case 197:
        dhcp_release(&d, now);
        holds = false;
        break;
    default: /* to the deadline, or another time */
        if (event < 192)
            now += late * late * late * SECOND;
        else if (dhcp_deadline(&d) != FOREVER && dhcp_deadline(&d) > now)
            now = dhcp_deadline(&d);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    now = SECOND;
    sent = 0;
    holds = false;
    dhcp_start(&d, &(struct dhcp_client){&caller, NULL, mac, "fuzz"}, true,
               now);
    for (size_t at = 0; at < size;) {
        unsigned before = sent;

        if (data[at] < 128)
            at += receive(data + at, size - at);
        else
            happen(data[at++]);
        for (int i = 0; i < 4 && dhcp_deadline(&d) <= now; i++)
            dhcp_tick(&d, now);
        check(sent - before <= 4); /* the client causes no flood */
        check(holds == d.has_lease && (!holds || now < lease.end));
        check(dhcp_deadline(&d) > now);
        check(dhcp_deadline(&d) != FOREVER || d.state == DHCP_OFF ||
              d.state == DHCP_PROBING ||
              (d.state == DHCP_BOUND && lease.end == FOREVER));
    }
    return 0;
}
