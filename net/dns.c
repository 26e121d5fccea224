/* SPDX-License-Identifier: ISC */
/*
 * A stub resolver with a cache (decision 0019). Each lookup of a name runs in a
 * fiber of its own and belongs to no caller: a caller may give up, and later
 * callers for the same name share the lookup.
 */
#include "dns_query.h"
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 256 /* names in the cache */
#define LOOKUPS    64 /* at once */
#define GIVE_UP    (30 * SECOND) /* of a lookup */
#define MOST_TTL   86400u /* seconds */
#define MOST_NONE  3600u /* the same, of a negative answer (RFC 2308, 5) */
#define FAILURE    SECOND /* in the cache (RFC 9520, 3.2) */
#define PATIENCE   (5 * SECOND) /* to connect, unless to the last address */

extern struct log_source dns;

static const char *parse_servers(const char *value);

BOOT_PARSED(dns, "ADDRESS,...", parse_servers,
            "the DNS servers, whatever the configuration says");

static struct dns_servers argument;

/* name.len 0: the entry is free. */
struct cache_entry {
    struct dns_name name; /* in lower case */
    enum status status;
    struct dns_answer answer;
    nanoseconds until, used;
};

/* A caller that waits for an answer. */
struct caller {
    struct caller *next;
    bool is_answered;
    enum status status;
    struct dns_answer *answer;
};

struct lookup {
    struct lookup *next;
    struct fiber *fiber; /* that asks the servers; NULL: not run yet */
    struct dns *d;
    struct dns_name name; /* in lower case */
    struct caller *callers;
    struct waiters answered;
};

struct dns {
    struct stackv4 *stack;
    struct dns_servers named; /* in config.c */
    struct dns_servers known; /* the cache is of their answers */
    struct ip_address best; /* the server that has answered last */
    struct dns_lacks lacks; /* of the servers in known */
    struct cache_entry cache[CACHE_SIZE];
    struct lookup *lookups;
    unsigned lookup_count;
    bool is_ending;
    struct waiters room; /* for another lookup */
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

unsigned dns_servers(const struct dns *d,
                     struct ip_address servers[DNS_SERVERS])
{
    struct dns_servers s;

    find_servers(d, &s);
    memcpy(servers, s.ip, s.count * sizeof *servers);
    return s.count;
}

static struct cache_entry *cache_find(struct dns *d,
                                      const struct dns_name *name)
{
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        struct cache_entry *m = &d->cache[i];

        if (m->name.len == name->len &&
            memcmp(m->name.wire, name->wire, name->len) == 0)
            return m;
    }
    return NULL;
}

/* Chooses an entry to reuse: one that has expired, or the least recently
 * used. */
static struct cache_entry *cache_choose(struct dns *d)
{
    struct cache_entry *least = &d->cache[0];
    nanoseconds now = time_now();

    for (size_t i = 0; i < CACHE_SIZE; i++) {
        struct cache_entry *m = &d->cache[i];

        if (m->until <= now)
            return m;
        if (m->used < least->used)
            least = m;
    }
    return least;
}

static void cache_store(struct dns *d, const struct dns_name *name,
                        enum status s, const struct dns_answer *answer,
                        nanoseconds length)
{
    struct cache_entry *m = cache_find(d, name);

    if (length == 0) {
        if (m)
            memset(m, 0, sizeof *m);
        return;
    }
    if (!m)
        m = cache_choose(d);
    *m = (struct cache_entry){.name = *name,
                              .status = s,
                              .answer = *answer,
                              .until = time_after(length),
                              .used = time_now()};
}

/* Flushes the cache when the servers have changed, as in another network. */
static void flush_if_changed(struct dns *d, const struct dns_servers *s)
{
    if (s->count == d->known.count &&
        memcmp(s->ip, d->known.ip, s->count * sizeof *s->ip) == 0)
        return;
    memset(d->cache, 0, sizeof d->cache);
    memset(&d->lacks, 0, sizeof d->lacks);
    d->known = *s;
}

/* Moves the server that answered last to the front. */
static void put_best_first(const struct dns *d, struct dns_servers *s)
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
    flush_if_changed(d, &servers);
    put_best_first(d, &servers);
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
    *length = min(r.ttl, most) * SECOND;
    return r.kind == DNS_FOUND ? OK : ERR_NOT_FOUND;
}

static void finish(struct lookup *q, enum status s,
                   const struct dns_answer *answer)
{
    struct lookup **at = &q->d->lookups;

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    q->d->lookup_count--;
    for (struct caller *a = q->callers; a; a = a->next) {
        a->is_answered = true;
        a->status = s;
        *a->answer = *answer;
    }
    wake_all(&q->answered);
    wake_all(&q->d->room);
    free(q);
}

static void run_lookup(void *lookup)
{
    struct lookup *q = lookup;
    struct dns_answer answer = {.count = 0};
    nanoseconds length = 0;
    enum status s = ERR_CANCELLED;

    q->fiber = fiber_self();
    if (!q->d->is_ending)
        s = ask(q->d, &q->name, &answer, &length);
    if (s != OK && s != ERR_NOT_FOUND)
        q->d->failed++;
    cache_store(q->d, &q->name, s, &answer, length);
    finish(q, s, &answer);
}

static struct lookup *find_lookup(const struct dns *d,
                                  const struct dns_name *name)
{
    struct lookup *q = d->lookups;

    while (q && !dns_name_equal(&q->name, name))
        q = q->next;
    return q;
}

/* Finds the lookup of a name, or starts one. */
static enum status find_or_start(struct dns *d, const struct dns_name *name,
                                 nanoseconds deadline, struct lookup **lookup)
{
    struct lookup *q;

    while (!(q = find_lookup(d, name)) && d->lookup_count == LOOKUPS) {
        enum status s = wait_until(&d->room, deadline);

        if (s != OK)
            return s;
    }
    if (q) {
        d->shared++;
        *lookup = q;
        return OK;
    }
    q = calloc(1, sizeof *q);
    if (!q || fiber_start_as("dns", run_lookup, q) != OK) {
        free(q);
        return ERR_NO_MEMORY;
    }
    q->d = d;
    q->name = *name;
    q->next = d->lookups;
    d->lookups = q;
    d->lookup_count++;
    *lookup = q;
    return OK;
}

static void remove_caller(struct lookup *q, const struct caller *me)
{
    struct caller **at = &q->callers;

    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
}

static enum status wait_for_answer(struct lookup *q, nanoseconds deadline,
                                   struct dns_answer *answer)
{
    struct caller me = {.next = q->callers, .answer = answer};

    q->callers = &me;
    while (!me.is_answered) {
        enum status s = wait_until(&q->answered, deadline);

        if (s != OK && !me.is_answered) {
            remove_caller(q, &me);
            return s;
        }
    }
    return me.status;
}

/* Names that are not asked of a server (RFC 6761, RFC 7686). */
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
    struct cache_entry *m;
    struct lookup *q;
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
    m = cache_find(d, &name);
    if (m && m->until > time_now()) {
        d->remembered++;
        m->used = time_now();
        *answer = m->answer;
        return m->status;
    }
    s = find_or_start(d, &name, deadline, &q);
    return s == OK ? wait_for_answer(q, deadline, answer) : s;
}

/* The deadline of connecting to the first of `left` addresses: a share of the
 * time that is left, at most PATIENCE. */
static nanoseconds deadline_of_first(nanoseconds deadline, unsigned left)
{
    nanoseconds now = time_now(), share;

    if (left == 1 || deadline <= now)
        return deadline;
    share = (deadline - now) / left;
    return now + min(share, PATIENCE);
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

        s = stackv4_connect(
            d->stack, to, deadline_of_first(deadline, answer.count - i), flow);
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

void dns_disconnect(struct dns *d)
{
    d->is_ending = true;
    for (struct lookup *q = d->lookups; q; q = q->next)
        if (q->fiber)
            fiber_cancel(q->fiber);
    fiber_shield();
    while (d->lookup_count > 0)
        require(wait_until(&d->room, FOREVER) == OK);
    fiber_unshield();
    free(d);
}
