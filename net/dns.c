/* SPDX-License-Identifier: ISC */
/*
 * The resolver: what is remembered, and who waits for what. A question to the
 * servers is asked in a fiber of its own, so that it is nobody's: who has asked
 * may go away, and who comes later may join.
 */
#include "dns_query.h"
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <stdlib.h>
#include <string.h>

#define CACHE     256 /* names that are remembered */
#define QUESTIONS 64 /* that are under way at once */
#define GIVE_UP   (30 * SECOND) /* of a question */
#define MOST_TTL  86400u /* seconds */
#define MOST_NONE 3600u /* the same, for what is not there */
#define FAILURE   SECOND /* how long one is remembered (RFC 9520, 3.2) */
#define PATIENCE  (5 * SECOND) /* for an address, while there are others */

LOG_SOURCE_SHARED(dns);

static const char *parse_servers(const char *value);

BOOT_PARSED(dns, "ADDRESS,...", parse_servers,
            "the DNS servers, whatever the configuration says");

static struct dns_servers argument;

/* What is known of a name, until then. len 0: nothing, of none. */
struct memory {
    struct dns_name name; /* in small letters */
    enum status status;
    struct dns_answer answer;
    nanoseconds until, used;
};

/* Somebody who waits for an answer. */
struct asker {
    struct asker *next;
    bool is_answered;
    enum status status;
    struct dns_answer *answer;
};

struct question {
    struct question *next;
    struct dns *d;
    struct dns_name name; /* in small letters */
    struct asker *askers;
    struct waiters answered;
};

struct dns {
    struct stackv4 *stack;
    struct dns_servers named; /* in config.c */
    struct dns_servers known; /* that what is remembered comes from */
    struct ip_address best; /* who has answered last */
    struct dns_lacks lacks; /* of the servers that are known */
    struct memory memory[CACHE];
    struct question *questions;
    unsigned question_count;
    struct waiters room; /* for another question */
    struct dns_counts counts;
    uint64_t asked, remembered, shared, failed;
};

static bool is_of_a_server(struct ip_address ip)
{
    uint32_t number = ipv4_number(ip);

    return number >> 24 != 0 && number >> 29 != 7;
}

static enum status add_server(struct dns_servers *s, const char *text)
{
    struct ip_address ip;

    if (ip_parse(text, &ip) != OK || !is_of_a_server(ip))
        return ERR_FORMAT;
    if (s->count == DNS_SERVERS)
        return ERR_RANGE;
    s->ip[s->count++] = ip;
    return OK;
}

static const char *parse_servers(const char *value)
{
    argument.count = 0;
    do {
        size_t len = strcspn(value, ",");
        char text[16] = "";

        if (len < sizeof text)
            memcpy(text, value, len);
        if (add_server(&argument, text) != OK)
            return "one to three addresses, such as 10.0.0.1,10.0.0.2";
        value += len;
    } while (*value++ == ',');
    return NULL;
}

static void find_servers(const struct dns *d, struct dns_servers *s)
{
    struct stackv4_address a;

    *s = argument.count > 0 ? argument : d->named;
    if (s->count > 0)
        return;
    stackv4_address(d->stack, &a);
    for (unsigned i = 0; i < a.dns_count && s->count < DNS_SERVERS; i++)
        if (is_of_a_server(a.dns[i]))
            s->ip[s->count++] = a.dns[i];
}

unsigned dns_servers(const struct dns *d, struct ip_address *servers)
{
    struct dns_servers s;

    find_servers(d, &s);
    memcpy(servers, s.ip, s.count * sizeof *servers);
    return s.count;
}

static struct memory *recall(struct dns *d, const struct dns_name *name)
{
    for (size_t i = 0; i < CACHE; i++) {
        struct memory *m = &d->memory[i];

        if (m->name.len == name->len &&
            memcmp(m->name.wire, name->wire, name->len) == 0)
            return m;
    }
    return NULL;
}

/* One that holds no more, or else the one that was used longest ago. */
static struct memory *least_useful(struct dns *d)
{
    struct memory *least = &d->memory[0];
    nanoseconds now = time_now();

    for (size_t i = 0; i < CACHE; i++) {
        struct memory *m = &d->memory[i];

        if (m->until <= now)
            return m;
        if (m->used < least->used)
            least = m;
    }
    return least;
}

static void remember(struct dns *d, const struct dns_name *name, enum status s,
                     const struct dns_answer *answer, nanoseconds length)
{
    struct memory *m = recall(d, name);

    if (length == 0) {
        if (m)
            memset(m, 0, sizeof *m);
        return;
    }
    if (!m)
        m = least_useful(d);
    *m = (struct memory){.name = *name,
                         .status = s,
                         .answer = *answer,
                         .until = time_after(length),
                         .used = time_now()};
}

/* What other servers have said, in another network perhaps, says nothing of
 * what these will say. */
static void know(struct dns *d, const struct dns_servers *s)
{
    if (s->count == d->known.count &&
        memcmp(s->ip, d->known.ip, s->count * sizeof *s->ip) == 0)
        return;
    memset(d->memory, 0, sizeof d->memory);
    memset(&d->lacks, 0, sizeof d->lacks);
    d->known = *s;
}

/* The one that answered last is asked first. */
static void order(const struct dns *d, struct dns_servers *s)
{
    for (unsigned i = 1; i < s->count; i++)
        if (ip_equal(s->ip[i], d->best)) {
            s->ip[i] = s->ip[0];
            s->ip[0] = d->best;
        }
}

static enum status ask(struct dns *d, const struct dns_name *name,
                       struct dns_answer *answer, nanoseconds *length)
{
    struct dns_servers servers;
    struct dns_reply r;
    uint32_t most = MOST_NONE;
    enum status s;

    find_servers(d, &servers);
    if (servers.count == 0)
        log_warning(&dns, "no DNS server is known any more: the stack has lost "
                          "those that it knew");
    know(d, &servers);
    order(d, &servers);
    s = dns_query(d->stack, &servers, name, time_after(GIVE_UP), &r,
                  &d->lacks, &d->counts);
    *length = FAILURE;
    if (s != OK)
        return s;
    d->best = servers.ip[0];
    if (r.kind == DNS_FOUND) {
        *answer = r.found;
        most = MOST_TTL;
    }
    *length = (r.ttl < most ? r.ttl : most) * SECOND;
    return r.kind == DNS_FOUND ? OK : ERR_NOT_FOUND;
}

static void answer_all(struct question *q, enum status s,
                       const struct dns_answer *answer)
{
    struct question **at = &q->d->questions;

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    q->d->question_count--;
    for (struct asker *a = q->askers; a; a = a->next) {
        a->is_answered = true;
        a->status = s;
        *a->answer = *answer;
    }
    wake_all(&q->answered);
    wake_all(&q->d->room);
    free(q);
}

static void run_question(void *question)
{
    struct question *q = question;
    struct dns_answer answer = {.count = 0};
    nanoseconds length;
    enum status s = ask(q->d, &q->name, &answer, &length);

    if (s != OK && s != ERR_NOT_FOUND)
        q->d->failed++;
    remember(q->d, &q->name, s, &answer, length);
    answer_all(q, s, &answer);
}

static struct question *find_question(const struct dns *d,
                                      const struct dns_name *name)
{
    struct question *q = d->questions;

    while (q && !dns_name_equal(&q->name, name))
        q = q->next;
    return q;
}

/* The question for a name that is under way, or a new one. */
static enum status begin(struct dns *d, const struct dns_name *name,
                         nanoseconds deadline, struct question **question)
{
    struct question *q;

    while (!(q = find_question(d, name)) && d->question_count == QUESTIONS) {
        enum status s = wait_until(&d->room, deadline);

        if (s != OK)
            return s;
    }
    if (q) {
        d->shared++;
        *question = q;
        return OK;
    }
    q = calloc(1, sizeof *q);
    if (!q || fiber_start_as("dns", run_question, q) != OK) {
        free(q);
        return ERR_NO_MEMORY;
    }
    q->d = d;
    q->name = *name;
    q->next = d->questions;
    d->questions = q;
    d->question_count++;
    *question = q;
    return OK;
}

static void leave(struct question *q, const struct asker *me)
{
    struct asker **at = &q->askers;

    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
}

static enum status join(struct question *q, nanoseconds deadline,
                        struct dns_answer *answer)
{
    struct asker me = {.next = q->askers, .answer = answer};

    q->askers = &me;
    while (!me.is_answered) {
        enum status s = wait_until(&q->answered, deadline);

        if (s != OK && !me.is_answered) {
            leave(q, &me);
            return s;
        }
    }
    return me.status;
}

/* Names that have their answer without a server (RFC 6761, RFC 7686). */
static bool is_special(const struct dns_name *name, struct dns_answer *answer,
                       enum status *s)
{
    static const struct dns_name localhost = {"\x9localhost", 11};
    static const struct dns_name invalid = {"\x7invalid", 9};
    static const struct dns_name onion = {"\x5onion", 7};

    if (dns_name_is_in(name, &localhost)) {
        *answer = (struct dns_answer){{ipv4_address(127, 0, 0, 1)}, 1};
        *s = OK;
        return true;
    }
    *s = ERR_NOT_FOUND;
    return dns_name_is_in(name, &invalid) || dns_name_is_in(name, &onion);
}

enum status dns_resolve(struct dns *d, const char *text, nanoseconds deadline,
                        struct dns_answer *answer)
{
    struct dns_name name;
    struct memory *m;
    struct question *q;
    enum status s;

    if (ip_parse(text, &answer->ip[0]) == OK) {
        answer->count = 1;
        return OK;
    }
    if (!dns_name_of_text(text, &name))
        return ERR_NAME;
    dns_name_fold(&name);
    if (is_special(&name, answer, &s))
        return s;
    d->asked++;
    m = recall(d, &name);
    if (m && m->until > time_now()) {
        d->remembered++;
        m->used = time_now();
        *answer = m->answer;
        return m->status;
    }
    s = begin(d, &name, deadline, &q);
    return s == OK ? join(q, deadline, answer) : s;
}

/* When the next of left addresses is to have its turn. */
static nanoseconds turn(nanoseconds deadline, unsigned left)
{
    nanoseconds now = time_now(), share;

    if (left == 1 || deadline <= now)
        return deadline;
    share = (deadline - now) / left;
    return now + (share < PATIENCE ? share : PATIENCE);
}

enum status dns_connect_tcp(struct dns *d, const char *name, uint16_t port,
                            nanoseconds deadline, struct flow **flow)
{
    struct dns_answer answer;
    enum status s = dns_resolve(d, name, deadline, &answer);

    if (s != OK)
        return s;
    for (unsigned i = 0; i < answer.count; i++) {
        struct endpoint to = {answer.ip[i], port};

        s = stackv4_connect(d->stack, to, turn(deadline, answer.count - i),
                            flow);
        if (s == OK || s == ERR_CANCELLED || time_now() >= deadline)
            break;
        log_info(&dns, "%s at %s: %s", name, ip_text(to.ip).s,
                 status_text(s));
    }
    return s;
}

void dns_counters(const struct dns *d, counter_handler *fn, void *ctx)
{
    fn(ctx, "dns_asked", d->asked);
    fn(ctx, "dns_remembered", d->remembered);
    fn(ctx, "dns_shared", d->shared);
    fn(ctx, "dns_failed", d->failed);
    fn(ctx, "dns_by_udp", d->counts.by_udp);
    fn(ctx, "dns_by_tcp", d->counts.by_tcp);
    fn(ctx, "dns_not_heard", d->counts.not_heard);
}

static enum status read_servers(struct dns *d, const char *const *servers)
{
    for (; *servers; servers++) {
        enum status s = add_server(&d->named, *servers);

        if (s == ERR_FORMAT)
            log_error(&dns, "\"%s\" is no IPv4 address of a server, such as "
                            "10.0.0.1",
                      *servers);
        else if (s != OK)
            log_error(&dns, "there are more than %d servers", DNS_SERVERS);
        if (s != OK)
            return s;
    }
    return OK;
}

enum status dns_stub_connect(struct stackv4 *stack,
                             const char *const *servers, struct dns **made)
{
    struct ip_address ignored[DNS_SERVERS];
    struct dns *d = calloc(1, sizeof *d);
    enum status s;

    if (!d)
        return ERR_NO_MEMORY;
    d->stack = stack;
    s = read_servers(d, servers);
    if (s == OK && dns_servers(d, ignored) == 0) {
        log_error(&dns, "no DNS server is known: give one by "
                        "--dns=ADDRESS, or in config.c, or by DHCP or the "
                        "host's /etc/resolv.conf");
        s = ERR_NOT_FOUND;
    }
    if (s != OK) {
        free(d);
        return s;
    }
    *made = d;
    return OK;
}
