/* SPDX-License-Identifier: ISC */
/*
 * The states are those of RFC 2131, figure 5, and PROBING, in which the address
 * is looked for on the link before it is ours (4.4.1). The first offer is
 * taken: to wait for a better one would cost every boot that time.
 */
#include "dhcp_message.h"
#include <mirage/dhcp.h>
#include <mirage/random.h>
#include <string.h>

#define FIRST_WAIT   4             /* seconds */
#define LONGEST_WAIT 64            /* the same */
#define LEAST_WAIT   (60 * SECOND) /* 4.4.5 */
#define AFTER_NO     (10 * SECOND) /* 3.1, 5 */
#define REQUESTS     4             /* then from the beginning */
#define REBOOTS      3

/* When to ask again: 4.1. */
static nanoseconds next_try(const struct dhcp *d, nanoseconds now)
{
    unsigned wait = FIRST_WAIT << (d->tries < 5 ? d->tries - 1 : 4);

    if (wait > LONGEST_WAIT)
        wait = LONGEST_WAIT;
    return now + (wait - 1) * SECOND +
           random_below(2000) * MILLISECOND;
}

static void send(struct dhcp *d, enum dhcp_type type, nanoseconds now)
{
    const struct dhcp_lease *l = &d->lease;
    struct ip_address        none = ipv4_of_number(0), to = none;
    nanoseconds              seconds = (now - d->began) / SECOND;
    struct dhcp_request      r = {.type = type,
                                  .xid = d->xid,
                                  .mac = d->mac,
                                  .own = none,
                                  .wanted = none,
                                  .server = none,
                                  .host = d->host};
    uint8_t                  data[DHCP_REQUEST_LEN];

    r.seconds = (uint16_t)(seconds < 65535 ? seconds : 65535);
    /* Table 5. */
    if (type == DHCP_RELEASE) {
        r.own = l->address.ip;
        r.server = to = l->server;
    } else if (type == DHCP_DECLINE) {
        r.wanted = l->address.ip;
        r.server = l->server;
    } else if (type == DHCP_REQUEST && (d->state == DHCP_RENEWING ||
                                        d->state == DHCP_REBINDING)) {
        r.own = l->address.ip;
        if (d->state == DHCP_RENEWING)
            to = l->server;
    } else if (type == DHCP_REQUEST) {
        r.wanted = l->address.ip;
        if (d->state == DHCP_REQUESTING)
            r.server = l->server;
    }
    d->asked = now;
    d->caller->send(d->ctx, to, data, dhcp_emit(&r, data));
}

static void ask(struct dhcp *d, enum dhcp_type type, nanoseconds now)
{
    d->tries++;
    send(d, type, now);
    d->deadline = next_try(d, now);
}

static void enter(struct dhcp *d, enum dhcp_state state)
{
    d->state = state;
    d->tries = 0;
}

static void begin(struct dhcp *d, nanoseconds when, nanoseconds now)
{
    enter(d, DHCP_INIT);
    d->deadline = when;
    if (when <= now)
        dhcp_tick(d, now);
}

static void lose(struct dhcp *d, const char *why)
{
    if (!d->has_lease)
        return;
    d->has_lease = false;
    d->caller->lost(d->ctx, why);
}

static void discover(struct dhcp *d, nanoseconds now)
{
    if (d->state == DHCP_INIT) {
        random_bytes(&d->xid, sizeof d->xid);
        d->began = now;
        enter(d, DHCP_SELECTING);
        d->caller->say(d->ctx, "DHCP: start discovery", ipv4_of_number(0));
    }
    ask(d, DHCP_DISCOVER, now);
}

/* The moment that is so many seconds after when; never, if they are all, or
 * more than time has. */
static nanoseconds after(nanoseconds when, uint32_t seconds)
{
    if (seconds == DHCP_FOR_EVER || seconds * SECOND > FOREVER - when)
        return FOREVER;
    return when + seconds * SECOND;
}

/* RFC 1122 knew classes: what a netmask is when nobody says. */
static unsigned prefix_of_class(struct ip_address ip)
{
    unsigned first = ipv4_number(ip) >> 24;

    return first < 128 ? 8 : first < 192 ? 16
                                         : 24;
}

/* What a server offers, or has granted. Times count from when it was asked:
 * 4.4.1. */
static void take_lease(struct dhcp *d, const struct dhcp_reply *r)
{
    struct dhcp_lease *l = &d->lease;
    uint32_t           lease = r->lease > 0 ? r->lease : 1;
    uint32_t           t1 = r->t1, t2 = r->t2;

    l->server = r->server;
    l->mtu = r->mtu;
    memset(&l->address, 0, sizeof l->address);
    l->address.ip = r->yours;
    l->address.prefix = r->prefix ? r->prefix : prefix_of_class(r->yours);
    l->address.gateway = r->router;
    memcpy(l->address.dns, r->dns, sizeof r->dns);
    memcpy(l->address.ntp, r->ntp, sizeof r->ntp);
    l->address.dns_count = r->dns_count;
    l->address.ntp_count = r->ntp_count;
    if (t2 == 0 || t2 >= lease)
        t2 = lease - lease / 8;
    if (t1 == 0 || t1 >= t2)
        t1 = lease / 2;
    if (t1 > t2)
        t1 = t2;
    l->end = after(d->asked, lease);
    l->t1 = l->end == FOREVER ? FOREVER : after(d->asked, t1);
    l->t2 = l->end == FOREVER ? FOREVER : after(d->asked, t2);
}

static void become_bound(struct dhcp *d)
{
    enter(d, DHCP_BOUND);
    d->has_lease = true;
    d->deadline = d->lease.t1;
    d->caller->bound(d->ctx, &d->lease);
}

/* 4.4.5: half of the time that is left, but a minute at least. */
static nanoseconds half_way(nanoseconds now, nanoseconds end)
{
    nanoseconds wait = (end - now) / 2;

    if (wait < LEAST_WAIT)
        wait = LEAST_WAIT;
    return end - now < wait ? end : now + wait;
}

static void renew(struct dhcp *d, nanoseconds now)
{
    if (now >= d->lease.end) {
        lose(d, "the lease has expired");
        begin(d, now, now);
        return;
    }
    if (d->state == DHCP_BOUND) {
        random_bytes(&d->xid, sizeof d->xid);
        d->began = now;
    }
    d->state = now >= d->lease.t2 ? DHCP_REBINDING : DHCP_RENEWING;
    send(d, DHCP_REQUEST, now);
    d->deadline = half_way(now, d->state == DHCP_RENEWING ? d->lease.t2
                                                          : d->lease.end);
}

static void reboot(struct dhcp *d, nanoseconds now)
{
    if (now >= d->lease.end) {
        lose(d, "the lease has expired");
        begin(d, now, now);
    } else if (d->tries >= REBOOTS) { /* 3.2, 3: it holds as far as we know */
        enter(d, DHCP_BOUND);
        d->deadline = d->lease.t1;
    } else {
        ask(d, DHCP_REQUEST, now);
        if (d->deadline > d->lease.end)
            d->deadline = d->lease.end;
    }
}

void dhcp_tick(struct dhcp *d, nanoseconds now)
{
    if (now < d->deadline)
        return;
    switch (d->state) {
    case DHCP_OFF:
        /* Without a link the lease still runs out. */
        lose(d, "the lease has expired");
        d->deadline = FOREVER;
        break;
    case DHCP_INIT:
    case DHCP_SELECTING:
        discover(d, now);
        break;
    case DHCP_REQUESTING:
        if (d->tries >= REQUESTS)
            begin(d, now, now);
        else
            ask(d, DHCP_REQUEST, now);
        break;
    case DHCP_REBOOTING:
        reboot(d, now);
        break;
    case DHCP_PROBING:
        d->deadline = FOREVER; /* dhcp_checked goes on */
        break;
    case DHCP_BOUND:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
        renew(d, now);
        break;
    }
}

static bool is_of_a_host(struct ip_address ip)
{
    unsigned first = ipv4_number(ip) >> 24;

    return first > 0 && first < 224 && first != 127;
}

static void take_offer(struct dhcp *d, const struct dhcp_reply *r,
                       nanoseconds now)
{
    if (!is_of_a_host(r->yours) || !r->has_lease ||
        ipv4_number(r->server) == 0)
        return;
    d->caller->say(d->ctx, "DHCP: offer received:", r->yours);
    take_lease(d, r);
    enter(d, DHCP_REQUESTING);
    ask(d, DHCP_REQUEST, now);
}

static void take_ack(struct dhcp *d, const struct dhcp_reply *r)
{
    struct ip_address server = d->lease.server;
    bool              changed = !ip_equal(r->yours, d->lease.address.ip);

    if (!is_of_a_host(r->yours) || !r->has_lease)
        return;
    if (changed && d->has_lease)
        lose(d, "the server has given another address");
    take_lease(d, r);
    if (ipv4_number(d->lease.server) == 0)
        d->lease.server = server;
    if (d->state == DHCP_REQUESTING || changed) {
        enter(d, DHCP_PROBING);
        d->deadline = FOREVER;
        d->caller->probe(d->ctx, d->lease.address.ip);
    } else {
        become_bound(d);
    }
}

void dhcp_receive(struct dhcp *d, const uint8_t *data, size_t len,
                  nanoseconds now)
{
    struct dhcp_reply r;
    bool              asking = d->state == DHCP_REQUESTING ||
                  d->state == DHCP_REBOOTING ||
                  d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;

    if (!dhcp_parse(data, len, &r) || r.xid != d->xid ||
        !mac_equal(r.mac, d->mac))
        return;
    if (d->state == DHCP_SELECTING && r.type == DHCP_OFFER) {
        take_offer(d, &r, now);
        return;
    }
    if (!asking || (d->state == DHCP_REQUESTING &&
                    !ip_equal(r.server, d->lease.server)))
        return;
    if (r.type == DHCP_ACK) {
        take_ack(d, &r);
    } else if (r.type == DHCP_NAK) {
        lose(d, "the server has taken the address back");
        /* A server that refuses what it has just offered is given time. */
        begin(d, d->state == DHCP_REQUESTING ? now + AFTER_NO : now, now);
    }
}

static void decline(struct dhcp *d, nanoseconds now)
{
    send(d, DHCP_DECLINE, now);
    begin(d, now + AFTER_NO, now);
}

void dhcp_checked(struct dhcp *d, bool in_use, nanoseconds now)
{
    if (d->state != DHCP_PROBING)
        return;
    if (!in_use) {
        become_bound(d);
        return;
    }
    d->caller->say(d->ctx, "DHCP: another host uses", d->lease.address.ip);
    decline(d, now);
}

void dhcp_conflict(struct dhcp *d, nanoseconds now)
{
    if (!d->has_lease)
        return;
    lose(d, "another host uses the address");
    decline(d, now);
}

void dhcp_link(struct dhcp *d, bool up, nanoseconds now)
{
    if (!up) {
        enter(d, DHCP_OFF);
        d->deadline = d->has_lease ? d->lease.end : FOREVER;
        return;
    }
    if (d->state != DHCP_OFF)
        return;
    d->began = now;
    if (!d->has_lease) {
        begin(d, now, now);
        return;
    }
    random_bytes(&d->xid, sizeof d->xid);
    enter(d, DHCP_REBOOTING);
    reboot(d, now);
}

void dhcp_release(struct dhcp *d, nanoseconds now)
{
    if (d->has_lease)
        send(d, DHCP_RELEASE, now);
    d->has_lease = false;
    enter(d, DHCP_OFF);
    d->deadline = FOREVER;
}

nanoseconds dhcp_deadline(const struct dhcp *d)
{
    return d->deadline;
}

void dhcp_start(struct dhcp *d, const struct dhcp_caller *caller, void *ctx,
                struct mac mac, const char *host, bool up, nanoseconds now)
{
    memset(d, 0, sizeof *d);
    d->caller = caller;
    d->ctx = ctx;
    d->mac = mac;
    d->host = host;
    d->deadline = FOREVER;
    if (up)
        dhcp_link(d, true, now);
}
