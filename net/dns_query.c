/* SPDX-License-Identifier: ISC */
/*
 * Each attempt has a port, a number and a case of its own (RFC 5452, 9.2), and
 * there is one at a time, so that a forger has one chance and not many. An
 * answer that comes after its attempt is lost; but a server that was slow to
 * find it out has it at hand the next time. Where the case of letters does not
 * come back, two attempts have to have the same answer instead.
 */
#include "dns_query.h"
#include <mirage/bytes.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/random.h>
#include <stdlib.h>

#define ROUNDS       3
#define PATIENCE     SECOND /* in the first round, and then twice that */
#define TCP_PATIENCE (5 * SECOND) /* from the first segment to the answer */
#define ALIASES      8 /* of which each took a question */
#define PLAIN_ASKS   4 /* of whose answers two must agree */
#define LACK_LASTS   (3600 * SECOND)

extern struct log_source dns;

/* One question that is under way to one server. */
struct attempt {
    struct stackv4 *stack;
    struct endpoint server;
    struct dns_query query;
    struct dns_reply *reply;
    struct dns_lacks *lacks;
    struct dns_counts *counts;
    bool is_plain; /* any case will do */
    bool is_answered;
    bool is_spoiled; /* answered, in another case */
    struct waiters answered;
};

static void hear(struct attempt *a, const uint8_t *p, size_t len)
{
    struct dns_reply r;

    if (a->is_answered || a->is_spoiled) {
        return;
    } else if (dns_parse(p, len, &a->query, a->is_plain, &r)) {
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
    /* Servers without EDNS may send more than we have said that they can. */
    uint8_t allowed[DNS_UDP_MOST];
    uint8_t *p = len > sizeof allowed ? malloc(len) : allowed;

    (void)to;
    if (from.port != a->server.port || !ip_equal(from.ip, a->server.ip) ||
        !p) {
        a->counts->not_heard++;
    } else {
        buf_copy_out(datagram, 0, p, len);
        hear(a, p, len);
    }
    if (p != allowed)
        free(p);
}

/* ERR_TIMEOUT: nothing was heard in time. */
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
    if (s == ERR_NO_MEMORY) /* it is lost, as on any wire */
        s = OK;
    while (s == OK && !a->is_answered && !a->is_spoiled)
        s = wait_until(&a->answered, deadline);
    udp_port_close(port);
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

static nanoseconds sooner(nanoseconds a, nanoseconds b)
{
    return a < b ? a : b;
}

/* Returns what is known of the server that is asked. A server without an entry
 * gets the one that expires first. */
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

/* Whether the server says that it cannot answer, or not such a question. */
static bool is_failure(const struct dns_reply *r)
{
    return r->kind == DNS_FAILED || r->kind == DNS_NO_FORMAT;
}

/* Asks by TCP. If that fails, *a->reply stays as it was, and the server is
 * taken for one without TCP, unless that may be due to our side. */
static enum status ask_again_by_tcp(struct attempt *a, const char *why,
                                    nanoseconds deadline)
{
    struct dns_reply before = *a->reply;
    nanoseconds patience = time_after(TCP_PATIENCE);
    enum status s;

    log_debug(&dns, "%s is asked by TCP: its answer by UDP is %s",
              ip_text(a->server.ip).s, why);
    a->is_answered = false;
    s = ask_by_tcp(a, sooner(patience, deadline));
    if (s != OK)
        *a->reply = before;
    if (s == ERR_REFUSED || s == ERR_RESET || s == ERR_EOF || s == ERR_IO ||
        (s == ERR_TIMEOUT && patience <= deadline))
        note_lack(a, BY_TCP);
    return s;
}

/* Completes an answer that was cut short, by TCP, or makes do with the
 * addresses in it. *is_by_tcp: TCP had an answer. */
static enum status complete(struct attempt *a, bool *is_by_tcp,
                            nanoseconds deadline)
{
    enum status s = ERR_IO;

    if (!lack_of(a)->tcp || a->reply->found.count == 0)
        s = ask_again_by_tcp(a, "cut short", deadline);
    *is_by_tcp = s == OK;
    if (s == ERR_CANCELLED || a->reply->kind != DNS_CUT ||
        a->reply->found.count == 0)
        return s;
    a->reply->kind = DNS_FOUND;
    return OK;
}

/* Asks once by UDP, in a case by chance or in small letters. */
static enum status ask_once(struct attempt *a, bool is_plain,
                            nanoseconds patience, nanoseconds deadline)
{
    random_bytes(&a->query.id, sizeof a->query.id);
    a->is_plain = is_plain;
    if (is_plain)
        dns_name_fold(&a->query.name);
    else
        dns_name_mix(&a->query.name);
    a->is_answered = a->is_spoiled = false;
    return ask_by_udp(a, sooner(time_after(patience), deadline));
}

/* Whether two replies say the same. Of addresses, *r keeps those that both
 * have. */
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
 * Asks by UDP without the case of letters as a secret. In its place, two
 * answers to questions with ports and numbers of their own have to agree, so
 * that a forger has to guess those of both.
 */
static enum status ask_plainly(struct attempt *a, nanoseconds patience,
                               nanoseconds deadline)
{
    struct dns_reply heard[PLAIN_ASKS];
    unsigned count = 0;
    bool is_by_tcp;

    for (unsigned i = 0; i < PLAIN_ASKS; i++) {
        enum status s = ask_once(a, true, patience, deadline);

        if (s == OK && is_failure(a->reply))
            return OK;
        if (s == OK && a->reply->kind == DNS_CUT) {
            s = complete(a, &is_by_tcp, deadline);
            if (is_by_tcp) /* where nobody can answer in its place */
                return s;
        }
        if (s == ERR_TIMEOUT && count > 0)
            continue; /* it is lost, as on any wire */
        if (s != OK)
            return s;
        for (unsigned k = 0; k < count; k++)
            if (agree(&heard[k], a->reply))
                return OK;
        heard[count++] = *a->reply;
    }
    log_info(&dns, "%s does not give the same answer twice",
             ip_text(a->server.ip).s);
    return ERR_IO;
}

/* A server that spoils the case is asked by TCP, where nobody can answer in its
 * place, or if it takes no TCP plainly. */
static enum status ask_without_case(struct attempt *a, nanoseconds patience,
                                    nanoseconds deadline)
{
    if (!lack_of(a)->tcp) {
        enum status s = ask_again_by_tcp(a, "in another case", deadline);

        if (s == OK || s == ERR_CANCELLED)
            return s;
    }
    return ask_plainly(a, patience, deadline);
}

/* Asks in a case by chance, which the answer has to repeat. */
static enum status ask_mixed(struct attempt *a, nanoseconds patience,
                             nanoseconds deadline)
{
    enum status s = ask_once(a, false, patience, deadline);
    bool is_by_tcp;

    if (s != OK || is_failure(a->reply))
        return s;
    if (!a->is_spoiled)
        return a->reply->kind == DNS_CUT ? complete(a, &is_by_tcp, deadline)
                                         : OK;
    note_lack(a, LETTER_CASE);
    return ask_without_case(a, patience, deadline);
}

static enum status ask_way(struct attempt *a, bool is_plain,
                           nanoseconds patience, nanoseconds deadline)
{
    if (is_plain)
        return ask_plainly(a, patience, deadline);
    if (!lack_of(a)->letter_case)
        return ask_mixed(a, patience, deadline);
    random_bytes(&a->query.id, sizeof a->query.id);
    dns_name_fold(&a->query.name);
    return ask_without_case(a, patience, deadline);
}

/*
 * Asks one server, with EDNS unless it is known to lack that or is_last, and
 * without if it fails with it (RFC 6891, 7): a server that knows EDNS says so
 * in its answer. On OK there is a reply.
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

static void put_first(struct dns_servers *servers, unsigned i)
{
    struct ip_address ip = servers->ip[i];

    for (; i > 0; i--)
        servers->ip[i] = servers->ip[i - 1];
    servers->ip[0] = ip;
}

/* What came of asking servers, so far. */
struct course {
    bool has_answered; /* one of them, if only that it does not know */
    bool is_silent; /* one of them */
    unsigned failed; /* in this round: it is no use to wait for them */
    enum status unreachable; /* why they are */
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
        bool is_last = round == ROUNDS - 1;

        c.failed = 0;
        for (unsigned i = 0; i < servers->count && time_now() < deadline;
             i++) {
            enum status s;

            a->server = (struct endpoint){servers->ip[i], DNS_PORT};
            s = ask(a, is_last, PATIENCE << round, deadline);
            if (s == OK && is_answer(a->reply)) {
                /* Something on the way did not let the others pass. */
                if (is_last) {
                    note_lack(a, EDNS);
                    note_lack(a, LETTER_CASE);
                }
                put_first(servers, i);
                return OK;
            }
            if (s == ERR_CANCELLED)
                return s;
            note(&c, a, s);
        }
        if (c.failed == servers->count && !is_last)
            round = ROUNDS - 2; /* it is no use to wait: the last one now */
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
