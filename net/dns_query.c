/* SPDX-License-Identifier: ISC */
/*
 * Queries to servers. Each attempt has a random port, id and case of letters
 * (RFC 5452, 9.2; draft-vixie-dnsext-dns0x20), and one is outstanding at a
 * time, so that a forged answer has one chance. From a server that does not
 * preserve the case two attempts must have the same answer instead.
 */
#include "dns_query.h"
#include <mirage/bytes.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <stdlib.h>

#define ROUNDS       3
#define PATIENCE     SECOND /* in the first round, and then twice that */
#define TCP_PATIENCE (5 * SECOND) /* from the first segment to the answer */
#define ALIASES      8 /* that took a query each */
#define PLAIN_TRIES  4 /* two of their answers must agree */
#define LACK_LASTS   (3600 * SECOND)

LOG_SOURCE_SHARED(dns);

/* A query to one server. */
struct attempt {
    struct stackv4 *stack;
    struct endpoint server;
    struct dns_query query;
    struct dns_reply *reply;
    struct dns_lacks *lacks;
    struct dns_counts *counts;
    bool ignores_case; /* the case of the answer is not checked */
    bool is_answered;
    bool is_spoiled; /* answered, in another case of letters */
    struct waiters answered;
};

static void process_answer(struct attempt *a, const uint8_t *p, size_t len)
{
    struct dns_reply r;

    if (a->is_answered || a->is_spoiled) {
        return;
    } else if (dns_parse(p, len, &a->query, a->ignores_case, &r)) {
        *a->reply = r;
        a->is_answered = true;
    } else if (dns_parse(p, len, &a->query, true, &r)) {
        *a->reply = r;
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
    size_t len = buf_length(datagram);
    /* A server without EDNS may send more than we allow by it. */
    uint8_t allowed[DNS_UDP_MOST];
    uint8_t *p = len > sizeof allowed ? malloc(len) : allowed;

    (void)to;
    if (from.port != a->server.port || !ip_equal(from.ip, a->server.ip) ||
        !p) {
        a->counts->not_heard++;
    } else {
        buf_copy_out(datagram, 0, p, len);
        process_answer(a, p, len);
    }
    if (p != allowed)
        free(p);
}

/* ERR_TIMEOUT: no answer was received in time. */
static enum status ask_by_udp(struct attempt *a, nanoseconds deadline)
{
    uint8_t p[DNS_QUERY_LEN];
    size_t len = dns_emit(&a->query, p);
    struct udp_port *port;
    enum status s = stackv4_udp_open(a->stack, &a->server, on_datagram, a,
                                     &port);

    if (s != OK)
        return s;
    a->counts->by_udp++;
    s = udp_port_write(port, a->server, p, len);
    if (s == ERR_NO_MEMORY) /* as if the datagram were lost */
        s = OK;
    while (s == OK && !a->is_answered && !a->is_spoiled)
        s = wait_until(&a->answered, deadline);
    udp_port_close(port);
    return a->is_answered || a->is_spoiled ? OK : s;
}

/* Reads len bytes of a flow. *rest: received data that are not read yet. */
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
        n = min((*rest)->len, len);
        buf_copy_out(*rest, 0, p, n);
        *rest = buf_trim_list(*rest, n);
        p += n;
        len -= n;
    }
    return OK;
}

/* Reads an answer, after its length of two bytes (RFC 1035, 4.2.2). */
static enum status read_answer(struct attempt *a, struct flow *f,
                               nanoseconds deadline)
{
    struct buf *rest = NULL;
    uint8_t head[2], *p = NULL;
    size_t len = 0;
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
    uint8_t p[2 + DNS_QUERY_LEN];
    size_t len = dns_emit(&a->query, p + 2);
    struct flow *f;
    enum status s = stackv4_connect(a->stack, a->server, deadline, &f);

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

/* The entry of the server that is asked. A new one replaces that which expires
 * first. */
static struct dns_lack *lack_of(const struct attempt *a)
{
    struct dns_lack *lack = &a->lacks->of[0];

    for (unsigned i = 0; i < DNS_SERVERS; i++) {
        struct dns_lack *l = &a->lacks->of[i];

        if (ip_equal(l->ip, a->server.ip) && l->until > time_now())
            return l;
        if (l->until < lack->until)
            lack = l;
    }
    *lack = (struct dns_lack){.ip = a->server.ip,
                              .until = time_after(LACK_LASTS)};
    return lack;
}

enum ability { EDNS,
               LETTER_CASE,
               BY_TCP };

static void note_lack(const struct attempt *a, enum ability what)
{
    static const char *const name[] = {"EDNS", "the case of letters", "TCP"};
    struct dns_lack *l = lack_of(a);
    bool *lack = what == EDNS     ? &l->edns
                 : what == BY_TCP ? &l->tcp
                                  : &l->letter_case;

    if (*lack)
        return;
    log_info(&dns, "%s is asked without %s for an hour",
             ip_text(a->server.ip).s, name[what]);
    *lack = true;
    l->until = time_after(LACK_LASTS);
}

/* Does the server say that it cannot answer, or not such a query? */
static bool is_failure(const struct dns_reply *r)
{
    return r->kind == DNS_FAILED || r->kind == DNS_FORMAT_ERROR;
}

/* Asks by TCP. If that fails *a->reply is unchanged, and the server is noted as
 * one without TCP, unless the failure may be ours. */
static enum status ask_again_by_tcp(struct attempt *a, const char *why,
                                    nanoseconds deadline)
{
    struct dns_reply before = *a->reply;
    nanoseconds patience = time_after(TCP_PATIENCE);
    enum status s;

    log_debug(&dns, "%s is asked by TCP: its answer by UDP is %s",
              ip_text(a->server.ip).s, why);
    a->is_answered = false;
    s = ask_by_tcp(a, min(patience, deadline));
    if (s != OK)
        *a->reply = before;
    if (s == ERR_REFUSED || s == ERR_RESET || s == ERR_EOF || s == ERR_IO ||
        (s == ERR_TIMEOUT && patience <= deadline))
        note_lack(a, BY_TCP);
    return s;
}

/* Completes a truncated answer by TCP, or else uses the addresses in it.
 * *is_by_tcp: the answer is by TCP. */
static enum status complete(struct attempt *a, bool *is_by_tcp,
                            nanoseconds deadline)
{
    enum status s = ERR_IO;

    if (!lack_of(a)->tcp || a->reply->found.count == 0)
        s = ask_again_by_tcp(a, "cut short", deadline);
    *is_by_tcp = s == OK;
    if (s == ERR_CANCELLED || a->reply->kind != DNS_TRUNCATED ||
        a->reply->found.count == 0)
        return s;
    a->reply->kind = DNS_FOUND;
    return OK;
}

/* Asks once by UDP, in random case or in lower case. */
static enum status ask_once(struct attempt *a, bool ignores_case,
                            nanoseconds patience, nanoseconds deadline)
{
    random_bytes(&a->query.id, sizeof a->query.id);
    a->ignores_case = ignores_case;
    if (ignores_case)
        dns_name_fold(&a->query.name);
    else
        dns_name_mix(&a->query.name);
    a->is_answered = a->is_spoiled = false;
    return ask_by_udp(a, min(time_after(patience), deadline));
}

/* Do two replies agree? *r keeps the addresses that both have. */
static bool agree(const struct dns_reply *other, struct dns_reply *r)
{
    struct dns_answer both = {.count = 0};

    if (other->kind != r->kind)
        return false;
    if (r->kind == DNS_ALIAS)
        return dns_name_equal(&other->name, &r->name);
    if (r->kind != DNS_FOUND)
        return true;
    for (unsigned i = 0; i < r->found.count; i++)
        for (unsigned k = 0; k < other->found.count; k++)
            if (ip_equal(r->found.ip[i], other->found.ip[k])) {
                both.ip[both.count++] = r->found.ip[i];
                break;
            }
    if (both.count > 0)
        r->found = both;
    return both.count > 0;
}

/*
 * Asks by UDP without random case. Instead, the answers to two queries with
 * different ports and ids must agree, so that an attacker has to guess both.
 */
static enum status ask_twice(struct attempt *a, nanoseconds patience,
                             nanoseconds deadline)
{
    struct dns_reply answers[PLAIN_TRIES];
    unsigned count = 0;
    bool is_by_tcp;

    for (unsigned i = 0; i < PLAIN_TRIES; i++) {
        enum status s = ask_once(a, true, patience, deadline);

        if (s == OK && is_failure(a->reply))
            return OK;
        if (s == OK && a->reply->kind == DNS_TRUNCATED) {
            s = complete(a, &is_by_tcp, deadline);
            if (is_by_tcp) /* which is not easily spoofed */
                return s;
        }
        if (s == ERR_TIMEOUT && count > 0)
            continue; /* the datagram was lost */
        if (s != OK)
            return s;
        for (unsigned k = 0; k < count; k++)
            if (agree(&answers[k], a->reply))
                return OK;
        answers[count++] = *a->reply;
    }
    log_info(&dns, "%s does not give the same answer twice",
             ip_text(a->server.ip).s);
    return ERR_IO;
}

/* Asks a server that does not preserve the case of letters: by TCP, which is
 * not easily spoofed, or else by several queries by UDP. */
static enum status ask_without_case(struct attempt *a, nanoseconds patience,
                                    nanoseconds deadline)
{
    if (!lack_of(a)->tcp) {
        enum status s = ask_again_by_tcp(a, "in another case", deadline);

        if (s == OK || s == ERR_CANCELLED)
            return s;
    }
    return ask_twice(a, patience, deadline);
}

/* Asks in random case, which the answer must repeat. */
static enum status ask_mixed(struct attempt *a, nanoseconds patience,
                             nanoseconds deadline)
{
    enum status s = ask_once(a, false, patience, deadline);
    bool is_by_tcp;

    if (s != OK || is_failure(a->reply))
        return s;
    if (!a->is_spoiled)
        return a->reply->kind == DNS_TRUNCATED
                   ? complete(a, &is_by_tcp, deadline)
                   : OK;
    note_lack(a, LETTER_CASE);
    return ask_without_case(a, patience, deadline);
}

static enum status ask_way(struct attempt *a, bool ignores_case,
                           nanoseconds patience, nanoseconds deadline)
{
    if (ignores_case)
        return ask_twice(a, patience, deadline);
    if (!lack_of(a)->letter_case)
        return ask_mixed(a, patience, deadline);
    random_bytes(&a->query.id, sizeof a->query.id);
    dns_name_fold(&a->query.name);
    return ask_without_case(a, patience, deadline);
}

/*
 * Asks one server: with EDNS, unless it is known to lack that or is_last; and
 * without, if it fails with EDNS and has none in its answer (RFC 6891, 7). On
 * OK there is a reply.
 */
static enum status ask(struct attempt *a, bool is_last, nanoseconds patience,
                       nanoseconds deadline)
{
    enum status s;

    a->query.has_edns = !is_last && !lack_of(a)->edns;
    s = ask_way(a, is_last, patience, deadline);
    if (s != OK || !a->query.has_edns || !is_failure(a->reply) ||
        (a->reply->kind == DNS_FAILED && a->reply->has_edns))
        return s;
    a->query.has_edns = false;
    s = ask_way(a, is_last, patience, deadline);
    if (s == OK && !is_failure(a->reply))
        note_lack(a, EDNS);
    return s;
}

static bool is_answer(const struct dns_reply *r)
{
    return r->kind == DNS_FOUND || r->kind == DNS_ALIAS ||
           r->kind == DNS_NO_NAME || r->kind == DNS_NO_DATA;
}

static void move_to_front(struct dns_servers *servers, unsigned i)
{
    struct ip_address ip = servers->ip[i];

    for (; i > 0; i--)
        servers->ip[i] = servers->ip[i - 1];
    servers->ip[0] = ip;
}

/* The results of asking the servers so far. */
struct progress {
    bool has_answered; /* one has, if only with a failure */
    bool is_silent; /* one has not answered */
    unsigned failed; /* in this round, before a timeout */
    enum status unreachable; /* why, if they are */
};

static void note_result(struct progress *c, const struct attempt *a,
                        enum status s)
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
    default: c->has_answered = true; /* if only by a TCP segment */
    }
}

/* Asks all servers for one name. An alias may be the answer. */
static enum status ask_all(struct attempt *a, struct dns_servers *servers,
                           nanoseconds deadline)
{
    struct progress c = {.unreachable = ERR_UNREACHABLE};

    for (unsigned round = 0; round < ROUNDS; round++) {
        bool is_last = round == ROUNDS - 1;

        c.failed = 0;
        for (unsigned i = 0; i < servers->count && time_now() < deadline;
             i++) {
            enum status s;

            a->server = (struct endpoint){servers->ip[i], DNS_PORT};
            s = ask(a, is_last, PATIENCE << round, deadline);
            if (s == OK && is_answer(a->reply)) {
                /* A middlebox may have dropped the other queries. */
                if (is_last) {
                    note_lack(a, EDNS);
                    note_lack(a, LETTER_CASE);
                }
                move_to_front(servers, i);
                return OK;
            }
            if (s == ERR_CANCELLED)
                return s;
            note_result(&c, a, s);
        }
        if (c.failed == servers->count && !is_last)
            round = ROUNDS - 2; /* no server may answer later: the last */
    }
    return c.has_answered ? ERR_IO
           : c.is_silent  ? ERR_TIMEOUT
                          : c.unreachable;
}

enum status dns_query(struct stackv4 *stack, struct dns_servers *servers,
                      const struct dns_name *name, nanoseconds deadline,
                      struct dns_reply *r, struct dns_lacks *lacks,
                      struct dns_counts *counts)
{
    struct attempt a = {.stack = stack,
                        .query.name = *name,
                        .reply = r,
                        .lacks = lacks,
                        .counts = counts};
    uint32_t ttl = UINT32_MAX;

    *r = (struct dns_reply){.kind = DNS_FAILED};
    for (unsigned aliases = 0; aliases <= ALIASES; aliases++) {
        enum status s = ask_all(&a, servers, deadline);

        if (s != OK)
            return s;
        r->ttl = ttl = min(r->ttl, ttl);
        if (r->kind != DNS_ALIAS)
            return OK;
        a.query.name = r->name;
    }
    log_info(&dns, "aliases lead from one to the next, without an end");
    return ERR_IO;
}
