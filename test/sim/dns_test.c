/* SPDX-License-Identifier: ISC */
/*
 * The resolver over a direct stack, with servers of this test at the other ends
 * of the wire, 10.0.0.1 and 10.0.0.2: with faults of servers and wires, and
 * forged answers.
 */
#include "check.h"
#include "pair.h"
#include <mirage/bytes.h>
#include <mirage/drivers.h>
#include <stdlib.h>

#define HEADER 12
#define DELAY  (5 * MILLISECOND) /* of the wire, each way */

/* The message that is composed. */
struct message {
    uint8_t p[30000];
    size_t len;
};

/* A server, its behaviour, and the last query that it has received. */
static struct server {
    struct host *host;
    void (*fn)(struct server *s);
    unsigned asked, asked_by_tcp;
    uint8_t question[512];
    size_t question_len;
    struct endpoint from;
    struct flow *flow; /* while it is asked by TCP */
} one, two;

static struct message out;
static struct stackv4 *stack;
static struct dns *d;

/* The end of the question of the last message; of its name. */
static size_t question_end(const struct server *s)
{
    size_t at = HEADER;

    while (at < s->question_len && s->question[at] != 0)
        at += 1u + s->question[at];
    return at + 5;
}

static bool has_edns(const struct server *s)
{
    return s->question_len == question_end(s) + 11;
}

/* Does the name of the query begin with this label? */
static bool is_asked(const struct server *s, const char *label)
{
    size_t len = strlen(label);

    if (s->question[HEADER] != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((s->question[HEADER + 1 + i] | 0x20) != label[i])
            return false;
    return true;
}

/* Begins an answer to the last query, with a code and without records. */
static void begin(const struct server *s, unsigned code)
{
    out.len = question_end(s);
    memcpy(out.p, s->question, out.len);
    out.p[2] = 0x81;
    out.p[3] = (uint8_t)(0x80 | code);
    memset(out.p + 6, 0, 6);
}

static void put(const void *data, size_t len)
{
    memcpy(out.p + out.len, data, len);
    out.len += len;
}

/* Appends a record of the name in the query; place: its count in the header. */
static void put_head(unsigned place, uint8_t type, uint32_t ttl, uint16_t len)
{
    uint8_t head[12] = {0xc0, HEADER, 0, type, 0, 1};

    put_be32(head + 6, ttl);
    put_be16(head + 10, len);
    put(head, sizeof head);
    put_be16(out.p + place, (uint16_t)(get_be16(out.p + place) + 1));
}

static void put_address(uint32_t ip, uint32_t ttl)
{
    uint8_t data[4];

    put_be32(data, ip);
    put_head(6, 1, ttl, 4);
    put(data, 4);
}

/* Appends an alias of the name in the query, with another first label. */
static void put_alias(const char *label, uint32_t ttl)
{
    uint8_t data[80] = {(uint8_t)strlen(label)};

    memcpy(data + 1, label, data[0]);
    data[data[0] + 1] = 0xc0;
    data[data[0] + 2] = (uint8_t)(HEADER + 1 + out.p[HEADER]);
    put_head(6, 5, ttl, data[0] + 3u);
    put(data, data[0] + 3u);
}

static void put_soa(uint32_t ttl, uint32_t least)
{
    uint8_t data[22] = {0, 0};

    put_be32(data + 18, least);
    put_head(8, 6, ttl, sizeof data);
    put(data, sizeof data);
}

/* Sends the message, from a given host and port. */
static void send_from(struct host *host, uint16_t port, const struct server *s)
{
    CHECK(udpv4_write(host->udp, port, s->from, out.p, out.len) == OK);
}

static void answer(struct server *s)
{
    uint8_t len[2];

    put_be16(len, (uint16_t)out.len);
    if (s->flow)
        CHECK(flow_write(s->flow, len, 2, FOREVER) == OK &&
              flow_write(s->flow, out.p, out.len, FOREVER) == OK);
    else
        send_from(s->host, 53, s);
}

static void on_datagram(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    struct server *s = ctx;
    struct flow *flow = s->flow; /* of a connection that goes on */

    (void)to;
    s->flow = NULL;
    s->from = from;
    s->asked++;
    s->question_len = buf_length(datagram);
    CHECK(s->question_len <= sizeof s->question);
    buf_copy_out(datagram, 0, s->question, s->question_len);
    CHECK(get_be16(s->question + 2) == 0x0100);
    CHECK(get_be16(s->question + 4) == 1);
    s->fn(s);
    s->flow = flow;
}

static void on_connection(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct server *s = ctx;
    struct buf *b;

    (void)peer;
    s->asked_by_tcp++;
    if (flow_read(flow, &b, FOREVER) != OK)
        return;
    s->question_len = buf_length(b) - 2;
    CHECK(get_be16(b->data) == s->question_len);
    buf_copy_out(b, 2, s->question, s->question_len);
    buf_free(b);
    s->flow = flow;
    s->fn(s);
    s->flow = NULL;
}

/* Behaviours of servers. */

static void be_silent(struct server *s)
{
    (void)s;
}

static void say_right(struct server *s)
{
    begin(s, 0);
    put_address(0x0a090001 + (s->asked - 1) % 255, 60);
    answer(s);
}

static void serve(struct server *s, void (*fn)(struct server *s))
{
    s->fn = fn;
    s->asked = s->asked_by_tcp = 0;
}

static void serve_both(void (*fn)(struct server *s))
{
    serve(&one, fn);
    serve(&two, fn);
}

/* Resolves, within a minute. Returns the last byte of the first address, or -1
 * and *s. */
static int look_up_as(struct dns *by, const char *name, enum status *s)
{
    struct dns_answer a;

    *s = dns_resolve(by, name, time_after(60 * SECOND), &a);
    return *s == OK ? a.ip[0].byte[15] : -1;
}

static int look_up(const char *name)
{
    enum status s;

    return look_up_as(d, name, &s);
}

static enum status status_of(const char *name)
{
    enum status s;

    (void)look_up_as(d, name, &s);
    return s;
}

static struct dns *resolver_of(const char *first, const char *second)
{
    struct dns *made = NULL;

    CHECK(dns_stub_connect(stack, (const char *const[]){first, second, NULL},
                           &made) == OK);
    return made;
}

static void keep(void *ctx, const char *name, uint64_t value)
{
    const void **wanted = ctx;

    if (strcmp(name, wanted[0]) == 0)
        *(uint64_t *)(uintptr_t)wanted[1] = value;
}

static uint64_t count(const char *name)
{
    uint64_t value = UINT64_MAX;
    const void *wanted[] = {name, &value};

    dns_counters(d, keep, wanted);
    return value;
}

static void quiet_write(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static void serve_on(struct server *s, struct host *h)
{
    s->host = h;
    CHECK(udpv4_listen(h->udp, 53, on_datagram, s) == OK);
    CHECK(tcpv4_listen(h->tcp, 53, on_connection, s) == OK);
}

TEST(without_a_server_no_resolver_is_made)
{
    static const struct sim_faults slow = {.delay = DELAY};
    static struct console_ops ops = {.write = quiet_write};
    static struct console quiet = {.ops = &ops};
    static const char *const none[] = {NULL};
    static const char *const wrong[] = {"ns.example.org", NULL};
    static const char *const many[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3",
                                       "10.0.0.4", NULL};
    struct network *net;

    sim_seed(11);
    pair_make(1500, 0);
    pair_faults(&slow);
    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    sim_set_faults(net, &slow);
    CHECK(stackv4_static_connect(&quiet, net, "10.0.0.9", "255.255.255.0", "",
                                 &stack) == OK);
    CHECK(dns_stub_connect(stack, none, &d) == ERR_NOT_FOUND);
    CHECK(dns_stub_connect(stack, wrong, &d) == ERR_FORMAT);
    CHECK(dns_stub_connect(stack, many, &d) == ERR_RANGE);
    serve_on(&one, &left);
    serve_on(&two, &right);
    d = resolver_of("10.0.0.1", "10.0.0.2");
}

TEST(an_answer_is_cached_for_its_ttl)
{
    struct ip_address servers[DNS_SERVERS];
    nanoseconds began = time_now();

    CHECK(dns_servers(d, servers) == 2);
    serve_both(say_right);
    CHECK(look_up("www.example.org") == 1);
    CHECK(time_now() - began < 10 * DELAY);
    began = time_now();
    CHECK(look_up("WWW.example.ORG.") == 1 && time_now() == began);
    CHECK(time_sleep(59 * SECOND) == OK);
    CHECK(look_up("www.example.org") == 1 && one.asked == 1);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(look_up("www.example.org") == 2 && one.asked == 2);
    CHECK(two.asked == 0 && one.asked_by_tcp == 0);
    CHECK(count("dns_asked") == 4 && count("dns_remembered") == 2);
}

TEST(special_names_and_addresses_send_no_query)
{
    struct dns_answer a;

    serve_both(say_right);
    CHECK(dns_resolve(d, "192.0.2.7", 0, &a) == OK && a.count == 1);
    CHECK(ip_equal(a.ip[0], ipv4_address(192, 0, 2, 7)));
    CHECK(dns_resolve(d, "localhost", 0, &a) == OK && a.count == 1);
    CHECK(ip_equal(a.ip[0], ipv4_address(127, 0, 0, 1)));
    CHECK(dns_resolve(d, "a.LOCALHOST.", 0, &a) == OK);
    CHECK(dns_resolve(d, "host.invalid", 0, &a) == ERR_NOT_FOUND);
    CHECK(dns_resolve(d, "host.onion", 0, &a) == ERR_NOT_FOUND);
    CHECK(dns_resolve(d, "not a host", 0, &a) == ERR_NAME);
    CHECK(dns_resolve(d, "", 0, &a) == ERR_NAME);
    CHECK(one.asked == 0 && two.asked == 0);
}

TEST(queries_differ_in_port_id_and_case)
{
    uint16_t port[50], id[50];
    unsigned same_port = 0, same_id = 0, upper = 0;
    char name[40];

    serve_both(say_right);
    for (unsigned i = 0; i < 50; i++) {
        text_format(name, sizeof name, "differ%u.example.org", i);
        CHECK(look_up(name) > 0);
        port[i] = one.from.port;
        id[i] = get_be16(one.question);
        CHECK(port[i] >= 1024);
        for (unsigned k = 0; k < i; k++) {
            same_port += port[k] == port[i];
            same_id += id[k] == id[i];
        }
        for (size_t k = HEADER; k < question_end(&one); k++)
            upper += one.question[k] >= 'A' && one.question[k] <= 'Z';
    }
    CHECK(same_port < 4 && same_id < 4);
    CHECK(upper > 300 && upper < 550); /* of 850 letters */
}

TEST(after_a_lost_answer_the_next_server_is_asked)
{
    nanoseconds began = time_now();

    serve(&one, be_silent);
    serve(&two, say_right);
    CHECK(look_up("lost.example.org") == 1);
    CHECK(one.asked == 1 && two.asked == 1);
    CHECK(time_now() - began >= SECOND && time_now() - began < 2 * SECOND);
    /* The server that has answered is asked first, from then on. */
    CHECK(look_up("lost2.example.org") == 2 && one.asked == 1);
    serve(&two, be_silent);
    serve(&one, say_right);
    CHECK(look_up("lost3.example.org") == 1 && two.asked == 1);
}

TEST(names_are_resolved_despite_a_third_of_packets_lost)
{
    static const struct sim_faults lossy = {.delay = DELAY, .loss = 333333};
    static const struct sim_faults good = {.delay = DELAY};
    unsigned found = 0;
    char name[40];

    serve_both(say_right);
    pair_faults(&lossy);
    for (unsigned i = 0; i < 40; i++) {
        text_format(name, sizeof name, "lossy%u.example.org", i);
        found += look_up(name) > 0;
    }
    pair_faults(&good);
    CHECK(found >= 39);
}

TEST(silent_servers_are_given_up_after_three_rounds)
{
    nanoseconds began = time_now();

    serve_both(be_silent);
    CHECK(status_of("silent.example.org") == ERR_TIMEOUT);
    CHECK(one.asked == 3 && two.asked == 3);
    CHECK(time_now() - began >= 14 * SECOND);
    CHECK(time_now() - began < 15 * SECOND);
    CHECK(!has_edns(&one)); /* the last did without */
    /* The failure is cached. */
    CHECK(status_of("silent.example.org") == ERR_TIMEOUT && one.asked == 3);
    CHECK(time_sleep(SECOND) == OK);
    serve_both(say_right);
    CHECK(look_up("silent.example.org") == 1 && has_edns(&one));
}

TEST(a_server_without_a_host_is_skipped)
{
    struct dns *other = resolver_of("10.0.0.77", "10.0.0.2");
    enum status s;
    nanoseconds began = time_now();

    serve_both(say_right);
    CHECK(look_up_as(other, "nobody.example.org", &s) == 1);
    CHECK(time_now() - began < 2 * SECOND);
    free(other);
    /* Without a gateway there is no route to this server. */
    other = resolver_of("192.0.2.1", NULL);
    began = time_now();
    CHECK(look_up_as(other, "nobody.example.org", &s) == -1);
    CHECK(s == ERR_UNREACHABLE && time_now() == began);
    free(other);
}

/* Sends answers with each kind of fault, and then the answer. */
static void say_forged(struct server *s)
{
    begin(s, 0);
    put_address(0x0a0900ff, 600);
    send_from(s == &one ? two.host : one.host, 53, s); /* another address */
    send_from(s->host, 5353, s); /* another port */
    out.p[1] ^= 1;
    send_from(s->host, 53, s); /* another number */
    out.p[1] ^= 1;
    out.p[HEADER + 1] ^= 1;
    send_from(s->host, 53, s); /* another name */
    out.p[HEADER + 1] ^= 1;
    out.p[question_end(s) - 3] ^= 16;
    send_from(s->host, 53, s); /* another type */
    out.p[question_end(s) - 3] ^= 16;
    out.p[2] ^= 0x80;
    send_from(s->host, 53, s); /* no answer */
    out.p[2] ^= 0x80;
    out.p[7] = 2;
    send_from(s->host, 53, s); /* a lie */
    out.len = 5;
    send_from(s->host, 53, s); /* no message */
    memset(out.p, 0, sizeof out.p);
    out.len = 5000;
    send_from(s->host, 53, s); /* more than was said */
    begin(s, 0);
    put_address(0x0a090001, 60);
    answer(s);
}

TEST(forged_answers_are_ignored)
{
    uint64_t before = count("dns_not_heard");

    serve_both(say_forged);
    CHECK(look_up("forged.example.org") == 1);
    CHECK(one.asked == 1 && two.asked == 0);
    CHECK(count("dns_not_heard") - before == 7); /* two stay in the stack */
    CHECK(look_up("forged.example.org") == 1 && one.asked == 1);
}

static void say_only_forged(struct server *s)
{
    say_right(s); /* it is another number that it is asked with */
}

/* Answers to the port and with the id of the query before. */
static void say_late(struct server *s)
{
    static uint8_t question[512];
    static size_t len;
    static struct endpoint from;
    struct server before = *s;

    if (s->asked > 1) {
        memcpy(before.question, question, len);
        before.question_len = len;
        before.from = from;
        say_only_forged(&before);
    }
    memcpy(question, s->question, s->question_len);
    len = s->question_len;
    from = s->from;
}

TEST(an_answer_to_an_earlier_attempt_is_ignored)
{
    serve_both(say_late);
    CHECK(status_of("late.example.org") == ERR_TIMEOUT);
}

/* Makes a resolver with an empty cache. */
static void forget_all(void)
{
    free(d);
    d = resolver_of("10.0.0.1", "10.0.0.2");
}

static void say_in_small_letters(struct server *s)
{
    begin(s, 0);
    for (size_t i = HEADER; i < question_end(s) - 4; i++)
        if (out.p[i] >= 'A' && out.p[i] <= 'Z')
            out.p[i] |= 0x20;
    put_address(0x0a090001, 60);
    answer(s);
}

TEST(a_server_that_does_not_preserve_case_is_asked_by_tcp)
{
    nanoseconds began = time_now();

    serve_both(say_in_small_letters);
    CHECK(look_up("spoiled.longer.example.org") == 1);
    CHECK(one.asked == 1 && one.asked_by_tcp == 1);
    /* By TCP at once, when the lack is known. */
    CHECK(look_up("spoiled2.longer.example.org") == 1);
    CHECK(one.asked == 1 && one.asked_by_tcp == 2);
    CHECK(time_now() - began < SECOND);
    forget_all();
}

static void say_more(struct server *s)
{
    begin(s, 0);
    if (s->flow)
        for (uint32_t i = 0; i < 1500; i++)
            put_address(0x0a090001 + i, 60);
    else
        out.p[2] |= 2;
    answer(s);
}

TEST(a_truncated_answer_is_completed_by_tcp)
{
    struct dns_answer a;

    serve_both(say_more);
    CHECK(dns_resolve(d, "large.example.org", FOREVER, &a) == OK);
    CHECK(a.count == DNS_ADDRESSES && a.ip[7].byte[15] == 8);
    CHECK(one.asked == 1 && one.asked_by_tcp == 1 && two.asked == 0);
    CHECK(look_up("large.example.org") == 1 && one.asked == 1);
}

/* Faults of TCP, one after the other. */
static unsigned trouble;

static void say_trouble(struct server *s)
{
    static const uint8_t half[] = {0x02, 0x00, 0x12, 0x34};

    begin(s, 0);
    out.p[2] |= 2;
    if (!s->flow || trouble == 4) { /* cut short, even there */
        answer(s);
    } else if (trouble == 3) { /* to another question */
        out.p[0] ^= 1;
        answer(s);
    } else if (trouble == 2) {
        flow_abort(s->flow);
    } else {
        CHECK(flow_write(s->flow, half, sizeof half, FOREVER) == OK);
        if (trouble == 1)
            CHECK(time_sleep(20 * SECOND) == OK);
    }
}

TEST(after_a_failure_of_tcp_the_next_server_is_asked)
{
    char name[40];

    for (trouble = 0; trouble < 5; trouble++) {
        nanoseconds began = time_now();

        serve(&one, say_trouble);
        serve(&two, say_trouble);
        text_format(name, sizeof name, "trouble%u.example.org", trouble);
        CHECK(status_of(name) == (trouble == 1 ? ERR_TIMEOUT : ERR_IO));
        CHECK(one.asked_by_tcp > 0 && two.asked_by_tcp > 0);
        if (trouble != 1)
            CHECK(time_now() - began < SECOND);
        CHECK(time_now() - began <= 31 * SECOND);
    }
    CHECK(time_sleep(60 * SECOND) == OK);
}

/* A server on a host that refuses TCP. */
static void refuse_tcp(bool refuses)
{
    CHECK(tcpv4_listen(left.tcp, 53, refuses ? NULL : on_connection, &one) ==
          OK);
    CHECK(tcpv4_listen(right.tcp, 53, refuses ? NULL : on_connection, &two) ==
          OK);
}

static bool has_capitals(const struct server *s)
{
    for (size_t i = HEADER; i < question_end(s) - 4; i++)
        if (s->question[i] >= 'A' && s->question[i] <= 'Z')
            return true;
    return false;
}

TEST(a_server_with_neither_case_nor_tcp_is_asked_twice)
{
    nanoseconds began = time_now();
    uint64_t by_tcp;

    forget_all();
    refuse_tcp(true);
    serve_both(say_in_small_letters);
    CHECK(look_up("proxy.longer.example.org") == 1);
    CHECK(one.asked == 3 && two.asked == 0 && !has_capitals(&one));
    CHECK(time_now() - began < SECOND);
    /* The lack is noted: nothing else is tried, for an hour. */
    by_tcp = count("dns_by_tcp");
    CHECK(look_up("proxy2.longer.example.org") == 1 && one.asked == 5);
    CHECK(time_sleep(3590 * SECOND) == OK);
    CHECK(look_up("proxy3.longer.example.org") == 1 && one.asked == 7);
    CHECK(time_sleep(20 * SECOND) == OK);
    refuse_tcp(false);
    CHECK(look_up("proxy4.longer.example.org") == 1 && one.asked == 8);
    CHECK(one.asked_by_tcp == 1 && count("dns_by_tcp") == by_tcp + 1);
}

/* A TCP server that accepts connections and does not answer. */
static void say_small_or_nothing(struct server *s)
{
    if (s->flow)
        CHECK(time_sleep(20 * SECOND) == OK);
    else
        say_in_small_letters(s);
}

TEST(a_server_silent_by_tcp_is_asked_in_lower_case)
{
    nanoseconds began = time_now();

    forget_all();
    serve_both(say_small_or_nothing);
    CHECK(look_up("stuck.longer.example.org") == 1);
    CHECK(time_now() - began < 6 * SECOND);
    began = time_now();
    CHECK(look_up("stuck2.longer.example.org") == 1);
    CHECK(time_now() - began < SECOND);
    CHECK(time_sleep(60 * SECOND) == OK);
}

static uint16_t plain_port[4], plain_id[4];

/* An attacker has guessed port and id of one query. */
static void say_small_with_one_forged(struct server *s)
{
    plain_port[s->asked % 4] = s->from.port;
    plain_id[s->asked % 4] = get_be16(s->question);
    begin(s, 0);
    for (size_t i = HEADER; i < question_end(s) - 4; i++)
        if (out.p[i] >= 'A' && out.p[i] <= 'Z')
            out.p[i] |= 0x20;
    put_address(s->asked == 2 ? 0x0a0900ff : 0x0a090001, 60);
    if (s->asked == 4) /* those that both have are used */
        put_address(0x0a0900fe, 60);
    answer(s);
}

TEST(without_random_case_one_forged_answer_is_not_accepted)
{
    struct dns_answer a;

    forget_all();
    refuse_tcp(true);
    serve_both(say_small_with_one_forged);
    CHECK(dns_resolve(d, "victim.longer.example.org", FOREVER, &a) == OK);
    CHECK(a.count == 1 && a.ip[0].byte[15] == 1 && one.asked == 4);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            CHECK(plain_port[i] != plain_port[k] && plain_id[i] != plain_id[k]);
    refuse_tcp(false);
}

static void say_small_and_ever_new(struct server *s)
{
    begin(s, 0);
    for (size_t i = HEADER; i < question_end(s) - 4; i++)
        if (out.p[i] >= 'A' && out.p[i] <= 'Z')
            out.p[i] |= 0x20;
    put_address(0x0a090000 + s->asked, 60);
    answer(s);
}

TEST(answers_that_never_agree_are_refused)
{
    forget_all();
    refuse_tcp(true);
    serve_both(say_small_and_ever_new);
    CHECK(status_of("ever.longer.example.org") == ERR_IO);
    refuse_tcp(false);
}

/* Failures of a server that is asked with EDNS. */
static unsigned edns_code;
static bool edns_says_all;

static void say_no_edns(struct server *s)
{
    if (!has_edns(s)) {
        say_right(s);
        return;
    }
    begin(s, edns_code);
    if (!edns_says_all) {
        out.len = HEADER;
        out.p[5] = 0;
    }
    answer(s);
}

TEST(a_server_that_fails_with_edns_is_asked_without_for_an_hour)
{
    static const unsigned codes[] = {1, 2, 4, 5};
    char name[40];

    for (unsigned i = 0; i < 8; i++) {
        nanoseconds began = time_now();

        forget_all();
        edns_code = codes[i / 2];
        edns_says_all = i % 2;
        serve_both(say_no_edns);
        text_format(name, sizeof name, "edns%u.example.org", i);
        CHECK(look_up(name) == 2);
        CHECK(one.asked == 2 && two.asked == 0 && one.asked_by_tcp == 0);
        CHECK(time_now() - began < SECOND);
        text_format(name, sizeof name, "again%u.example.org", i);
        CHECK(look_up(name) == 3 && one.asked == 3);
        CHECK(time_sleep(3601 * SECOND) == OK);
        text_format(name, sizeof name, "later%u.example.org", i);
        CHECK(look_up(name) == 5 && one.asked == 5);
    }
}

/* A failure with an OPT record. */
static void say_failure_with_edns(struct server *s)
{
    begin(s, 2);
    put("\0\0\x29\4\xd0\0\0\0\0\0\0", 11);
    out.p[11] = 1;
    answer(s);
}

TEST(a_failure_with_edns_in_the_answer_is_not_asked_again_at_once)
{
    forget_all();
    serve_both(say_failure_with_edns);
    CHECK(status_of("bogus.example.org") == ERR_IO);
    CHECK(one.asked == 2 && two.asked == 2 && !has_edns(&one));
}

/* Silent, or failing, unless the query is as in RFC 1035. */
static bool old_is_silent;

static void say_only_old(struct server *s)
{
    if (!has_edns(s) && !has_capitals(s)) {
        begin(s, 0);
        put_address(0x0a090001, 60);
        answer(s);
    } else if (!old_is_silent) {
        begin(s, 5);
        answer(s);
    }
}

TEST(the_last_round_uses_neither_edns_nor_random_case)
{
    for (int i = 0; i < 2; i++) {
        nanoseconds began = time_now();
        unsigned asked;

        forget_all();
        old_is_silent = i;
        serve_both(say_only_old);
        CHECK(look_up(i ? "old1.longer.example.org"
                        : "old0.longer.example.org") == 1);
        CHECK(time_now() - began < (i ? 7 : 1) * SECOND);
        asked = one.asked + two.asked;
        began = time_now();
        CHECK(look_up(i ? "older1.longer.example.org"
                        : "older0.longer.example.org") == 1);
        CHECK(one.asked + two.asked == asked);
        CHECK(one.asked_by_tcp + two.asked_by_tcp == 1);
        CHECK(time_now() - began < SECOND);
    }
}

/* An answer by UDP that is longer than we allowed. */
static unsigned many;

static void say_many(struct server *s)
{
    if (edns_code && has_edns(s)) {
        begin(s, edns_code);
    } else {
        begin(s, 0);
        for (unsigned i = 0; i < many; i++)
            put_address(0x0a090001 + i, 60);
    }
    answer(s);
}

TEST(answers_longer_than_we_allowed_are_accepted)
{
    static const unsigned sizes[] = {33, 77, 78, 90, 300, 1800};
    struct dns_answer a;
    char name[40];

    for (unsigned i = 0; i < 12; i++) {
        forget_all();
        many = sizes[i / 2];
        edns_code = i % 2 ? 1 : 0; /* or without EDNS, beyond 512 bytes */
        serve_both(say_many);
        text_format(name, sizeof name, "many%u.long.example.org", i);
        CHECK(dns_resolve(d, name, FOREVER, &a) == OK);
        CHECK(a.count == DNS_ADDRESSES && a.ip[7].byte[15] == 8);
        CHECK(one.asked == 1 + i % 2 && two.asked == 0);
        CHECK(one.asked_by_tcp == 0);
    }
}

/* Truncated within the fourth of nine addresses. */
static void say_some(struct server *s)
{
    begin(s, 0);
    for (unsigned i = 0; i < 4; i++)
        put_address(0x0a090001 + i, 60);
    out.p[7] = 9;
    out.len -= 7;
    out.p[2] |= 2;
    answer(s);
}

TEST(without_tcp_the_addresses_of_a_truncated_answer_are_used)
{
    struct dns_answer a;

    forget_all();
    refuse_tcp(true);
    serve_both(say_some);
    CHECK(dns_resolve(d, "some.example.org", FOREVER, &a) == OK);
    CHECK(a.count == 3 && a.ip[2].byte[15] == 3 && one.asked == 1);
    CHECK(dns_resolve(d, "some2.example.org", FOREVER, &a) == OK);
    CHECK(a.count == 3 && one.asked == 2);
    refuse_tcp(false);
}

static void say_no_format(struct server *s)
{
    begin(s, has_edns(s) ? 1 : 0);
    if (has_edns(s)) {
        out.len = HEADER;
        out.p[5] = 0;
    } else {
        put_address(0x0a090001, 60);
    }
    answer(s);
}

TEST(after_formerr_the_query_is_sent_without_edns)
{
    nanoseconds began = time_now();

    serve_both(say_no_format);
    CHECK(look_up("old.example.org") == 1);
    CHECK(one.asked == 2 && two.asked == 0 && time_now() - began < SECOND);
}

static unsigned code;

static void say_code(struct server *s)
{
    begin(s, code);
    answer(s);
}

TEST(after_a_failure_the_next_server_is_asked)
{
    static const unsigned codes[] = {1, 2, 4, 5, 9};
    char name[40];

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        nanoseconds began = time_now();
        bool first = one.fn == say_right;

        code = codes[i];
        serve(first ? &two : &one, say_right);
        serve(first ? &one : &two, say_code);
        text_format(name, sizeof name, "code%u.example.org", code);
        CHECK(look_up(name) == 1 && time_now() - began < SECOND);
    }
    serve_both(say_code);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        nanoseconds began = time_now();

        code = codes[i];
        text_format(name, sizeof name, "codes%u.example.org", code);
        CHECK(status_of(name) == ERR_IO && time_now() - began < SECOND);
    }
    serve_both(say_right);
    CHECK(status_of(name) == ERR_IO && one.asked == 0);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(look_up(name) == 1);
}

static uint32_t soa_ttl, soa_least;

static void say_none(struct server *s)
{
    begin(s, is_asked(s, "nodata") ? 0 : 3);
    if (soa_ttl)
        put_soa(soa_ttl, soa_least);
    answer(s);
}

TEST(a_negative_answer_is_cached_as_the_soa_says)
{
    static const char *const names[] = {"nodata.example.org",
                                        "noname.example.org"};

    soa_ttl = 600;
    soa_least = 30;
    for (int i = 0; i < 2; i++) {
        serve_both(say_none);
        CHECK(status_of(names[i]) == ERR_NOT_FOUND);
        CHECK(time_sleep(29 * SECOND) == OK);
        CHECK(status_of(names[i]) == ERR_NOT_FOUND);
        CHECK(one.asked + two.asked == 1);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(status_of(names[i]) == ERR_NOT_FOUND);
        CHECK(one.asked + two.asked == 2);
    }
}

TEST(a_negative_answer_without_a_soa_is_not_cached)
{
    soa_ttl = 0;
    serve_both(say_none);
    CHECK(status_of("unsaid.example.org") == ERR_NOT_FOUND);
    CHECK(status_of("unsaid.example.org") == ERR_NOT_FOUND);
    CHECK(one.asked + two.asked == 2);
}

static uint32_t ttl;

static void say_ttl(struct server *s)
{
    begin(s, 0);
    put_address(0x0a090001, ttl);
    answer(s);
}

TEST(answers_are_cached_for_a_day_at_most_and_negative_ones_for_an_hour)
{
    soa_ttl = soa_least = 1000000;
    serve_both(say_none);
    CHECK(status_of("hour.example.org") == ERR_NOT_FOUND);
    CHECK(time_sleep(3599 * SECOND) == OK);
    CHECK(status_of("hour.example.org") == ERR_NOT_FOUND);
    CHECK(one.asked + two.asked == 1);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(status_of("hour.example.org") == ERR_NOT_FOUND);
    CHECK(one.asked + two.asked == 2);
    ttl = 10000000;
    serve_both(say_ttl);
    CHECK(look_up("day.example.org") == 1);
    CHECK(time_sleep(86399 * SECOND) == OK);
    CHECK(look_up("day.example.org") == 1 && one.asked + two.asked == 1);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(look_up("day.example.org") == 1 && one.asked + two.asked == 2);
}

TEST(an_answer_with_a_ttl_of_zero_is_only_for_those_waiting)
{
    ttl = 0;
    serve_both(say_ttl);
    CHECK(look_up("zero.example.org") == 1);
    CHECK(look_up("zero.example.org") == 1);
    CHECK(one.asked + two.asked == 2);
}

/* a -> b -> c in separate messages, loop1 -> loop2 -> loop1, and long0 -> long1
 * and so on without an end. */
static void say_aliases(struct server *s)
{
    char label[16];
    unsigned n = s->question[HEADER + 5] - '0' + 1u;

    begin(s, 0);
    if (is_asked(s, "a"))
        put_alias("b", 40);
    else if (is_asked(s, "b"))
        put_alias("c", 20);
    else if (is_asked(s, "loop1"))
        put_alias("loop2", 60);
    else if (is_asked(s, "loop2"))
        put_alias("loop1", 60);
    else if ((s->question[HEADER + 1] | 0x20) == 'l') {
        text_format(label, sizeof label, "long%c", (char)('0' + n));
        put_alias(label, 60);
    } else
        put_address(0x0a090001, 60);
    answer(s);
}

TEST(aliases_are_followed_with_the_least_ttl)
{
    serve_both(say_aliases);
    CHECK(look_up("a.example.org") == 1 && one.asked + two.asked == 3);
    CHECK(time_sleep(19 * SECOND) == OK);
    CHECK(look_up("a.example.org") == 1 && one.asked + two.asked == 3);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(look_up("a.example.org") == 1 && one.asked + two.asked == 6);
}

TEST(an_endless_chain_of_aliases_is_given_up)
{
    nanoseconds began = time_now();

    serve_both(say_aliases);
    CHECK(status_of("loop1.example.org") == ERR_IO);
    CHECK(one.asked + two.asked == 9);
    CHECK(status_of("long0.example.org") == ERR_IO);
    CHECK(one.asked + two.asked == 18 && time_now() - began < SECOND);
}

/* Fibers that resolve. */
static struct {
    unsigned running, right, timed_out, cancelled;
    struct waiters done;
} crowd;

static void ask_for(void *name)
{
    enum status s;

    (void)look_up_as(d, name, &s);
    crowd.right += s == OK;
    crowd.cancelled += s == ERR_CANCELLED;
    crowd.running--;
    wake_all(&crowd.done);
}

static void ask_briefly(void *name)
{
    struct dns_answer a;

    crowd.timed_out += dns_resolve(d, name, time_after(DELAY), &a) ==
                       ERR_TIMEOUT;
    crowd.running--;
    wake_all(&crowd.done);
}

static void await_crowd(void)
{
    while (crowd.running > 0)
        if (wait_until(&crowd.done, time_after(100 * SECOND)) != OK)
            break;
    CHECK(crowd.running == 0);
}

TEST(concurrent_callers_for_a_name_share_one_query)
{
    static char name[] = "shared.example.org", other[] = "SHARED.example.org";
    struct fiber *impatient;

    serve_both(say_right);
    memset(&crowd, 0, sizeof crowd);
    for (int i = 0; i < 200; i++, crowd.running++)
        CHECK(fiber_start(i % 10 == 7 ? ask_briefly : ask_for,
                          i % 2 ? name : other) == OK);
    crowd.running++;
    CHECK(fiber_spawn(NULL, ask_for, name, &impatient) == OK);
    CHECK(time_sleep(DELAY / 2) == OK);
    fiber_cancel(impatient);
    await_crowd();
    CHECK(fiber_join(impatient, FOREVER) == OK);
    CHECK(one.asked + two.asked == 1);
    CHECK(crowd.right == 180 && crowd.timed_out == 20 && crowd.cancelled == 1);
}

TEST(a_lookup_continues_when_its_callers_have_gone)
{
    struct dns_answer a;

    serve_both(say_right);
    CHECK(dns_resolve(d, "alone.example.org", 0, &a) == ERR_TIMEOUT);
    CHECK(dns_resolve(d, "alone.example.org", time_after(DELAY), &a) ==
          ERR_TIMEOUT);
    CHECK(time_sleep(10 * DELAY) == OK);
    CHECK(dns_resolve(d, "alone.example.org", 0, &a) == OK);
    CHECK(one.asked + two.asked == 1);
}

TEST(the_deadline_holds_whatever_servers_do)
{
    struct dns_answer a;
    nanoseconds began = time_now();

    serve_both(be_silent);
    CHECK(dns_resolve(d, "slow.example.org", time_after(1500 * MILLISECOND),
                      &a) == ERR_TIMEOUT);
    CHECK(time_now() - began == 1500 * MILLISECOND);
    CHECK(time_sleep(60 * SECOND) == OK);
}

TEST(many_names_at_once_are_all_resolved)
{
    static char names[300][32];
    unsigned before;

    serve_both(say_right);
    memset(&crowd, 0, sizeof crowd);
    for (int i = 0; i < 300; i++, crowd.running++) {
        text_format(names[i], sizeof names[i], "many%d.example.org", i);
        CHECK(fiber_start(ask_for, names[i]) == OK);
    }
    CHECK(time_sleep(DELAY + MILLISECOND) == OK);
    CHECK(one.asked + two.asked == 64); /* and no more outstanding */
    await_crowd();
    CHECK(crowd.right == 300 && one.asked + two.asked == 300);
    /* The least recently used were evicted, the others not. */
    before = one.asked + two.asked;
    for (int i = 299; i >= 44; i--, CHECK(time_sleep(MILLISECOND) == OK))
        CHECK(look_up(names[i]) > 0);
    CHECK(one.asked + two.asked == before);
    CHECK(look_up(names[0]) > 0 && one.asked + two.asked == before + 1);
    CHECK(look_up(names[299]) > 0 && one.asked + two.asked == before + 2);
    CHECK(look_up(names[44]) > 0 && one.asked + two.asked == before + 2);
}

/* The stack, with servers that change. */
static struct ip_address told;
static unsigned told_count;

static enum status give_servers(const struct stackv4 *s, size_t i,
                                struct stackv4_address *a)
{
    (void)s;
    if (i > 0)
        return ERR_NOT_FOUND;
    *a = (struct stackv4_address){.dns = {told}, .dns_count = told_count};
    return OK;
}

TEST(new_servers_of_the_stack_are_used_and_flush_the_cache)
{
    const struct stackv4_ops *own = stack->ops;
    struct stackv4_ops other = *own;
    struct dns *of_stack;
    enum status s;

    other.address_at = give_servers;
    stack->ops = &other;
    serve_both(say_right);
    told = ipv4_address(10, 0, 0, 1);
    told_count = 1;
    of_stack = resolver_of(NULL, NULL);
    CHECK(look_up_as(of_stack, "told.example.org", &s) == 1);
    CHECK(one.asked == 1 && two.asked == 0);
    told = ipv4_address(10, 0, 0, 2);
    CHECK(look_up_as(of_stack, "told2.example.org", &s) == 1);
    CHECK(look_up_as(of_stack, "told.example.org", &s) == 2);
    CHECK(one.asked == 1 && two.asked == 2);
    told_count = 0;
    CHECK(look_up_as(of_stack, "told3.example.org", &s) == -1);
    CHECK(s == ERR_UNREACHABLE);
    told_count = 1;
    CHECK(time_sleep(SECOND) == OK);
    CHECK(look_up_as(of_stack, "told3.example.org", &s) == 3);
    free(of_stack);
    stack->ops = own;
}

/* Many hosts at once, one of which accepts connections. */
static void say_hosts(struct server *s)
{
    begin(s, 0);
    if (!is_asked(s, "refusing"))
        put_address(0x0a00004d, 60); /* nobody */
    put_address(0x0a000001, 60); /* port 80 is not open */
    if (!is_asked(s, "refusing"))
        put_address(0x0a000002, 60);
    answer(s);
}

static void greet(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    CHECK(flow_write(flow, "hello", 5, FOREVER) == OK);
}

/* Connects to port 80 of a name. Returns the time it took. */
static nanoseconds reach(const char *name, nanoseconds deadline,
                         struct ip_address *peer)
{
    nanoseconds began = time_now();
    struct flow *f;
    enum status s = dns_connect_tcp(d, name, 80, deadline, &f);

    CHECK(s == OK);
    if (s == OK) {
        *peer = flow_peer(f).ip;
        flow_close(f);
    }
    return time_now() - began;
}

TEST(a_connection_is_tried_to_each_address)
{
    struct ip_address peer = ipv4_of_number(0);

    serve_both(say_hosts);
    CHECK(tcpv4_listen(right.tcp, 80, greet, NULL) == OK);
    CHECK(reach("hosts.example.org", FOREVER, &peer) < 6 * SECOND);
    CHECK(ip_equal(peer, ipv4_address(10, 0, 0, 2)));
    /* Each address has a third of the time. */
    CHECK(reach("hosts.example.org", time_after(900 * MILLISECOND), &peer) <
          400 * MILLISECOND);
    CHECK(reach("10.0.0.2", FOREVER, &peer) < SECOND);
}

TEST(the_error_of_the_last_address_is_reported)
{
    struct flow *f;
    nanoseconds began = time_now();

    CHECK(dns_connect_tcp(d, "refusing.example.org", 80, FOREVER, &f) ==
          ERR_REFUSED);
    CHECK(dns_connect_tcp(d, "10.0.0.1", 80, FOREVER, &f) == ERR_REFUSED);
    CHECK(time_now() - began < SECOND);
    began = time_now();
    CHECK(dns_connect_tcp(d, "10.0.0.77", 80, time_after(SECOND), &f) != OK);
    CHECK(time_now() - began <= SECOND);
    soa_ttl = 10;
    serve_both(say_none);
    CHECK(dns_connect_tcp(d, "nowhere.example.org", 80, FOREVER, &f) ==
          ERR_NOT_FOUND);
}

TEST(no_state_is_left)
{
    CHECK(time_sleep(700 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
    CHECK(buf_pages_free() == buf_pages());
}

static void forget_after_a_second(void *resolver)
{
    struct dns_answer answer;

    CHECK(dns_resolve(resolver, "silent.example.org", time_after(SECOND),
                      &answer) == ERR_TIMEOUT);
}

TEST(disconnecting_gives_up_what_is_asked)
{
    struct dns *other = resolver_of("10.0.0.1", "10.0.0.2");
    struct fiber *caller;
    nanoseconds began;

    serve_both(be_silent);
    CHECK(fiber_spawn(NULL, forget_after_a_second, other, &caller) == OK);
    CHECK(fiber_join(caller, FOREVER) == OK);
    began = time_now();
    dns_disconnect(other);
    dns_disconnect(d);
    CHECK(time_now() - began < SECOND);
    stackv4_disconnect(stack);
    CHECK(time_sleep(700 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}
