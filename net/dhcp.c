/* SPDX-License-Identifier: ISC */
/*
 * The DHCP client's states (RFC 2131, figure 5), and PROBING, in which ARP
 * probes for the address before it is used (4.4.1). The first offer is
 * accepted: waiting for a better one would delay every boot.
 */
#include "dhcp_lease.h"
#include "dhcp_message.h"
#include <mirage/dhcp.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <string.h>

#define FIRST_WAIT   4 /* seconds */
#define LONGEST_WAIT 64 /* the same */
#define LEAST_WAIT   (60 * SECOND) /* 4.4.5 */
#define AFTER_NO     (10 * SECOND) /* 3.1, 5 */
#define AFTER_LOSS   (2 * SECOND) /* from a REQUEST for a lost lease */
#define REQUESTS     4 /* then from the beginning */
#define REBOOTS      3

/* The time of the next retransmission (4.1). */
static nanoseconds next_try(const struct dhcp *d, nanoseconds now)
{
    unsigned wait = min((unsigned)FIRST_WAIT << min(d->tries - 1, 4u),
                        (unsigned)LONGEST_WAIT);

    return now + (wait - 1) * SECOND +
           random_below(2000) * MILLISECOND;
}

static void send(struct dhcp *d, enum dhcp_type type, nanoseconds now)
{
    const struct dhcp_lease *l = &d->lease;
    struct ip_address none = ipv4_of_number(0), to = none;
    struct ip_address unicast = ipv4_is_of_host(l->server) ? l->server
                                                           : none;
    nanoseconds seconds = (now - d->began) / SECOND;
    struct dhcp_request r = {.type = type,
                             .xid = d->xid,
                             .mac = d->mac,
                             .own = none,
                             .wanted = none,
                             .server = none,
                             .host = d->host};
    uint8_t data[DHCP_REQUEST_LEN];

    r.seconds = (uint16_t)min(seconds, (nanoseconds)65535);
    /* Table 5. */
    if (type == DHCP_RELEASE) {
        r.own = l->address.ip;
        r.server = l->server;
        to = unicast;
    } else if (type == DHCP_DECLINE) {
        r.wanted = l->address.ip;
        r.server = l->server;
    } else if (type == DHCP_REQUEST && (d->state == DHCP_RENEWING ||
                                        d->state == DHCP_REBINDING)) {
        r.own = l->address.ip;
        if (d->state == DHCP_RENEWING)
            to = unicast;
    } else if (type == DHCP_REQUEST) {
        r.wanted = l->address.ip;
        r.selects = d->state == DHCP_REQUESTING;
        if (r.selects)
            r.server = l->server;
    }
    d->asked = now;
    d->caller->send(d->ctx, to, data, dhcp_emit(&r, data));
}

static void send_and_retry(struct dhcp *d, enum dhcp_type type, nanoseconds now)
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

static void restart(struct dhcp *d, nanoseconds when, nanoseconds now)
{
    enter(d, DHCP_INIT);
    d->deadline = when;
    if (when <= now)
        dhcp_tick(d, now);
}

static void lose_lease(struct dhcp *d, const char *why)
{
    if (!d->has_lease)
        return;
    d->has_lease = false;
    d->caller->lost(d->ctx, why);
}

/* Discovers again at once, unless a REQUEST for the old lease was sent just
 * now: a server must not cause a fast loop. */
static void restart_after_loss(struct dhcp *d, nanoseconds now)
{
    restart(d, max(d->asked + AFTER_LOSS, now), now);
}

static void discover(struct dhcp *d, nanoseconds now)
{
    if (d->state == DHCP_INIT) {
        random_bytes(&d->xid, sizeof d->xid);
        d->began = now;
        d->warned = 0;
        enter(d, DHCP_SELECTING);
        d->caller->say(d->ctx, "DHCP: start discovery", ipv4_of_number(0));
    }
    send_and_retry(d, DHCP_DISCOVER, now);
}

/* Enters BOUND until T1, or until another REQUEST is allowed. */
static void wait_for_t1(struct dhcp *d)
{
    const struct dhcp_lease *l = &d->lease;

    enter(d, DHCP_BOUND);
    d->deadline = l->t1;
    if (l->end != FOREVER && d->deadline < d->asked + d->interval)
        d->deadline = clamp(d->asked + d->interval, l->t1, l->end);
}

static void enter_bound(struct dhcp *d)
{
    wait_for_t1(d);
    d->has_lease = true;
    d->caller->bound(d->ctx, &d->lease);
}

/* The time `length` after now; FOREVER if it is beyond the range of the clock.
 */
static nanoseconds later(nanoseconds now, nanoseconds length)
{
    return length < FOREVER - now ? now + length : FOREVER;
}

/*
 * The time to retransmit a REQUEST: after half of the time that is left until
 * T2, or after T2 until the end of the lease; a minute (4.4.5) and d->interval
 * at least.
 */
static nanoseconds next_renewal(const struct dhcp *d, nanoseconds now)
{
    const struct dhcp_lease *l = &d->lease;
    bool is_renewing = d->state == DHCP_RENEWING;
    nanoseconds until = is_renewing ? l->t2 : l->end;
    nanoseconds wait = max(max((until - now) / 2, LEAST_WAIT), d->interval);
    nanoseconds next = later(now, wait);

    /* A REQUEST is sent at T2, too. */
    if (is_renewing && next > until - d->interval)
        next = max(until, later(now, d->interval));
    return min(next, l->end);
}

static void renew(struct dhcp *d, nanoseconds now)
{
    if (now >= d->lease.end) {
        lose_lease(d, "the lease has expired");
        restart_after_loss(d, now);
        return;
    }
    if (d->state == DHCP_BOUND) {
        random_bytes(&d->xid, sizeof d->xid);
        d->began = now;
    }
    d->state = now >= d->lease.t2 ? DHCP_REBINDING : DHCP_RENEWING;
    send(d, DHCP_REQUEST, now);
    d->deadline = next_renewal(d, now);
}

static void reboot(struct dhcp *d, nanoseconds now)
{
    if (now >= d->lease.end) {
        lose_lease(d, "the lease has expired");
        restart_after_loss(d, now);
    } else if (d->tries >= REBOOTS) { /* 3.2, 3: the lease is still valid */
        wait_for_t1(d);
    } else {
        send_and_retry(d, DHCP_REQUEST, now);
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
        /* Without a link the lease still expires. */
        lose_lease(d, "the lease has expired");
        d->deadline = FOREVER;
        break;
    case DHCP_INIT:
    case DHCP_SELECTING:
        discover(d, now);
        break;
    case DHCP_REQUESTING:
        if (d->tries >= REQUESTS)
            restart(d, now, now);
        else
            send_and_retry(d, DHCP_REQUEST, now);
        break;
    case DHCP_REBOOTING:
        reboot(d, now);
        break;
    case DHCP_PROBING:
        d->deadline = FOREVER; /* until dhcp_checked is called */
        break;
    case DHCP_BOUND:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
        renew(d, now);
        break;
    }
}

static void process_offer(struct dhcp *d, const struct dhcp_reply *r,
                          nanoseconds now)
{
    if (!dhcp_lease_is_acceptable(d, r))
        return;
    d->caller->say(d->ctx, "DHCP: offer received:", r->yours);
    dhcp_lease_set(d, r);
    enter(d, DHCP_REQUESTING);
    send_and_retry(d, DHCP_REQUEST, now);
}

static void process_ack(struct dhcp *d, const struct dhcp_reply *r)
{
    bool changed = !ip_equal(r->yours, d->lease.address.ip);

    if (!dhcp_lease_is_acceptable(d, r))
        return;
    if (changed && d->has_lease)
        lose_lease(d, "the server has given another address");
    dhcp_lease_set(d, r);
    if (d->state == DHCP_REQUESTING || changed) {
        enter(d, DHCP_PROBING);
        d->deadline = FOREVER;
        d->caller->probe(d->ctx, d->lease.address.ip);
    } else {
        enter_bound(d);
    }
}

/*
 * Is r a valid NAK? In REQUESTING and RENEWING only the server that was asked
 * can refuse: another may not know the lease. REQUESTs of INIT-REBOOT and
 * REBINDING are for any server.
 */
static bool is_refusal(const struct dhcp *d, const struct dhcp_reply *r)
{
    return r->type == DHCP_NAK &&
           ((d->state != DHCP_REQUESTING && d->state != DHCP_RENEWING) ||
            ipv4_number(d->lease.server) == 0 ||
            ip_equal(r->server, d->lease.server));
}

void dhcp_receive(struct dhcp *d, const uint8_t *data, size_t len,
                  nanoseconds now)
{
    struct dhcp_reply r;
    bool asking = d->state == DHCP_REQUESTING ||
                  d->state == DHCP_REBOOTING ||
                  d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;

    if (!dhcp_parse(data, len, &r) || r.xid != d->xid ||
        !mac_equal(r.mac, d->mac))
        return;
    if (d->state == DHCP_SELECTING && r.type == DHCP_OFFER) {
        process_offer(d, &r, now);
    } else if (asking && r.type == DHCP_ACK) {
        process_ack(d, &r);
    } else if (asking && is_refusal(d, &r)) {
        lose_lease(d, "the server has taken the address back");
        /* Wait, when a server refuses what it has just offered. */
        if (d->state == DHCP_REQUESTING)
            restart(d, now + AFTER_NO, now);
        else
            restart_after_loss(d, now);
    }
}

static void decline(struct dhcp *d, nanoseconds now)
{
    send(d, DHCP_DECLINE, now);
    restart(d, now + AFTER_NO, now);
}

void dhcp_checked(struct dhcp *d, bool in_use, nanoseconds now)
{
    if (d->state != DHCP_PROBING)
        return;
    if (!in_use) {
        enter_bound(d);
        return;
    }
    d->caller->say(d->ctx, "DHCP: another host uses", d->lease.address.ip);
    decline(d, now);
}

void dhcp_conflict(struct dhcp *d, nanoseconds now)
{
    if (!d->has_lease)
        return;
    lose_lease(d, "another host uses the address");
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
        restart(d, now, now);
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

void dhcp_start(struct dhcp *d, const struct dhcp_client *client, bool up,
                nanoseconds now)
{
    memset(d, 0, sizeof *d);
    d->caller = client->caller;
    d->ctx = client->ctx;
    d->mac = client->mac;
    d->host = client->host;
    d->deadline = FOREVER;
    if (up)
        dhcp_link(d, true, now);
}
