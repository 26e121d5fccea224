/* SPDX-License-Identifier: ISC */
/*
 * Each attempt has a port, a number and a case of its own (RFC 5452, 9.2), and
 * there is one at a time, so that who wants to answer in a server's place has
 * one chance and not many. An answer that comes after its attempt is lost; but
 * a server that was slow to find it out has it at hand the next time.
 */
#include "dns_query.h"
#include <mirage/bytes.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/random.h>
#include <stdlib.h>

#define ROUNDS       3
#define PATIENCE     SECOND       /* in the first round, and then twice that */
#define TCP_PATIENCE (5 * SECOND) /* from the first segment to the answer */
#define ALIASES      8            /* of which each took a question */

extern struct log_source dns;

/* One question that is under way to one server. */
struct attempt {
    struct stackv4    *stack;
    struct endpoint    server;
    struct dns_query   query;
    struct dns_reply  *reply;
    struct dns_counts *counts;
    bool               is_answered;
    bool               is_spoiled; /* answered, in another case */
    struct waiters     answered;
};

static void hear(struct attempt *a, const uint8_t *p, size_t len)
{
    struct dns_reply r;

    if (a->is_answered || a->is_spoiled) {
        return;
    } else if (dns_parse(p, len, &a->query, false, &r)) {
        *a->reply = r;
        a->is_answered = true;
    } else if (dns_parse(p, len, &a->query, true, &r)) {
        a->is_spoiled = true;
    } else {
        a->counts->not_heard++;
        return;
    }
    wake_all(&a->answered);
}

static void on_datagram(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    struct attempt *a = ctx;
    uint8_t         p[DNS_UDP_MOST];
    size_t          len = buf_length(datagram);

    (void)to;
    if (from.port != a->server.port || !ip_equal(from.ip, a->server.ip) ||
        len > sizeof p) {
        a->counts->not_heard++;
        return;
    }
    buf_copy_out(datagram, 0, p, len);
    hear(a, p, len);
}

/* ERR_TIMEOUT: nothing was heard in time. */
static enum status ask_by_udp(struct attempt *a, nanoseconds deadline)
{
    uint8_t     p[DNS_QUERY_LEN];
    size_t      len = dns_emit(&a->query, p);
    uint16_t    port;
    enum status s = stackv4_open_udp(a->stack, &a->server, on_datagram, a,
                                     &port);

    if (s != OK)
        return s;
    a->counts->by_udp++;
    s = stackv4_udp_write(a->stack, port, a->server, p, len);
    if (s == ERR_NO_MEMORY) /* it is lost, as on any wire */
        s = OK;
    while (s == OK && !a->is_answered && !a->is_spoiled)
        s = wait_until(&a->answered, deadline);
    stackv4_listen_udp(a->stack, port, NULL, NULL);
    return a->is_answered || a->is_spoiled ? OK : s;
}

/* Reads len bytes of a flow; *rest is what came behind those of before. */
static enum status read_bytes(struct flow *f, struct buf **rest, uint8_t *p,
                              size_t len, nanoseconds deadline)
{
    while (len > 0) {
        size_t n;

        if (!*rest) {
            enum status s = flow_read(f, rest, deadline);

            if (s != OK)
                return s;
        }
        n = (*rest)->len < len ? (*rest)->len : len;
        buf_copy_out(*rest, 0, p, n);
        *rest = buf_trim_list(*rest, n);
        p += n;
        len -= n;
    }
    return OK;
}

/* The answer behind its length (RFC 1035, 4.2.2; RFC 7766). */
static enum status read_answer(struct attempt *a, struct flow *f,
                               nanoseconds deadline)
{
    struct buf *rest = NULL;
    uint8_t     head[2], *p = NULL;
    size_t      len = 0;
    enum status s = read_bytes(f, &rest, head, sizeof head, deadline);

    if (s == OK) {
        len = get_be16(head);
        p = malloc(len + 1);
        s = p ? read_bytes(f, &rest, p, len, deadline) : ERR_NO_MEMORY;
    }
    if (s == OK) {
        a->is_answered = dns_parse(p, len, &a->query, true, a->reply);
        s = a->is_answered ? OK : ERR_IO;
    }
    free(p);
    buf_free(rest);
    return s;
}

static enum status ask_by_tcp(struct attempt *a, nanoseconds deadline)
{
    uint8_t      p[2 + DNS_QUERY_LEN];
    size_t       len = dns_emit(&a->query, p + 2);
    struct flow *f;
    enum status  s = stackv4_connect(a->stack, a->server, deadline, &f);

    if (s != OK)
        return s;
    a->counts->by_tcp++;
    put_be16(p, (uint16_t)len);
    s = flow_write(f, p, 2 + len, deadline);
    if (s == OK)
        s = read_answer(a, f, deadline);
    flow_close(f);
    return s;
}

static nanoseconds sooner(nanoseconds a, nanoseconds b)
{
    return a < b ? a : b;
}

/* One server, by UDP and if need be by TCP, with EDNS or without. On OK there
 * is a reply. */
static enum status ask_one(struct attempt *a, nanoseconds patience,
                           nanoseconds deadline)
{
    enum status s;

    random_bytes(&a->query.id, sizeof a->query.id);
    dns_name_mix(&a->query.name);
    a->is_answered = a->is_spoiled = false;
    s = ask_by_udp(a, sooner(time_after(patience), deadline));
    if (s != OK || (!a->is_spoiled && a->reply->kind != DNS_CUT))
        return s;
    log_debug(&dns, "%s is asked by TCP: its answer by UDP is %s",
              ip_text(a->server.ip).s,
              a->is_spoiled ? "in another case" : "cut short");
    return ask_by_tcp(a, sooner(time_after(TCP_PATIENCE), deadline));
}

static enum status ask(struct attempt *a, nanoseconds patience,
                       nanoseconds deadline)
{
    enum status s = ask_one(a, patience, deadline);

    if (s == OK && a->reply->kind == DNS_NO_FORMAT && a->query.has_edns) {
        a->query.has_edns = false; /* RFC 6891, 7 */
        s = ask_one(a, patience, deadline);
    }
    return s;
}

static bool is_answer(const struct dns_reply *r)
{
    return r->kind == DNS_FOUND || r->kind == DNS_ALIAS ||
           r->kind == DNS_NO_NAME || r->kind == DNS_NO_DATA;
}

static void put_first(struct dns_servers *servers, unsigned i)
{
    struct ip_address ip = servers->ip[i];

    for (; i > 0; i--)
        servers->ip[i] = servers->ip[i - 1];
    servers->ip[0] = ip;
}

/* What came of asking servers, so far. */
struct course {
    bool        has_answered; /* one of them, if only that it does not know */
    bool        is_silent;    /* one of them */
    unsigned    failed;       /* in this round: it is no use to wait for them */
    enum status unreachable;  /* why they are */
};

static void note(struct course *c, const struct attempt *a, enum status s)
{
    if (s == OK)
        log_info(&dns, "%s does not say: code %u", ip_text(a->server.ip).s,
                 a->reply->code);
    else
        log_info(&dns, "%s: %s", ip_text(a->server.ip).s, status_text(s));
    c->failed += s != ERR_TIMEOUT;
    switch (s) {
    case ERR_TIMEOUT: c->is_silent = true; break;
    case ERR_UNREACHABLE:
    case ERR_NO_MEMORY:
    case ERR_IN_USE:
    case ERR_PERMISSION: c->unreachable = s; break;
    default: c->has_answered = true; /* or taken a connection, or refused */
    }
}

/* Asks for one name; an alias may be the answer. */
static enum status ask_all(struct attempt *a, struct dns_servers *servers,
                           nanoseconds deadline)
{
    struct course c = {.unreachable = ERR_UNREACHABLE};

    for (unsigned round = 0; round < ROUNDS; round++) {
        c.failed = 0;
        for (unsigned i = 0; i < servers->count && time_now() < deadline;
             i++) {
            enum status s;

            a->server = (struct endpoint){servers->ip[i], DNS_PORT};
            /* Something on the way may not let EDNS pass. */
            a->query.has_edns = round < ROUNDS - 1;
            s = ask(a, PATIENCE << round, deadline);
            if (s == OK && is_answer(a->reply)) {
                put_first(servers, i);
                return OK;
            }
            if (s == ERR_CANCELLED)
                return s;
            note(&c, a, s);
        }
        if (c.failed == servers->count)
            break;
    }
    return c.has_answered ? ERR_IO
           : c.is_silent  ? ERR_TIMEOUT
                          : c.unreachable;
}

enum status dns_query(struct stackv4 *stack, struct dns_servers *servers,
                      const struct dns_name *name, nanoseconds deadline,
                      struct dns_reply *r, struct dns_counts *counts)
{
    struct attempt a = {
        .stack = stack, .query.name = *name, .reply = r, .counts = counts};
    uint32_t ttl = UINT32_MAX;

    for (unsigned aliases = 0; aliases <= ALIASES; aliases++) {
        enum status s = ask_all(&a, servers, deadline);

        if (s != OK)
            return s;
        if (r->ttl < ttl)
            ttl = r->ttl;
        r->ttl = ttl;
        if (r->kind != DNS_ALIAS)
            return OK;
        a.query.name = r->name;
    }
    log_info(&dns, "aliases lead from one to the next, without an end");
    return ERR_IO;
}
