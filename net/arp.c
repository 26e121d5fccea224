/* SPDX-License-Identifier: ISC */
/*
 * ARP (RFC 826): answers requests, keeps the cache up to date, and announces,
 * probes and defends our own address (RFC 5227).
 */
#include "arp_cache.h"
#include "arp_log.h"
#include "arp_packet.h"
#include "fiber_stop.h"
#include "ipv4_wheel.h"
#include <mirage/arp.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <mirage/random.h>
#include <stdlib.h>

/* RFC 5227, 1.1; probes are sent faster, since people wait for them. */
#define PROBE_NUM         3
#define PROBE_FIRST       (20 * MILLISECOND) /* for a reply from the link */
#define PROBE_WAIT        (100 * MILLISECOND)
#define ANNOUNCE_WAIT     (200 * MILLISECOND)
#define ANNOUNCE_INTERVAL (2 * SECOND)
#define DEFEND_INTERVAL   (10 * SECOND)

struct arp {
    struct ethernet *ethernet;
    struct network *net;
    struct wheel wheel;
    struct arp_log log;
    struct arp_cache cache;
    uint32_t own, mask; /* own 0: no address */
    nanoseconds defended; /* when; 0: never */
    struct wheel_timer announce;
    uint32_t probed; /* 0: no address */
    bool probe_failed;
    struct waiters probing;
    arp_conflict *on_conflict;
    void *conflict_ctx;
    struct fiber *watcher; /* of the link */
};

static void announce(struct arp *a)
{
    if (arp_log_allows(&a->log, ARP_LINE_ANNOUNCE))
        log_info(&arp, "ARP: sending gratuitous from %s",
                 ip_text(ipv4_of_number(a->own)).s);
    arp_send_request(a->ethernet, arp_broadcast, a->own, a->own);
}

static void announce_again(void *ctx)
{
    struct arp *a = ctx;

    if (a->own)
        announce(a);
}

/* RFC 5227, 2.4 (b): defends the address once; when there is another conflict
 * within DEFEND_INTERVAL, reports it. */
static void defend(struct arp *a, struct mac other)
{
    nanoseconds now = time_now();
    bool again = a->defended && now - a->defended < DEFEND_INTERVAL;

    if (!again) {
        if (arp_log_allows(&a->log, ARP_LINE_CONFLICT))
            log_warning(&arp, "%s says that it has our address %s",
                        mac_text(other).s, ip_text(ipv4_of_number(a->own)).s);
        a->defended = now;
        announce(a);
    } else if (a->on_conflict) {
        a->on_conflict(a->conflict_ctx, ipv4_of_number(a->own), other);
    }
}

static void answer(struct arp *a, const struct arp_packet *q)
{
    struct arp_packet reply = {.operation = ARP_REPLY,
                               .to = q->from,
                               .from_ip = a->own,
                               .to_ip = q->from_ip};

    if (arp_log_allows(&a->log, ARP_LINE_ANSWER))
        log_info(&arp, "ARP responding to: who-has %s?",
                 ip_text(ipv4_of_number(a->own)).s);
    arp_send(a->ethernet, q->from, &reply);
}

/* Can ip be the address of another host on our network? */
static bool is_neighbour(const struct arp *a, uint32_t ip)
{
    uint32_t host = ip & ~a->mask;

    return ((ip ^ a->own) & a->mask) == 0 && ip >> 24 != 0 && ip >> 24 != 127 &&
           (a->mask >= 0xfffffffe || (host != 0 && host != ~a->mask));
}

/* RFC 5227, 2.1.1: does the packet show that the probed address is in use, or
 * is probed by another host? */
static bool is_conflict_with_probe(const struct arp *a,
                                   const struct arp_packet *q)
{
    return a->probed && (q->from_ip == a->probed ||
                         (q->from_ip == 0 && q->to_ip == a->probed &&
                          q->operation == ARP_REQUEST));
}

/* Uses the sender in the packet, and not that of the frame: they differ behind
 * a bridge, and for a virtual router (RFC 9568, 8.1.2). */
static void input(void *ctx, struct mac from, bool to_many, struct buf *b)
{
    struct arp *a = ctx;
    struct arp_packet q;
    struct arp_entry *e;

    (void)from;
    (void)to_many;
    b = buf_pullup(b, ARP_PACKET);
    if (!b || !arp_parse(b->data, b->len, &q) ||
        mac_equal(q.from, a->net->mac)) {
        buf_free(b);
        return;
    }
    buf_free(b);
    if (is_conflict_with_probe(a, &q)) {
        a->probe_failed = true;
        wake_all(&a->probing);
        return;
    }
    if (a->own && q.from_ip == a->own) {
        defend(a, q.from);
        return;
    }
    e = q.from_ip ? arp_cache_find(&a->cache, q.from_ip) : NULL;
    if (e)
        arp_cache_update(e, q.from);
    if (!a->own || q.to_ip != a->own || q.operation != ARP_REQUEST)
        return;
    if (!e && is_neighbour(a, q.from_ip))
        arp_cache_add_sender(&a->cache, q.from_ip, q.from);
    answer(a, &q);
}

static void start_announcing(struct arp *a)
{
    a->defended = 0;
    if (a->net->up)
        announce(a);
    wheel_set(&a->wheel, &a->announce, time_after(ANNOUNCE_INTERVAL));
}

/* A packet with our address as its sender changes the caches of the link's
 * hosts (RFC 826), so until the probes have ended none is broadcast: there are
 * no announcements, and requests have no sender address, as probes have not. */
static bool may_claim(const struct arp *a)
{
    return a->own && a->own != a->probed;
}

static void announce_when_up(void *ctx)
{
    struct arp *a = ctx;
    bool was_up = a->net->up;

    while (wait_until(&a->net->changed, FOREVER) == OK) {
        if (a->net->up && !was_up && may_claim(a))
            start_announcing(a);
        was_up = a->net->up;
    }
}

enum status arp_connect(struct ethernet *e, struct arp **made)
{
    struct arp *a = calloc(1, sizeof *a);

    if (!a)
        return ERR_NO_MEMORY;
    a->ethernet = a->cache.ethernet = e;
    a->net = ethernet_network(e);
    a->announce.expired = announce_again;
    a->announce.ctx = a;
    arp_log_init(&a->log, &a->wheel);
    a->cache.wheel = &a->wheel;
    a->cache.log = &a->log;
    if (wheel_start(&a->wheel) != OK) {
        free(a);
        return ERR_NO_MEMORY;
    }
    if (fiber_spawn(&(struct fiber_options){"arp", 0}, announce_when_up, a,
                    &a->watcher) != OK) {
        wheel_stop(&a->wheel);
        free(a);
        return ERR_NO_MEMORY;
    }
    ethernet_listen(e, ETHERTYPE_ARP, input, a);
    *made = a;
    return OK;
}

void arp_set_address(struct arp *a, struct ip_address ip, unsigned prefix)
{
    a->own = ipv4_number(ip);
    a->mask = prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
    a->defended = 0;
    wheel_clear(&a->wheel, &a->announce);
    arp_cache_set_own(&a->cache, may_claim(a) ? a->own : 0);
    if (may_claim(a))
        start_announcing(a);
}

/* OK: the time has passed without a conflict. */
static enum status wait_for_conflict(struct arp *a, nanoseconds length,
                                     nanoseconds deadline)
{
    nanoseconds until = time_after(length);

    while (!a->probe_failed) {
        enum status s = wait_until(&a->probing, min(until, deadline));

        if (s == ERR_TIMEOUT && time_now() >= until)
            return OK;
        if (s != OK)
            return s;
    }
    return ERR_IN_USE;
}

enum status arp_probe_start(struct arp *a, struct ip_address ip,
                            nanoseconds deadline)
{
    enum status s;

    while (!a->net->up)
        if ((s = wait_until(&a->net->changed, deadline)) != OK)
            return s;
    a->probed = ipv4_number(ip);
    a->probe_failed = false;
    arp_send_request(a->ethernet, arp_broadcast, 0, a->probed);
    s = wait_for_conflict(a, PROBE_FIRST, deadline);
    if (s != OK)
        a->probed = 0;
    return s;
}

enum status arp_probe_finish(struct arp *a, nanoseconds deadline)
{
    nanoseconds waited = PROBE_FIRST;
    enum status s = OK;
    bool is_ours;

    for (int sent = 1; s == OK && sent <= PROBE_NUM; sent++) {
        s = wait_for_conflict(
            a, PROBE_WAIT + random_below(100) * MILLISECOND - waited, deadline);
        if (s == OK && sent < PROBE_NUM)
            arp_send_request(a->ethernet, arp_broadcast, 0, a->probed);
        waited = 0;
    }
    if (s == OK)
        s = wait_for_conflict(a, ANNOUNCE_WAIT, deadline);
    is_ours = a->own && a->own == a->probed;
    a->probed = 0;
    if (s == OK && is_ours) {
        a->cache.own = a->own;
        start_announcing(a);
    }
    return s;
}

enum status arp_probe(struct arp *a, struct ip_address ip,
                      nanoseconds deadline)
{
    enum status s = arp_probe_start(a, ip, deadline);

    return s == OK ? arp_probe_finish(a, deadline) : s;
}

void arp_on_conflict(struct arp *a, arp_conflict *fn, void *ctx)
{
    a->on_conflict = fn;
    a->conflict_ctx = ctx;
}

void arp_on_silence(struct arp *a, arp_silent *fn, void *ctx)
{
    a->cache.on_silence = fn;
    a->cache.silence_ctx = ctx;
}

void arp_write(struct arp *a, struct ip_address to, struct buf *packet)
{
    arp_cache_write(&a->cache, ipv4_number(to), packet);
}

bool arp_is_waiting(const struct arp *a)
{
    return arp_cache_is_waiting(&a->cache);
}

struct wheel *arp_wheel(struct arp *a)
{
    return &a->wheel;
}

struct ethernet *arp_ethernet(const struct arp *a)
{
    return a->ethernet;
}

void arp_disconnect(struct arp *a)
{
    ethernet_listen(a->ethernet, ETHERTYPE_ARP, NULL, NULL);
    fiber_stop(a->watcher);
    wheel_stop(&a->wheel);
    arp_cache_free_queues(&a->cache);
    free(a);
}
