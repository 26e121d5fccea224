/* SPDX-License-Identifier: ISC */
/*
 * The Identification field of IPv4 packets (RFC 791, 3.2; RFC 7739).
 */
#ifndef NET_IPV4_ID_H
#define NET_IPV4_ID_H

#include "siphash.h"

#define IPV4_ID_COUNTERS 1024 /* a power of two */

struct ipv4_ids {
    struct siphash_key key;
    /* The hash that was computed last: most packets go where the one before
     * went. */
    struct {
        uint32_t from, to;
        uint8_t protocol;
        uint64_t hash;
    } last;
    /* Of packets to the destinations with one hash. */
    struct ipv4_id_counter {
        uint16_t next;
        uint32_t used; /* milliseconds, which may wrap; 0: never */
    } counter[IPV4_ID_COUNTERS];
};

/* Sets the key to a random value. A counter gets one when it is first used,
 * since random numbers for all would take a good part of an image's start. */
void ipv4_ids_init(struct ipv4_ids *ids);

/* Allocates count consecutive identities; returns the first. */
uint16_t ipv4_ids_alloc(struct ipv4_ids *ids, uint32_t from, uint32_t to,
                        uint8_t protocol, unsigned count);

#endif
