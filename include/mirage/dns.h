/* SPDX-License-Identifier: ISC */
/*
 * dns: addresses of host names, by DNS (RFC 1034, RFC 1035).
 *
 * A stub resolver (RFC 1034, 5.3.1), which sends recursive queries. It caches
 * answers for their TTL, at most a day, and negative answers (RFC 2308) at most
 * an hour. Fibers that look up one name at the same time share one query.
 *
 * Names are those of hosts: labels of letters, digits, - and _, each of at most
 * 63 bytes, at most 253 bytes with the dots. They are always absolute: there
 * are no search domains, and a dot after the last label changes nothing.
 * Internationalised names are given in their ASCII form (xn--...). An address
 * such as "10.0.0.1" is its own answer. Without a query, localhost and names in
 * .localhost are 127.0.0.1, and names in .invalid and .onion do not exist
 * (RFC 6761, RFC 7686).
 *
 * The servers are those of the boot argument --dns=ADDRESS,...; else those of
 * config.c; else those that the stack knows at the time, from DHCP or from the
 * host's /etc/resolv.conf. The servers are tried in turn with a timeout of one
 * second, then of two, then of four; a query ends after 30 s at most.
 *
 * A response is accepted only from the server that was asked, at the port that
 * was used, with the ID and the name of the query in the same random case
 * (RFC 5452). A response that is truncated, or changes the case, is asked for
 * again by TCP. If the server changes the case and does not take TCP, two
 * queries with ports and IDs of their own must have the same answer. A server
 * that fails with EDNS (RFC 6891) is asked without it. What a server cannot do
 * is remembered for an hour, while the servers are the same.
 */
#ifndef MIRAGE_DNS_H
#define MIRAGE_DNS_H

#include <mirage/address.h>
#include <mirage/flow.h>
#include <mirage/stackv4.h>
#include <mirage/status.h>
#include <mirage/time.h>

struct dns;

#define DNS_SERVERS   3 /* the most that are asked */
#define DNS_ADDRESSES 8 /* the most that are kept of an answer */

struct dns_answer {
    struct ip_address ip[DNS_ADDRESSES]; /* in the server's order */
    unsigned count;
};

/*
 * Looks up a name. On OK there is at least one address. Blocks unless the
 * answer is in the cache. After the deadline the query goes on in the
 * background, so that a later call may find its answer.
 *
 * ERR_NOT_FOUND: there is no such name, or it has no IPv4 address. ERR_NAME:
 * it is not a host name. ERR_TIMEOUT: no server has answered, or not before the
 * deadline. ERR_IO: the servers that answered have failed. Both are cached for
 * a second, so that immediate retries cause no queries. ERR_UNREACHABLE: there
 * is no server, or no route to one. ERR_NO_MEMORY, ERR_CANCELLED.
 */
MUST_CHECK enum status dns_resolve(struct dns *d, const char *name,
                                   nanoseconds deadline,
                                   struct dns_answer *answer);

/*
 * Opens a connection to a port of a host, by name: tries its addresses in order
 * until one accepts. Each gets an equal share of the remaining time, at most
 * 5 s, and the last all of it. Blocks. On OK, *flow is yours: flow_close it.
 *
 * Statuses are those of dns_resolve, and of stackv4_connect for the address
 * that was tried last.
 */
MUST_CHECK enum status dns_connect_tcp(struct dns *d, const char *name,
                                       uint16_t port, nanoseconds deadline,
                                       struct flow **flow);

/* Stores the servers that would be asked now. Returns their number. */
unsigned dns_servers(const struct dns *d,
                     struct ip_address servers[DNS_SERVERS]);

/* Ends the queries in progress and frees d; the stack is left as it is. No
 * fiber may be in another call on d. Blocks. */
void dns_disconnect(struct dns *d);

/* Calls fn for each counter, with its name and its value since the resolver was
 * connected. */
void dns_counters(const struct dns *d, counter_handler *fn, void *ctx);

#endif
