/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes the parser of DNS answers. The input is parsed as an answer to a query
 * that matches it: the query has the ID and the name in the input's question
 * section, or a fixed name if that one is invalid. The input is also parsed as
 * a name in text.
 */
#include "platform.h"
#include <net/dns_message.h>
#include <mirage/bytes.h>
#include <string.h>

#define HEADER 12 /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that the name consists of labels, the last of them empty, and that len
 * is the length of them all. */
static void check_name(const struct dns_name *name)
{
    size_t at = 0;

    while (at < name->len && name->wire[at] != 0) {
        check(name->wire[at] <= 63);
        at += 1u + name->wire[at];
    }
    check(at + 1 == name->len && dns_name_is_in(name, name));
}

static void check_reply(const struct dns_reply *r)
{
    check(r->found.count <= DNS_ADDRESSES);
    check(r->kind == DNS_TRUNCATED ||
          (r->kind == DNS_FOUND) == (r->found.count > 0));
    check((r->kind == DNS_ALIAS) == (r->name.len > 0));
    /* No address is in 0.0.0.0/8, or is multicast or reserved. */
    for (unsigned i = 0; i < r->found.count; i++)
        check(ipv4_number(r->found.ip[i]) >> 24 > 0 &&
              ipv4_number(r->found.ip[i]) >> 29 < 7);
    if (r->kind == DNS_ALIAS) {
        check(r->aliases > 0);
        check_name(&r->name);
    }
    if ((r->kind == DNS_TRUNCATED && r->found.count == 0) ||
        r->kind == DNS_FORMAT_ERROR || r->kind == DNS_FAILED)
        check(r->ttl == 0);
    check(r->ttl <= INT32_MAX);
}

/* Reads the name in the question section. name->len is 0 if it is compressed,
 * too long or incomplete. */
static void take_name(const uint8_t *data, size_t size, struct dns_name *name)
{
    size_t at = HEADER;

    name->len = 0;
    while (at < size && data[at] > 0 && data[at] <= 63 &&
           data[at] + 2u <= DNS_WIRE - (at - HEADER))
        at += 1u + data[at];
    if (at >= size || data[at] != 0)
        return;
    name->len = (uint8_t)(at + 1 - HEADER);
    memcpy(name->wire, data + HEADER, name->len);
}

static void try_text(const uint8_t *data, size_t size)
{
    char text[300];
    struct dns_name name, other;

    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!dns_name_of_text(text, &name))
        return;
    check_name(&name);
    check(strlen(text) <= 254); /* with a dot at its end */
    other = name;
    dns_name_fold(&other);
    check_name(&other);
    check(dns_name_equal(&name, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_query q = {0};
    struct dns_reply exact, any;
    bool is_exact, is_any;

    try_text(data, size);
    if (size > 1)
        q.id = get_be16(data);
    take_name(data, size, &q.name);
    if (q.name.len == 0)
        check(dns_name_of_text("www.example.org", &q.name));
    is_exact = dns_parse(data, size, &q, false, &exact);
    is_any = dns_parse(data, size, &q, true, &any);
    check(!is_exact || is_any);
    if (is_any)
        check_reply(&any);
    if (is_exact)
        check(memcmp(&exact, &any, sizeof exact) == 0);
    return 0;
}
