/* SPDX-License-Identifier: ISC */
/*
 * dns_query: one question, asked of servers until one of them has answered.
 */
#ifndef NET_DNS_QUERY_H
#define NET_DNS_QUERY_H

#include "dns_message.h"
#include <mirage/stackv4.h>

struct dns_servers {
    struct ip_address ip[DNS_SERVERS];
    unsigned count;
};

/* What one server cannot do, as it was found out; forgotten after an hour. */
struct dns_lack {
    struct ip_address ip;
    nanoseconds until;
    bool edns; /* questions with it have no answer */
    bool letter_case; /* names come back in another one */
    bool tcp;
};

struct dns_lacks {
    struct dns_lack of[DNS_SERVERS];
};

struct dns_counts {
    uint64_t by_udp, by_tcp; /* questions that were sent */
    uint64_t not_heard; /* datagrams that were no answer to one */
};

/*
 * Asks for the addresses of name, the servers in their order: each is given a
 * second, then all of them two, then four; TCP has its time besides. The last
 * round, which begins at once if all servers have failed in one before, does
 * without EDNS and without the case of letters: two answers to questions of
 * their own have to agree there. On OK, r->kind is DNS_FOUND, DNS_NO_NAME or
 * DNS_NO_DATA, and the server that has said so is the first in *servers. What a
 * server cannot do is noted in *lacks, and heeded. Blocks.
 *
 * ERR_TIMEOUT: none has answered. ERR_IO: those that did could not say.
 * ERR_UNREACHABLE: there is none, or no way to any. ERR_CANCELLED.
 */
MUST_CHECK enum status dns_query(struct stackv4 *stack,
                                 struct dns_servers *servers,
                                 const struct dns_name *name,
                                 nanoseconds deadline, struct dns_reply *r,
                                 struct dns_lacks *lacks,
                                 struct dns_counts *counts);

#endif
