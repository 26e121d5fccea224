/* SPDX-License-Identifier: ISC */
/*
 * dns_message: parsing and emission of DNS messages: queries for IPv4
 * addresses, and their answers (RFC 1035, 3 and 4; RFC 2308; RFC 6891).
 */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include <mirage/dns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT 53

/* Bytes of an answer by UDP, so that it is not fragmented. */
#define DNS_UDP_MOST 1232

/* The most bytes of a name (RFC 1035, 3.1), and of a query. */
#define DNS_WIRE      255
#define DNS_QUERY_LEN (12 + DNS_WIRE + 4 + 11)

/*
 * A name in wire format, without compression: labels of 1 to 63 bytes, each
 * preceded by its length, and a length of zero. len counts all of it.
 */
struct dns_name {
    uint8_t wire[DNS_WIRE];
    uint8_t len;
};

/*
 * Parses a name in text: labels of letters, digits, - and _, separated by dots,
 * with an optional dot at the end. False: the syntax is wrong, or the last
 * label is a number, which no host name has (RFC 1123, 2.1).
 */
bool dns_name_of_text(const char *text, struct dns_name *name);

/* Compares names without regard to case (RFC 4343). */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/* Is name in the domain: does it end in its labels? */
bool dns_name_is_in(const struct dns_name *name, const struct dns_name *domain);

/* Sets all letters to lower case; or each to a random case, which the answer
 * must repeat (draft-vixie-dnsext-dns0x20). */
void dns_name_fold(struct dns_name *name);
void dns_name_mix(struct dns_name *name);

struct dns_query {
    uint16_t id;
    struct dns_name name;
    bool has_edns; /* allows answers of DNS_UDP_MOST bytes */
};

/* Writes a query; returns its length, at most DNS_QUERY_LEN. */
size_t dns_emit(const struct dns_query *q, uint8_t p[DNS_QUERY_LEN]);

enum dns_kind {
    DNS_FOUND, /* one address at least */
    DNS_ALIAS, /* a CNAME without its address: ask for name */
    DNS_NO_NAME, /* NXDOMAIN: the name does not exist */
    DNS_NO_DATA, /* the name has no IPv4 address */
    DNS_TRUNCATED, /* truncated; found may have some addresses */
    DNS_FORMAT_ERROR, /* FORMERR or the like: a query without EDNS may do */
    DNS_FAILED, /* SERVFAIL, REFUSED and the like */
};

/* A server's answer. Members that kind does not use are zero. */
struct dns_reply {
    enum dns_kind kind;
    unsigned code; /* RCODE, with the bits of EDNS (RFC 6891, 6.1.3) */
    bool has_edns; /* the answer has an OPT record (RFC 6891, 7) */
    struct dns_answer found; /* DNS_FOUND, DNS_TRUNCATED */
    struct dns_name name; /* DNS_ALIAS */
    unsigned aliases; /* CNAMEs that were followed */
    uint32_t ttl; /* seconds; 0: for no kind but those above DNS_TRUNCATED */
};

/*
 * Parses an answer to q. It must repeat the name of q, byte for byte, or with
 * any_case without regard to case. False: it does not answer q, or is
 * malformed; *r is undefined then.
 */
bool dns_parse(const uint8_t *p, size_t len, const struct dns_query *q,
               bool any_case, struct dns_reply *r);

#endif
