/* SPDX-License-Identifier: ISC */
/*
 * dns_query: asks servers for a name until one of them has answered.
 */
#ifndef NET_DNS_QUERY_H
#define NET_DNS_QUERY_H

#include "dns_message.h"
#include <mirage/stackv4.h>

struct dns_servers {
    struct ip_address ip[DNS_SERVERS];
    unsigned count;
};

/* Abilities that a server was found to lack. Valid for an hour. */
struct dns_lack {
    struct ip_address ip;
    nanoseconds until;
    bool edns; /* it does not answer queries with EDNS */
    bool letter_case; /* it does not preserve the case of names */
    bool tcp;
};

struct dns_lacks {
    struct dns_lack of[DNS_SERVERS];
};

struct dns_counts {
    uint64_t by_udp, by_tcp; /* queries sent */
    uint64_t not_heard; /* datagrams that were no answer to a query */
};

/*
 * Asks the servers, in their order, for the addresses of name. In three rounds
 * a server has one second, then two, then four to answer by UDP, and five by
 * TCP. The last round begins at once when all servers have failed in one
 * before; it uses no EDNS and no random case: instead, the answers to two
 * queries must agree. On OK r->kind is DNS_FOUND, DNS_NO_NAME or DNS_NO_DATA,
 * and the server that has answered is moved to the front of *servers. *lacks is
 * used and updated. Blocks.
 *
 * ERR_TIMEOUT: no server has answered. ERR_IO: none has an answer to the query.
 * ERR_UNREACHABLE: there is no server, or no route to any. ERR_CANCELLED.
 */
MUST_CHECK enum status dns_query(struct stackv4 *stack,
                                 struct dns_servers *servers,
                                 const struct dns_name *name,
                                 nanoseconds deadline, struct dns_reply *r,
                                 struct dns_lacks *lacks,
                                 struct dns_counts *counts);

#endif
