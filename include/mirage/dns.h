/* SPDX-License-Identifier: ISC */
/*
 * dns: addresses by name.
 *
 * A stub resolver (RFC 1034, 5.3.1): it asks servers that do the work, and
 * remembers what they say as long as they say it holds, though no longer than
 * a day, and of names that are not there (RFC 2308) no longer than an hour.
 * Of fibers that ask for one name at once, one asks the servers.
 *
 * Names are what hosts have: labels of letters, digits, - and _, each of at
 * most 63 bytes, at most 253 with the points between. They are always whole:
 * there are no search domains, and a point behind the last label changes
 * nothing. Names in other scripts are given as they are registered (xn--...).
 * An address such as "10.0.0.1" is its own answer. So are, without a question
 * to anybody, localhost and what ends in .localhost (127.0.0.1), and .invalid
 * and .onion, in which there are no names (RFC 6761, RFC 7686).
 *
 * The servers are those of the boot argument --dns=ADDRESS,...; without it
 * those that config.c names; without such either those that the stack knows,
 * from DHCP or from the host's /etc/resolv.conf, as they are at the time. A
 * server that does not answer is given one second, then two, then four, the
 * others in between; a question is given up after 30 s at most.
 *
 * What is not the answer of the server that was asked, to the port that it was
 * asked from, with the number of the question and its name, letter for letter
 * in a case by chance, is not heard (RFC 5452). What does not fit into a
 * datagram, and what a server says that spoils the case, is asked for by TCP.
 * Where a server spoils the case and takes no TCP, an answer counts when two
 * questions, each with a port and a number of its own, have it in common. A
 * server that fails when EDNS (RFC 6891) is asked is asked without. What a
 * server cannot do is remembered for an hour, as long as the servers are the
 * same.
 */
#ifndef MIRAGE_DNS_H
#define MIRAGE_DNS_H

#include <mirage/address.h>
#include <mirage/flow.h>
#include <mirage/stackv4.h>
#include <mirage/status.h>
#include <mirage/time.h>

struct dns;

#define DNS_SERVERS   3 /* that are asked at most */
#define DNS_ADDRESSES 8 /* that are kept of an answer */

struct dns_answer {
    struct ip_address ip[DNS_ADDRESSES]; /* as the server has ordered them */
    unsigned count;
};

/*
 * Looks a name up. On OK there is at least one address. Blocks, but not for
 * what is remembered. After the deadline the question goes on without us, so
 * that the next who asks may have the answer.
 *
 * ERR_NOT_FOUND: there is no such name, or it has no IPv4 address. ERR_NAME:
 * it is not the name of a host. ERR_TIMEOUT: no server has answered, or not
 * before the deadline. ERR_IO: those that answered could not say. Both are
 * remembered for a second, so that who tries again at once burdens nobody.
 * ERR_UNREACHABLE: there is no server, or no way to one. ERR_NO_MEMORY,
 * ERR_CANCELLED.
 */
MUST_CHECK enum status dns_resolve(struct dns *d, const char *name,
                                   nanoseconds deadline,
                                   struct dns_answer *answer);

/*
 * Opens a connection to a port of a name: to the first of its addresses that
 * takes it, in their order. Each is given its share of the time that is left,
 * at most 5 s, and the last all of it. Blocks. On OK, *flow is yours:
 * flow_close it.
 *
 * The statuses are those of dns_resolve, and of stackv4_connect for the address
 * that was tried last.
 */
MUST_CHECK enum status dns_connect_tcp(struct dns *d, const char *name,
                                       uint16_t port, nanoseconds deadline,
                                       struct flow **flow);

/* Stores the servers that would be asked now. Returns their number. */
unsigned dns_servers(const struct dns *d,
                     struct ip_address servers[DNS_SERVERS]);

/* Gives up the questions that are asked, and frees d; the stack is left as it
 * is. No fiber may be in another call on d. Blocks. */
void dns_disconnect(struct dns *d);

/* What was counted since the device was connected, by the name of each. */
void dns_counters(const struct dns *d, counter_handler *fn, void *ctx);

#endif
