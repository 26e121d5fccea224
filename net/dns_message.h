/* SPDX-License-Identifier: ISC */
/*
 * dns_message: names, questions for their IPv4 addresses, and the answers, on
 * the wire (RFC 1035, 3 and 4; RFC 2308; RFC 6891).
 */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include <mirage/dns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT 53

/* Bytes of an answer by UDP: with them no packet need be in fragments. */
#define DNS_UDP_MOST 1232

/* Bytes of a name (RFC 1035, 3.1), and of a question, at most. */
#define DNS_WIRE      255
#define DNS_QUERY_LEN (12 + DNS_WIRE + 4 + 11)

/*
 * A name as it is on the wire, without compression: labels of 1 to 63 bytes,
 * each behind its length, and a length of zero. len counts all of it.
 */
struct dns_name {
    uint8_t wire[DNS_WIRE];
    uint8_t len;
};

/*
 * Reads a name as people write it: labels of letters, digits, - and _, with
 * points between, and perhaps one behind the last. False: it is none, or its
 * last label is a number, which no such name has (RFC 1123, 2.1).
 */
bool dns_name_of_text(const char *text, struct dns_name *name);

/* Equal but for the case of letters (RFC 4343). */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/* Does it end in the labels of the other, which has all of them or more? */
bool dns_name_is_in(const struct dns_name *name, const struct dns_name *domain);

/* All letters small; or each in a case by chance (draft-vixie-dnsext-dns0x20),
 * which an answer has to repeat. */
void dns_name_fold(struct dns_name *name);
void dns_name_mix(struct dns_name *name);

struct dns_query {
    uint16_t id;
    struct dns_name name;
    bool has_edns; /* says that DNS_UDP_MOST bytes may come */
};

/* Writes a question for the addresses of a name; returns its length. */
size_t dns_emit(const struct dns_query *q, uint8_t p[DNS_QUERY_LEN]);

enum dns_kind {
    DNS_FOUND, /* addresses, one at least */
    DNS_ALIAS, /* name is to be asked for instead */
    DNS_NO_NAME, /* NXDOMAIN: there is no such name */
    DNS_NO_DATA, /* it has no IPv4 address */
    DNS_CUT, /* there is more than goes by UDP; found may have some */
    DNS_NO_FORMAT, /* the server does not know what we have said */
    DNS_FAILED, /* it does not know, or does not want to say */
};

/* What a server says. What kind does not speak of is zero. */
struct dns_reply {
    enum dns_kind kind;
    unsigned code; /* RCODE, with the bits that EDNS adds */
    bool has_edns; /* the server speaks it (RFC 6891, 7) */
    struct dns_answer found; /* DNS_FOUND, DNS_CUT */
    struct dns_name name; /* DNS_ALIAS */
    unsigned aliases; /* that were followed to get there */
    uint32_t ttl; /* seconds that it holds, for those with
                                   addresses, DNS_ALIAS, DNS_NO_NAME and
                                   DNS_NO_DATA; 0: not said */
};

/*
 * Reads an answer to q, to the byte in its name or, with any_case, but for the
 * case of letters. False: it answers something else, or is no message, or lies
 * about its lengths; *r says nothing then.
 */
bool dns_parse(const uint8_t *p, size_t len, const struct dns_query *q,
               bool any_case, struct dns_reply *r);

#endif
