/* SPDX-License-Identifier: ISC */
/*
 * DNS messages (RFC 1035, 4): a header of 12 bytes, the question, and three
 * sections of records: answer, authority, additional. A compression pointer
 * (4.1.4) must point to before the labels that it follows, so that every name
 * ends.
 */
#include "dns_message.h"
#include <mirage/bytes.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <string.h>

#define HEADER  12
#define FIXED   10 /* bytes of a record between NAME and RDATA */
#define ALIASES 16 /* that are followed in one message */

enum type { A = 1,
            CNAME = 5,
            SOA = 6,
            OPT = 41 };

#define IN 1 /* the class */

/* Bits of the header, from its third byte on, and codes in it. */
#define RESPONSE  0x8000
#define OPCODE    0x7800
#define TRUNCATED 0x0200
#define RECURSE   0x0100 /* recursion is desired */
#define RECURSES  0x0080 /* recursion is available */

enum code { NO_ERROR = 0,
            FORMAT_ERROR = 1,
            NAME_ERROR = 3,
            NOT_IMPLEMENTED = 4,
            BAD_VERSION = 16 };

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_letter(uint8_t c)
{
    return small(c) >= 'a' && small(c) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool dns_name_of_text(const char *text, struct dns_name *name)
{
    size_t len = 0;
    bool is_number = true;

    do {
        size_t label = 0;

        is_number = true;
        while (text[label] && text[label] != '.') {
            char c = text[label++];

            if (!is_letter((uint8_t)c) && !is_digit(c) && c != '-' && c != '_')
                return false;
            is_number = is_number && is_digit(c);
        }
        /* With the first length, and the root label. */
        if (label == 0 || label > 63 || len + 1 + label + 1 > DNS_WIRE)
            return false;
        name->wire[len] = (uint8_t)label;
        memcpy(name->wire + len + 1, text, label);
        len += 1 + label;
        text += label;
        if (*text == '.')
            text++;
    } while (*text);
    name->wire[len] = 0;
    name->len = (uint8_t)(len + 1);
    return !is_number;
}

/* A length byte is less than any letter, so all bytes can be folded. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (small(a[i]) != small(b[i]))
            return false;
    return true;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return a->len == b->len && is_same(a->wire, b->wire, a->len);
}

bool dns_name_is_in(const struct dns_name *name, const struct dns_name *domain)
{
    size_t at = 0;

    while (name->len - at > domain->len)
        at += 1u + name->wire[at];
    return name->len - at == domain->len &&
           is_same(name->wire + at, domain->wire, domain->len);
}

void dns_name_fold(struct dns_name *name)
{
    for (size_t i = 0; i < name->len; i++)
        name->wire[i] = small(name->wire[i]);
}

void dns_name_mix(struct dns_name *name)
{
    uint8_t chance[DNS_WIRE];

    random_bytes(chance, name->len);
    for (size_t i = 0; i < name->len; i++)
        if (is_letter(name->wire[i]))
            name->wire[i] ^= chance[i] & ('a' - 'A');
}

size_t dns_emit(const struct dns_query *q, uint8_t p[DNS_QUERY_LEN])
{
    uint8_t *at = p + HEADER;

    memset(p, 0, DNS_QUERY_LEN);
    put_be16(p, q->id);
    put_be16(p + 2, RECURSE);
    put_be16(p + 4, 1);
    put_be16(p + 10, q->has_edns);
    memcpy(at, q->name.wire, q->name.len);
    at += q->name.len;
    put_be16(at, A);
    put_be16(at + 2, IN);
    at += 4;
    if (q->has_edns) { /* RFC 6891, 6.1.2: NAME is the root, all else zero */
        put_be16(at + 1, OPT);
        put_be16(at + 3, DNS_UDP_MOST);
        at += 11;
    }
    return (size_t)(at - p);
}

struct message {
    const uint8_t *p;
    size_t len;
};

struct record {
    struct dns_name name;
    uint16_t type, class;
    uint32_t ttl;
    size_t at, len; /* of RDATA */
};

/* Reads the name at *at, and moves *at behind it. */
static bool read_name(const struct message *m, size_t *at,
                      struct dns_name *name)
{
    size_t from = *at, piece = *at, len = 0, end = 0;
    unsigned jumps = 0;

    for (;;) {
        size_t n = from < m->len ? m->p[from] : 0xff;

        if (n >= 0xc0 && from + 2 <= m->len) {
            end = end ? end : from + 2;
            from = get_be16(m->p + from) & 0x3fff;
            if (from < HEADER || from >= piece || ++jumps > DNS_WIRE / 2)
                return false;
            piece = from;
            continue;
        }
        if (n > 63 || n + 1 > m->len - from || n + 1 > DNS_WIRE - len)
            return false;
        memcpy(name->wire + len, m->p + from, n + 1);
        len += n + 1;
        from += n + 1;
        if (n == 0)
            break;
    }
    name->len = (uint8_t)len;
    *at = end ? end : from;
    return true;
}

/* Reads the record at *at, and moves *at behind it. */
static bool read_record(const struct message *m, size_t *at, struct record *r)
{
    const uint8_t *p;

    if (!read_name(m, at, &r->name) || m->len - *at < FIXED)
        return false;
    p = m->p + *at;
    r->type = get_be16(p);
    r->class = get_be16(p + 2);
    r->ttl = get_be32(p + 4);
    if (r->ttl >> 31 && r->type != OPT) /* RFC 2181, 8 */
        r->ttl = 0;
    r->len = get_be16(p + 8);
    r->at = *at + FIXED;
    if (r->len > m->len - r->at)
        return false;
    *at = r->at + r->len;
    return true;
}

/* Reads the RDATA of a CNAME. */
static bool read_alias(const struct message *m, const struct record *r,
                       struct dns_name *name)
{
    size_t at = r->at;

    return read_name(m, &at, name) && at == r->at + r->len;
}

/* The TTL of a negative answer, by the SOA record (RFC 2308, 5). */
static bool read_soa(const struct message *m, const struct record *r,
                     uint32_t *ttl)
{
    struct dns_name name;
    size_t at = r->at;
    uint32_t least;

    if (!read_name(m, &at, &name) || !read_name(m, &at, &name) ||
        at + 20 != r->at + r->len)
        return false;
    least = get_be32(m->p + at + 16);
    *ttl = min(r->ttl, least);
    return true;
}

/* What check_records has found. */
struct found {
    size_t answers; /* offset of the answer section */
    unsigned count; /* of answers */
    bool has_soa;
    uint32_t soa_ttl;
    bool has_edns;
    unsigned more_code; /* the upper bits of RCODE (RFC 6891, 6.1.3) */
};

static bool is_sound(const struct message *m, const struct record *r)
{
    struct dns_name name;

    if (r->class != IN)
        return true;
    return (r->type != A || r->len == 4) &&
           (r->type != CNAME || read_alias(m, r, &name));
}

static bool check_records(const struct message *m, size_t at, struct found *f)
{
    unsigned answers = get_be16(m->p + 6);
    unsigned others = get_be16(m->p + 8), more = get_be16(m->p + 10);

    *f = (struct found){.answers = at, .count = answers};
    for (unsigned i = 0; i < answers + others + more; i++) {
        struct record r;

        if (!read_record(m, &at, &r) || !is_sound(m, &r))
            return false;
        if (i >= answers && i < answers + others && r.type == SOA &&
            r.class == IN) {
            if (!read_soa(m, &r, &f->soa_ttl))
                return false;
            f->has_soa = true;
        }
        if (i >= answers + others && r.type == OPT) {
            f->has_edns = true;
            f->more_code = r.ttl >> 24;
        }
    }
    return true;
}

/* Can a host have the address? */
static bool is_of_a_host(uint32_t ip)
{
    return ip >> 24 != 0 && ip >> 29 != 7;
}

/*
 * Follows the chain of CNAMEs from r->name on, in whatever order they are.
 * r->ttl becomes the least TTL of them. False: the chain does not end.
 */
static bool follow(const struct message *m, const struct found *f,
                   struct dns_reply *r)
{
    unsigned before;

    do {
        size_t at = f->answers;

        before = r->aliases;
        for (unsigned i = 0; i < f->count; i++) {
            struct record record;

            if (!read_record(m, &at, &record))
                return false;
            if (record.type != CNAME || record.class != IN ||
                !dns_name_equal(&record.name, &r->name))
                continue;
            if (++r->aliases > ALIASES || !read_alias(m, &record, &r->name))
                return false;
            r->ttl = min(r->ttl, record.ttl);
        }
    } while (r->aliases > before);
    return true;
}

static void read_addresses(const struct message *m, const struct found *f,
                           struct dns_reply *r)
{
    size_t at = f->answers;

    for (unsigned i = 0; i < f->count; i++) {
        struct record record;

        if (!read_record(m, &at, &record))
            return;
        if (record.type != A || record.class != IN ||
            !dns_name_equal(&record.name, &r->name))
            continue;
        r->ttl = min(r->ttl, record.ttl);
        if (r->found.count < DNS_ADDRESSES &&
            is_of_a_host(get_be32(m->p + record.at)))
            r->found.ip[r->found.count++] = ipv4_of_number(
                get_be32(m->p + record.at));
    }
}

/* Evaluates the answer for name. */
static void evaluate(const struct message *m, const struct found *f,
                     const struct dns_name *name, struct dns_reply *r)
{
    unsigned flags = get_be16(m->p + 2);
    bool knows = f->has_soa || flags & RECURSES;

    r->name = *name;
    r->ttl = UINT32_MAX;
    r->kind = DNS_FAILED;
    if (!follow(m, f, r))
        return;
    read_addresses(m, f, r);
    if (r->found.count > 0) {
        r->kind = DNS_FOUND;
    } else if (r->code == NAME_ERROR) {
        r->kind = DNS_NO_NAME;
    } else if (r->aliases > 0 && !f->has_soa) {
        r->kind = DNS_ALIAS;
        return;
    } else if (knows) { /* and is no referral (RFC 2308, 2.2.1) */
        r->kind = DNS_NO_DATA;
    }
    if (r->kind == DNS_FOUND)
        return;
    if (!f->has_soa)
        r->ttl = 0;
    else if (f->soa_ttl < r->ttl)
        r->ttl = f->soa_ttl;
}

/* Reads the addresses of the complete answers in a truncated message. */
static void evaluate_truncated(const struct message *m, size_t at,
                               const struct dns_name *name, struct dns_reply *r)
{
    unsigned answers = get_be16(m->p + 6);
    struct found f = {.answers = at};
    struct record record;

    while (f.count < answers && read_record(m, &at, &record) &&
           is_sound(m, &record))
        f.count++;
    r->name = *name;
    r->ttl = UINT32_MAX;
    if (follow(m, &f, r))
        read_addresses(m, &f, r);
    if (r->found.count == 0)
        r->ttl = 0;
    memset(&r->name, 0, sizeof r->name);
}

/* Does the message repeat the question of q? */
static bool is_answer_to(const struct message *m, const struct dns_query *q,
                         bool any_case, unsigned code, size_t *at)
{
    struct dns_name name;
    unsigned flags;

    if (m->len < HEADER || get_be16(m->p) != q->id)
        return false;
    flags = get_be16(m->p + 2);
    if (!(flags & RESPONSE) || flags & OPCODE)
        return false;
    *at = HEADER;
    /* A server that has not understood the question (RFC 6891, 7), or does not
     * want to answer it, may not repeat it. */
    if (get_be16(m->p + 4) == 0)
        return code != NO_ERROR && code != NAME_ERROR;
    if (get_be16(m->p + 4) != 1 || !read_name(m, at, &name) ||
        m->len - *at < 4 || get_be16(m->p + *at) != A ||
        get_be16(m->p + *at + 2) != IN)
        return false;
    *at += 4;
    return any_case ? dns_name_equal(&name, &q->name)
                    : name.len == q->name.len &&
                          memcmp(name.wire, q->name.wire, name.len) == 0;
}

bool dns_parse(const uint8_t *p, size_t len, const struct dns_query *q,
               bool any_case, struct dns_reply *r)
{
    struct message m = {p, len};
    struct found f;
    size_t at;

    memset(r, 0, sizeof *r);
    r->code = len < HEADER ? 0 : p[3] & 15;
    if (!is_answer_to(&m, q, any_case, r->code, &at))
        return false;
    if (get_be16(p + 2) & TRUNCATED) {
        r->kind = DNS_TRUNCATED;
        if (get_be16(p + 4) == 1 && r->code == NO_ERROR)
            evaluate_truncated(&m, at, &q->name, r);
        return true;
    }
    if (!check_records(&m, at, &f))
        return false;
    r->code |= f.more_code << 4;
    r->has_edns = f.has_edns;
    if (r->code == NO_ERROR || r->code == NAME_ERROR) {
        evaluate(&m, &f, &q->name, r);
        if (r->kind != DNS_ALIAS)
            memset(&r->name, 0, sizeof r->name);
        if (r->kind == DNS_FAILED)
            r->ttl = 0;
        return true;
    }
    r->kind = r->code == FORMAT_ERROR || r->code == NOT_IMPLEMENTED ||
                      r->code == BAD_VERSION
                  ? DNS_FORMAT_ERROR
                  : DNS_FAILED;
    return true;
}
