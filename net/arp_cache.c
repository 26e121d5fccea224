/* SPDX-License-Identifier: ISC */
/*
 * The ARP cache (RFC 1122, 2.3.2). An entry that was not confirmed for a minute
 * is asked for again at its next use, by unicast, and used meanwhile.
 */
#include "arp_cache.h"
#include "arp_log.h"
#include "arp_packet.h"
#include <mirage/bytes.h>
#include <mirage/ethernet.h>
#include <string.h>

/*
 * ARP has no authentication. Forged requests evict no entry that is in use, and
 * a claim that a known host has another Ethernet address is believed only when
 * the old one does not answer.
 */

#define TRIES           3
#define REQUEST_WAIT    SECOND /* RFC 1122, 2.3.2.1: at most once a second */
#define FRESH           (60 * SECOND)
#define IN_USE          (60 * SECOND) /* after the last packet to a host */
#define VERIFY_TRIES    3 /* requests to the old address */
#define VERIFY_WAIT     (250 * MILLISECOND)
#define VERIFY_INTERVAL (100 * MILLISECOND) /* between two of a host */

static struct arp_entry **bucket_of(struct arp_cache *cache, uint32_t ip)
{
    return &cache->bucket[(ip ^ ip >> 8) % ARP_BUCKETS];
}

struct arp_entry *arp_cache_find(struct arp_cache *cache, uint32_t ip)
{
    struct arp_entry *e = *bucket_of(cache, ip);

    while (e && e->ip != ip)
        e = e->next;
    return e;
}

/* Reports packets that waited in vain. The callback may write to other hosts,
 * and so take the entry, which must be free by now. */
static void report_silence(struct arp_cache *cache, uint32_t ip,
                           struct buf *const *queue, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        if (cache->on_silence)
            cache->on_silence(cache->silence_ctx, ipv4_of_number(ip),
                              queue[i]);
        else
            buf_free(queue[i]);
}

/* Frees the entry. Moves its packets to queue, and returns their number. */
static unsigned free_entry(struct arp_entry *e, struct buf *queue[ARP_QUEUE])
{
    struct arp_entry **at = bucket_of(e->cache, e->ip);
    unsigned len = e->queue_len;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    wheel_clear(e->cache->wheel, &e->timer);
    e->state = ARP_FREE;
    e->queue_len = 0;
    memcpy(queue, e->queue, sizeof e->queue);
    return len;
}

static void request(struct arp_entry *e)
{
    struct arp_cache *cache = e->cache;

    if (arp_log_allows(cache->log, ARP_LINE_REQUEST))
        log_info(&arp, "ARP: transmitting probe -> %s",
                 ip_text(ipv4_of_number(e->ip)).s);
    arp_send_request(cache->ethernet,
                     e->state == ARP_REACHABLE ? e->mac : arp_broadcast,
                     cache->own, e->ip);
    e->tries++;
    wheel_set(cache->wheel, &e->timer, time_after(REQUEST_WAIT));
}

/* Sets the Ethernet address, and sends the packets that waited for it. */
static void set_mac(struct arp_entry *e, struct mac mac)
{
    struct arp_cache *cache = e->cache;
    struct buf *queue[ARP_QUEUE];
    unsigned len = e->queue_len;

    if ((e->state == ARP_INCOMPLETE || !mac_equal(e->mac, mac)) &&
        arp_log_allows(cache->log, ARP_LINE_UPDATE))
        log_info(&arp, "ARP: updating %s -> %s",
                 ip_text(ipv4_of_number(e->ip)).s, mac_text(mac).s);
    e->state = ARP_REACHABLE;
    e->mac = mac;
    e->confirmed = time_now();
    e->tries = 0;
    wheel_clear(cache->wheel, &e->timer);
    memcpy(queue, e->queue, sizeof queue);
    e->queue_len = 0;
    for (unsigned i = 0; i < len; i++)
        ethernet_write(cache->ethernet, mac, ETHERTYPE_IPV4, queue[i]);
}

/* Sends one more request to the old address of a disputed entry. When it has
 * not answered any, in less than a second, the claim is true. */
static void verify(struct arp_entry *e)
{
    struct arp_cache *cache = e->cache;

    if (e->tries == VERIFY_TRIES) {
        set_mac(e, e->claimed);
        return;
    }
    if (e->tries++ == 0)
        e->verified = time_now();
    arp_send_request(cache->ethernet, e->mac, cache->own, e->ip);
    wheel_set(cache->wheel, &e->timer, time_after(VERIFY_WAIT));
}

static void on_timer(void *ctx)
{
    struct arp_entry *e = ctx;
    struct buf *queue[ARP_QUEUE];
    unsigned len;

    if (e->state == ARP_DISPUTED) {
        verify(e);
        return;
    }
    if (e->tries < TRIES) {
        request(e);
        return;
    }
    if (arp_log_allows(e->cache->log, ARP_LINE_TIMEOUT))
        log_info(&arp, "ARP: timeout %s", ip_text(ipv4_of_number(e->ip)).s);
    len = free_entry(e, queue);
    report_silence(e->cache, e->ip, queue, len);
}

static bool is_in_use(const struct arp_entry *e, nanoseconds now)
{
    return e->queue_len > 0 || e->is_router ||
           (e->written && now - e->written < IN_USE);
}

/*
 * Chooses an entry to reuse: the least recently used; NULL: none. A request
 * that is received evicts none that is in use. A packet of ours may, but not a
 * router: first one out of use; then, once half of all entries are incomplete,
 * the oldest of these, so that traffic to hosts that do not exist does not
 * evict those that do.
 */
static struct arp_entry *choose_entry(struct arp_cache *cache,
                                      bool is_for_packet)
{
    nanoseconds now = time_now();
    struct arp_entry *idle = NULL, *known = NULL, *incomplete = NULL;
    unsigned incomplete_count = 0;

    for (size_t i = 0; i < ARP_ENTRIES; i++) {
        struct arp_entry *e = &cache->entry[i], **least = &known;

        if (e->state == ARP_FREE)
            return e;
        incomplete_count += e->state == ARP_INCOMPLETE;
        if (e->is_router)
            continue;
        if (!is_in_use(e, now))
            least = &idle;
        else if (e->state == ARP_INCOMPLETE)
            least = &incomplete;
        if (!*least || e->used < (*least)->used)
            *least = e;
    }
    if (idle || !is_for_packet)
        return idle;
    return incomplete && (incomplete_count >= ARP_ENTRIES / 2 || !known)
               ? incomplete
               : known;
}

/* Adds an incomplete entry; NULL: none may be evicted. */
static struct arp_entry *add_entry(struct arp_cache *cache, uint32_t ip,
                                   bool is_for_packet)
{
    struct arp_entry *e = choose_entry(cache, is_for_packet);
    struct arp_entry **at = bucket_of(cache, ip);
    struct buf *queue[ARP_QUEUE];
    uint32_t before;
    unsigned len;

    if (!e)
        return NULL;
    before = e->ip;
    len = e->state == ARP_FREE ? 0 : free_entry(e, queue);
    e->cache = cache;
    e->ip = ip;
    e->state = ARP_INCOMPLETE;
    e->tries = 0;
    e->used = ++cache->uses;
    e->written = e->verified = 0;
    e->is_router = false;
    e->timer.expired = on_timer;
    e->timer.ctx = e;
    e->next = *at;
    *at = e;
    report_silence(cache, before, queue, len);
    return e;
}

void arp_cache_add_sender(struct arp_cache *cache, uint32_t ip,
                          struct mac mac)
{
    struct arp_entry *e = add_entry(cache, ip, false);

    if (e)
        set_mac(e, mac);
}

/* Another Ethernet address claims the IP address: the host may have moved, a
 * standby router may have taken over, or the claim is forged. */
static void dispute(struct arp_entry *e, struct mac mac)
{
    e->claimed = mac;
    if (e->state == ARP_DISPUTED)
        return;
    e->state = ARP_DISPUTED;
    e->tries = 0;
    if (e->verified && time_now() < e->verified + VERIFY_INTERVAL)
        wheel_set(e->cache->wheel, &e->timer, e->verified + VERIFY_INTERVAL);
    else
        verify(e);
}

void arp_cache_update(struct arp_entry *e, struct mac mac)
{
    if (e->state == ARP_INCOMPLETE || mac_equal(e->mac, mac)) {
        if (e->state == ARP_DISPUTED &&
            arp_log_allows(e->cache->log, ARP_LINE_CLAIM))
            log_info(&arp, "ARP: %s says that it has %s, but %s still answers",
                     mac_text(e->claimed).s, ip_text(ipv4_of_number(e->ip)).s,
                     mac_text(e->mac).s);
        set_mac(e, mac);
    } else {
        dispute(e, mac);
    }
}

/* Is the destination of an IPv4 packet another host than ip? */
static bool is_forwarded(const struct buf *packet, uint32_t ip)
{
    return packet->len >= 20 && get_be32(packet->data + 16) != ip;
}

/* Drops the oldest packet when the queue is full (RFC 1122, 2.3.2.2); when
 * pages are scarce only the latest waits. */
static void enqueue(struct arp_entry *e, struct buf *packet)
{
    if (e->queue_len == ARP_QUEUE ||
        (e->queue_len > 0 && buf_pages_free() < buf_pages() / 4)) {
        buf_free(e->queue[0]);
        memmove(e->queue, e->queue + 1, (ARP_QUEUE - 1) * sizeof *e->queue);
        e->queue_len--;
    }
    e->queue[e->queue_len++] = packet;
}

void arp_cache_write(struct arp_cache *cache, uint32_t ip, struct buf *packet)
{
    struct arp_entry *e = arp_cache_find(cache, ip);
    nanoseconds now = time_now();

    if (!e) {
        e = add_entry(cache, ip, true);
        if (!e) { /* all entries are routers */
            buf_free(packet);
            return;
        }
        request(e);
    }
    e->used = ++cache->uses;
    e->written = now;
    if (is_forwarded(packet, ip))
        e->is_router = true;
    if (e->state == ARP_INCOMPLETE) {
        enqueue(e, packet);
        return;
    }
    if (e->state == ARP_REACHABLE && now - e->confirmed > FRESH &&
        !wheel_is_set(&e->timer))
        request(e);
    ethernet_write(cache->ethernet, e->mac, ETHERTYPE_IPV4, packet);
}

void arp_cache_set_own(struct arp_cache *cache, uint32_t own)
{
    cache->own = own;
    for (size_t i = 0; i < ARP_ENTRIES; i++)
        cache->entry[i].is_router = false;
}

bool arp_cache_is_waiting(const struct arp_cache *cache)
{
    for (size_t i = 0; i < ARP_ENTRIES; i++)
        if (cache->entry[i].queue_len > 0)
            return true;
    return false;
}

void arp_cache_free_queues(struct arp_cache *cache)
{
    for (size_t i = 0; i < ARP_ENTRIES; i++) {
        struct arp_entry *e = &cache->entry[i];

        while (e->queue_len > 0)
            buf_free(e->queue[--e->queue_len]);
    }
}
