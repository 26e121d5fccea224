/* SPDX-License-Identifier: ISC */
/*
 * The ARP cache: Ethernet addresses of neighbours, and packets that wait for
 * one. Has a fixed number of entries.
 */
#ifndef NET_ARP_CACHE_H
#define NET_ARP_CACHE_H

#include "wheel.h"
#include <mirage/address.h>
#include <mirage/arp.h>
#include <stdbool.h>

#define ARP_ENTRIES 256
#define ARP_BUCKETS 64
#define ARP_QUEUE   8 /* packets that wait for one answer */

struct arp_cache;
struct arp_log;
struct ethernet;

enum arp_entry_state {
    ARP_FREE,
    ARP_INCOMPLETE, /* a request was sent; mac is not known yet */
    ARP_REACHABLE,
    ARP_DISPUTED, /* mac is used, and verified: another address claims ip */
};

struct arp_entry {
    struct arp_cache *cache;
    struct arp_entry *next; /* in its bucket */
    enum arp_entry_state state;
    uint32_t ip;
    struct mac mac;
    struct mac claimed; /* while ARP_DISPUTED: the latest claim */
    uint64_t used; /* the larger the later */
    nanoseconds written; /* when the last packet was; 0: never */
    nanoseconds confirmed, verified;
    bool is_router; /* packets to other hosts went there */
    unsigned tries; /* requests without an answer */
    struct buf *queue[ARP_QUEUE];
    unsigned queue_len;
    struct wheel_timer timer;
};

struct arp_cache {
    struct ethernet *ethernet;
    struct wheel *wheel;
    struct arp_log *log;
    uint32_t own; /* the sender of requests: our address, or 0 */
    arp_silent *on_silence;
    void *silence_ctx;
    uint64_t uses;
    struct arp_entry *bucket[ARP_BUCKETS];
    struct arp_entry entry[ARP_ENTRIES];
};

/* NULL: ip has no entry. */
struct arp_entry *arp_cache_find(struct arp_cache *cache, uint32_t ip);

/* Adds the sender of a request to us, unless all entries are in use. */
void arp_cache_add_sender(struct arp_cache *cache, uint32_t ip,
                          struct mac mac);

/* Notes that a packet names mac as the address of the host at e->ip. Believed
 * at once if the entry has none, or this one; otherwise the old one is verified
 * first. */
void arp_cache_update(struct arp_entry *e, struct mac mac);

/* Sends an IPv4 packet, whose header is in the first buf, to the host at ip; or
 * queues it, and sends a request. Takes it. */
void arp_cache_write(struct arp_cache *cache, uint32_t ip, struct buf *packet);

/* Changes our address, and forgets which hosts are routers. */
void arp_cache_set_own(struct arp_cache *cache, uint32_t own);

/* Is a packet queued? */
bool arp_cache_is_waiting(const struct arp_cache *cache);

/* Frees the packets that are queued. */
void arp_cache_free_queues(struct arp_cache *cache);

#endif
