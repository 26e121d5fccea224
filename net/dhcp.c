/* SPDX-License-Identifier: ISC */
/*
 * The states are those of RFC 2131, figure 5, and PROBING, in which the address
 * is looked for on the link before it is ours (4.4.1). The first offer is
 * taken: to wait for a better one would cost every boot that time.
 */
#include "dhcp_message.h"
#include "host_address.h"
#include <mirage/dhcp.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <string.h>

#define FIRST_WAIT   4 /* seconds */
#define LONGEST_WAIT 64 /* the same */
#define LEAST_WAIT   (60 * SECOND) /* 4.4.5 */
#define AFTER_NO     (10 * SECOND) /* 3.1, 5 */
#define AFTER_LOSS   (2 * SECOND) /* from a REQUEST for a lost lease */
#define REQUESTS     4 /* then from the beginning */
#define REBOOTS      3
#define LEAST_LEASE  10u /* seconds */
#define UNSAID_LEASE 3600u /* the same, of a server without option 51 */
#define LEAST_MTU    576 /* bytes that each host takes (RFC 791, 3.1) */

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

    r.seconds = (uint16_t)(seconds < 65535 ? seconds : 65535);
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

/* Looks for another lease at once, unless a REQUEST for the old one was sent
 * just now: servers must not drive us round and round. */
static void start_over(struct dhcp *d, nanoseconds now)
{
    nanoseconds when = d->asked + AFTER_LOSS;

    begin(d, when > now ? when : now, now);
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

/* Kinds of nonsense in a server's message. */
enum nonsense {
    BAD_ADDRESS = 1,
    BAD_GATEWAY = 2,
    BAD_ROUTER = 4,
    BAD_MTU = 8,
    SHORT_LEASE = 16,
    MANY_ROUTES = 32,
};

/* Logs each kind once until the next DISCOVER: a server repeats its nonsense
 * with every renewal. */
static void warn(struct dhcp *d, enum nonsense kind, struct ip_address ip,
                 const char *what)
{
    char text[160];

    if (d->warned & kind)
        return;
    d->warned |= kind;
    text_format(text, sizeof text, "DHCP: %s%s", ip_text(ip).s, what);
    d->caller->warn(d->ctx, text);
}

/* Returns why router cannot be reached. NULL: it is in our network, or a route
 * says that it is on the link. */
static const char *router_fault(const struct stackv4_address *a,
                                struct ip_address router)
{
    const char *fault = gateway_fault(router, a->ip, a->prefix);

    if (!fault || !ipv4_is_of_host(router) ||
        ipv4_same_network(router, a->ip, a->prefix))
        return fault;
    for (unsigned i = 0; i < a->route_count; i++)
        if (ipv4_number(a->routes[i].router) == 0 &&
            ipv4_same_network(router, a->routes[i].network,
                              a->routes[i].prefix))
            return NULL;
    return fault;
}

/* Returns whether router can be reached; if not, logs what is left out. */
static bool can_reach(struct dhcp *d, enum nonsense kind,
                      const struct stackv4_address *a,
                      struct ip_address router, const char *what)
{
    const char *fault = router_fault(a, router);
    char text[120];

    if (!fault)
        return true;
    text_format(text, sizeof text, " is %s: %s left out", fault, what);
    warn(d, kind, router, text);
    return false;
}

/* Leaves out the gateway and the routes whose router cannot be reached. */
static void check_routing(struct dhcp *d)
{
    struct stackv4_address *a = &d->lease.address;
    struct stackv4_address all = *a;

    if (!can_reach(d, BAD_GATEWAY, &all, a->gateway, "the gateway is"))
        a->gateway = ipv4_of_number(0);
    memset(a->routes, 0, sizeof a->routes);
    a->route_count = 0;
    for (unsigned i = 0; i < all.route_count; i++)
        if (can_reach(d, BAD_ROUTER, &all, all.routes[i].router,
                      "its routes are"))
            a->routes[a->route_count++] = all.routes[i];
}

/* An ACK without a netmask means that of the OFFER, or of the lease that it
 * renews. */
static unsigned prefix_of(const struct dhcp *d, const struct dhcp_reply *r)
{
    const struct stackv4_address *a = &d->lease.address;

    if (r->prefix)
        return r->prefix;
    return r->type == DHCP_ACK && ip_equal(a->ip, r->yours)
               ? a->prefix
               : prefix_of_class(r->yours);
}

/* Takes the address and its parameters. A parameter that the message lacks
 * keeps its value. */
static void take_address(struct dhcp *d, const struct dhcp_reply *r)
{
    struct stackv4_address *a = &d->lease.address;

    a->prefix = prefix_of(d, r);
    a->ip = r->yours;
    if (r->dns_count) {
        memcpy(a->dns, r->dns, sizeof r->dns);
        a->dns_count = r->dns_count;
    }
    if (r->ntp_count) {
        memcpy(a->ntp, r->ntp, sizeof r->ntp);
        a->ntp_count = r->ntp_count;
    }
    if (r->has_routing) {
        a->gateway = r->router;
        memcpy(a->routes, r->routes, sizeof r->routes);
        a->route_count = r->route_count;
        if (r->routes_left_out)
            warn(d, MANY_ROUTES, a->ip,
                 " has more routes than eight: the others are left out");
    }
    check_routing(d);
}

/* Moves t by a thirty-second of the lease at most, so that clients that booted
 * together do not renew together (4.4.5). */
static nanoseconds fuzz(nanoseconds t, nanoseconds length)
{
    t += length / 16 / 65536 * random_below(65536);
    return t > length / 32 ? t - length / 32 : 0;
}

static nanoseconds within(nanoseconds least, nanoseconds t, nanoseconds most)
{
    return t < least ? least : t > most ? most
                                        : t;
}

/*
 * Sets T1, T2 and the end of the lease, within bounds that hold whatever the
 * server says: no REQUEST before an eighth of the lease has passed, and one to
 * all servers before its end.
 */
static void time_lease(struct dhcp *d, bool is_granted)
{
    struct dhcp_lease *l = &d->lease;
    uint32_t seconds = d->seconds, t1 = d->t1, t2 = d->t2;
    nanoseconds length, first, second;

    if (seconds < LEAST_LEASE) {
        char text[80];

        text_format(text, sizeof text,
                    " is granted for %u s, and held for %u s",
                    (unsigned)seconds, LEAST_LEASE);
        if (is_granted)
            warn(d, SHORT_LEASE, l->address.ip, text);
        seconds = LEAST_LEASE;
    }
    length = seconds * SECOND;
    d->interval = length / 8 > SECOND ? length / 8 : SECOND;
    l->end = after(d->asked, seconds);
    if (l->end == FOREVER) {
        l->t1 = l->t2 = FOREVER;
        return;
    }
    second = t2 == 0 || t2 >= seconds ? length - length / 8 : t2 * SECOND;
    first = t1 == 0 || t1 * SECOND >= second ? length / 2 : t1 * SECOND;
    first = within(d->interval, fuzz(first, length), length - 2 * d->interval);
    second = within(first, fuzz(second, length), length - length / 16);
    l->t1 = d->asked + first;
    l->t2 = d->asked + second;
}

/* Takes what a server offers or grants. Times count from our request (4.4.1).
 * An OFFER, or another address, begins with nothing known. */
static void take_lease(struct dhcp *d, const struct dhcp_reply *r)
{
    struct dhcp_lease *l = &d->lease;

    if (r->type == DHCP_OFFER || !ip_equal(l->address.ip, r->yours)) {
        struct ip_address server = l->server;

        memset(l, 0, sizeof *l);
        l->address.gateway = ipv4_of_number(0);
        l->server = r->type == DHCP_OFFER ? ipv4_of_number(0) : server;
        d->seconds = UNSAID_LEASE;
        d->t1 = d->t2 = 0;
    }
    if (ipv4_number(r->server))
        l->server = r->server;
    if (r->mtu >= LEAST_MTU)
        l->mtu = r->mtu;
    else if (r->mtu)
        warn(d, BAD_MTU, r->yours,
             " comes with an MTU of less than 576 bytes: it is left out");
    if (r->has_lease) {
        d->seconds = r->lease;
        d->t1 = r->t1;
        d->t2 = r->t2;
    }
    take_address(d, r);
    time_lease(d, r->type == DHCP_ACK);
}

/* Enters BOUND until T1, or until another REQUEST is allowed. */
static void stay_bound(struct dhcp *d)
{
    const struct dhcp_lease *l = &d->lease;

    enter(d, DHCP_BOUND);
    d->deadline = l->t1;
    if (l->end != FOREVER && d->deadline < d->asked + d->interval)
        d->deadline = within(l->t1, d->asked + d->interval, l->end);
}

static void become_bound(struct dhcp *d)
{
    stay_bound(d);
    d->has_lease = true;
    d->caller->bound(d->ctx, &d->lease);
}

/*
 * Returns when to repeat a REQUEST that has no answer: after half of the time
 * that is left to T2, and from then on to the end of the lease, but after a
 * minute (4.4.5) and after d->interval at the soonest.
 */
static nanoseconds next_renewal(const struct dhcp *d, nanoseconds now)
{
    const struct dhcp_lease *l = &d->lease;
    bool is_renewing = d->state == DHCP_RENEWING;
    nanoseconds until = is_renewing ? l->t2 : l->end;
    nanoseconds wait = (until - now) / 2, next;

    wait = wait < LEAST_WAIT ? LEAST_WAIT : wait;
    next = now + (wait < d->interval ? d->interval : wait);
    /* T2 has a REQUEST, too. */
    if (is_renewing && next > until - d->interval)
        next = until < now + d->interval ? now + d->interval : until;
    return next < l->end ? next : l->end;
}

static void renew(struct dhcp *d, nanoseconds now)
{
    if (now >= d->lease.end) {
        lose(d, "the lease has expired");
        start_over(d, now);
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
        lose(d, "the lease has expired");
        start_over(d, now);
    } else if (d->tries >= REBOOTS) { /* 3.2, 3: it holds as far as we know */
        stay_bound(d);
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

/* Returns whether a host can have the address; if not, the message is dropped,
 * and the reason logged. */
static bool is_sensible(struct dhcp *d, const struct dhcp_reply *r)
{
    unsigned prefix = prefix_of(d, r);
    const char *fault = host_address_fault(r->yours, prefix);
    char text[120];

    if (!fault)
        return true;
    text_format(text, sizeof text, "/%u is offered, which is %s: not taken",
                prefix, fault);
    warn(d, BAD_ADDRESS, r->yours, text);
    return false;
}

static void take_offer(struct dhcp *d, const struct dhcp_reply *r,
                       nanoseconds now)
{
    if (!is_sensible(d, r))
        return;
    d->caller->say(d->ctx, "DHCP: offer received:", r->yours);
    take_lease(d, r);
    enter(d, DHCP_REQUESTING);
    ask(d, DHCP_REQUEST, now);
}

static void take_ack(struct dhcp *d, const struct dhcp_reply *r)
{
    bool changed = !ip_equal(r->yours, d->lease.address.ip);

    if (!is_sensible(d, r))
        return;
    if (changed && d->has_lease)
        lose(d, "the server has given another address");
    take_lease(d, r);
    if (d->state == DHCP_REQUESTING || changed) {
        enter(d, DHCP_PROBING);
        d->deadline = FOREVER;
        d->caller->probe(d->ctx, d->lease.address.ip);
    } else {
        become_bound(d);
    }
}

/*
 * Returns whether r is a NAK that counts. In REQUESTING and RENEWING only the
 * server that was asked can refuse: another may not know the lease. REQUESTs of
 * INIT-REBOOT and REBINDING are for any server.
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
        take_offer(d, &r, now);
    } else if (asking && r.type == DHCP_ACK) {
        take_ack(d, &r);
    } else if (asking && is_refusal(d, &r)) {
        lose(d, "the server has taken the address back");
        /* A server that refuses what it has just offered is given time. */
        if (d->state == DHCP_REQUESTING)
            begin(d, now + AFTER_NO, now);
        else
            start_over(d, now);
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
