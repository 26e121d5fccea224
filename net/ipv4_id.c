/* SPDX-License-Identifier: ISC */
/*
 * Identities of packets: a counter per hash of the destination (RFC 7739, 5.3).
 */
#include "ipv4_id.h"
#include <mirage/bytes.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/time.h>
#include <string.h>

/*
 * A global counter would disclose how much we send to others, and make the
 * identities of fragments predictable (RFC 6274, 3.5.2). The counter and its
 * offset are chosen by a keyed hash of the destination. Destinations may share
 * one: a random increment for the time between two packets hides the use by the
 * other, and wraps more slowly than reassembly times out.
 */

void ipv4_ids_init(struct ipv4_ids *ids)
{
    memset(ids, 0, sizeof *ids);
    random_bytes(&ids->key, sizeof ids->key);
}

/* `last` is all zeros at first; no packet has the protocol 0. */
static uint64_t hash_of(struct ipv4_ids *ids, uint32_t from, uint32_t to,
                        uint8_t protocol)
{
    uint8_t flow[9];

    if (ids->last.from != from || ids->last.to != to ||
        ids->last.protocol != protocol) {
        put_be32(flow, from);
        put_be32(flow + 4, to);
        flow[8] = protocol;
        ids->last.from = from;
        ids->last.to = to;
        ids->last.protocol = protocol;
        ids->last.hash = siphash(&ids->key, flow, sizeof flow);
    }
    return ids->last.hash;
}

uint16_t ipv4_ids_alloc(struct ipv4_ids *ids, uint32_t from, uint32_t to,
                        uint8_t protocol, unsigned count)
{
    uint64_t hash = hash_of(ids, from, to, protocol);
    struct ipv4_id_counter *c = &ids->counter[hash % IPV4_ID_COUNTERS];
    uint32_t now = (uint32_t)(time_now() / MILLISECOND);
    uint16_t id;

    if (c->used == 0)
        c->next = (uint16_t)random_below(UINT16_MAX + 1);
    else if (c->used != now)
        c->next = (uint16_t)(c->next + random_below(now - c->used));
    c->used = max(now, 1u);
    id = (uint16_t)(c->next + (hash >> 48));
    c->next = (uint16_t)(c->next + count);
    return id;
}
