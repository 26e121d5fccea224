/* SPDX-License-Identifier: ISC */
/*
 * The cache: a fixed number of places, found by hash; the one that was not
 * used for longest makes room. A place is asked for, and has packets that wait,
 * or known. What is known for a minute is asked for again when it is used next,
 * by a question to that host alone, and used meanwhile (RFC 1122, 2.3.2.1).
 */
#include "wheel.h"
#include <mirage/arp.h>
#include <mirage/bytes.h>
#include <mirage/log.h>
#include <mirage/random.h>
#include <stdlib.h>
#include <string.h>

LOG_SOURCE(arp);

#define PACKET  28 /* bytes */
#define REQUEST 1
#define REPLY   2

#define PLACES     256
#define BUCKETS    64
#define QUEUE      8 /* packets that wait for one answer */
#define TRIES      3
#define ASK_AGAIN  SECOND /* RFC 1122, 2.3.2.1: at most once a second */
#define FRESH      (60 * SECOND)
#define PROBES     3
#define PROBE_WAIT (100 * MILLISECOND)
#define LAST_WAIT  (200 * MILLISECOND)
#define ANNOUNCE   (2 * SECOND)  /* RFC 5227, 1.1 */
#define DEFEND     (10 * SECOND) /* the same */

enum state { FREE,
             ASKED,
             KNOWN };

struct place {
    struct arp        *arp;
    struct place      *next; /* in its bucket */
    enum state         state;
    uint32_t           ip;
    struct mac         mac;
    uint64_t           used; /* the larger the later */
    nanoseconds        confirmed;
    unsigned           tries; /* questions without an answer */
    struct buf        *waiting[QUEUE];
    unsigned           waiting_count;
    struct wheel_timer timer;
};

struct arp {
    struct ethernet   *ethernet;
    struct network    *net;
    struct wheel       wheel;
    uint32_t           own;
    nanoseconds        defended; /* when; 0: never */
    struct wheel_timer announce;
    uint32_t           probed; /* 0: no address */
    bool               probe_failed;
    struct waiters     probing;
    arp_conflict      *on_conflict;
    void              *conflict_ctx;
    arp_silent        *on_silence;
    void              *silence_ctx;
    uint64_t           uses;
    struct place      *bucket[BUCKETS];
    struct place       place[PLACES];
};

static const struct mac everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static void send(struct arp *a, uint16_t operation, struct mac to,
                 uint32_t from_ip, struct mac target, uint32_t target_ip)
{
    static const uint8_t start[] = {0, 1, 8, 0, 6, 4};
    struct buf          *b = buf_new(ETHERNET_HEADER);
    uint8_t             *p;

    if (!b)
        return;
    p = buf_append(b, PACKET);
    memcpy(p, start, sizeof start);
    put_be16(p + 6, operation);
    memcpy(p + 8, a->net->mac.byte, 6);
    put_be32(p + 14, from_ip);
    memcpy(p + 18, target.byte, 6);
    put_be32(p + 24, target_ip);
    ethernet_write(a->ethernet, to, ETHERTYPE_ARP, b);
}

static void announce(struct arp *a)
{
    log_info(&arp, "ARP: sending gratuitous from %s",
             ip_text(ipv4_of_number(a->own)).s);
    send(a, REQUEST, everyone, a->own, (struct mac){{0}}, a->own);
}

static void announce_again(void *ctx)
{
    struct arp *a = ctx;

    if (a->own)
        announce(a);
}

static struct place **bucket_of(struct arp *a, uint32_t ip)
{
    return &a->bucket[(ip ^ ip >> 8) % BUCKETS];
}

static struct place *find(struct arp *a, uint32_t ip)
{
    struct place *p = *bucket_of(a, ip);

    while (p && p->ip != ip)
        p = p->next;
    return p;
}

/* What waited in vain. Who is told may write to others, and get the place. */
static void give_up(struct arp *a, uint32_t ip, struct buf *const *waiting,
                    unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (a->on_silence)
            a->on_silence(a->silence_ctx, ipv4_of_number(ip), waiting[i]);
        else
            buf_free(waiting[i]);
}

/* Frees the place; how many packets waited there. */
static unsigned forget(struct place *p, struct buf *waiting[QUEUE])
{
    struct arp    *a = p->arp;
    struct place **at = bucket_of(a, p->ip);
    unsigned       count = p->waiting_count;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    wheel_clear(&a->wheel, &p->timer);
    p->state = FREE;
    p->waiting_count = 0;
    memcpy(waiting, p->waiting, sizeof p->waiting);
    return count;
}

static void ask(struct place *p)
{
    struct arp *a = p->arp;

    log_info(&arp, "ARP: transmitting probe -> %s",
             ip_text(ipv4_of_number(p->ip)).s);
    send(a, REQUEST, p->state == KNOWN ? p->mac : everyone, a->own,
         (struct mac){{0}}, p->ip);
    p->tries++;
    wheel_set(&a->wheel, &p->timer, time_after(ASK_AGAIN));
}

static void ask_again(void *ctx)
{
    struct place *p = ctx;
    struct buf   *waiting[QUEUE];
    unsigned      count;

    if (p->tries < TRIES) {
        ask(p);
        return;
    }
    log_info(&arp, "ARP: timeout %s", ip_text(ipv4_of_number(p->ip)).s);
    count = forget(p, waiting);
    give_up(p->arp, p->ip, waiting, count);
}

/* The place that was not used for longest; but once half of them wait for an
 * answer, of those: who asks us by addresses that nobody has does not make us
 * forget hosts that are there. */
static struct place *least_used(struct arp *a)
{
    struct place *least = &a->place[0], *asked = NULL;
    unsigned      count = 0;

    for (size_t i = 0; i < PLACES; i++) {
        struct place *p = &a->place[i];

        if (p->state == FREE)
            return p;
        if (p->used < least->used)
            least = p;
        if (p->state == ASKED) {
            count++;
            if (!asked || p->used < asked->used)
                asked = p;
        }
    }
    return count >= PLACES / 2 ? asked : least;
}

static struct place *take_place(struct arp *a, uint32_t ip)
{
    struct place  *p = least_used(a);
    struct place **at = bucket_of(a, ip);
    struct buf    *waiting[QUEUE];
    uint32_t       before;
    unsigned       count;

    before = p->ip;
    count = p->state == FREE ? 0 : forget(p, waiting);
    p->arp = a;
    p->ip = ip;
    p->state = ASKED;
    p->tries = 0;
    p->used = ++a->uses;
    p->timer.ring = ask_again;
    p->timer.ctx = p;
    p->next = *at;
    *at = p;
    give_up(a, before, waiting, count);
    return p;
}

/* The host at ip has answered, or asked: it has this Ethernet address. */
static void learn(struct place *p, struct mac mac)
{
    struct arp *a = p->arp;
    struct buf *waiting[QUEUE];
    unsigned    count = p->waiting_count;

    if (p->state != KNOWN || !mac_equal(p->mac, mac))
        log_info(&arp, "ARP: updating %s -> %s",
                 ip_text(ipv4_of_number(p->ip)).s, mac_text(mac).s);
    p->state = KNOWN;
    p->mac = mac;
    p->confirmed = time_now();
    p->tries = 0;
    wheel_clear(&a->wheel, &p->timer);
    memcpy(waiting, p->waiting, sizeof waiting);
    p->waiting_count = 0;
    for (unsigned i = 0; i < count; i++)
        ethernet_write(a->ethernet, mac, ETHERTYPE_IPV4, waiting[i]);
}

/* RFC 5227, 2.4: we defend ourselves once; then somebody has to give way. */
static void defend(struct arp *a, struct mac other)
{
    nanoseconds now = time_now();
    bool        again = a->defended && now - a->defended < DEFEND;

    if (!again) {
        log_warning(&arp, "%s says that it has our address %s",
                    mac_text(other).s, ip_text(ipv4_of_number(a->own)).s);
        a->defended = now;
        announce(a);
    } else if (a->on_conflict) {
        a->on_conflict(a->conflict_ctx, ipv4_of_number(a->own), other);
    }
}

struct arp_packet {
    uint16_t   operation;
    struct mac from, to;
    uint32_t   from_ip, to_ip;
};

/* RFC 826: of Ethernet and IPv4, with a sender that can be one. */
static bool parse(const uint8_t *p, size_t len, struct arp_packet *packet)
{
    if (len < PACKET || get_be16(p) != 1 || get_be16(p + 2) != 0x0800 ||
        p[4] != 6 || p[5] != 4)
        return false;
    packet->operation = get_be16(p + 6);
    memcpy(packet->from.byte, p + 8, 6);
    packet->from_ip = get_be32(p + 14);
    memcpy(packet->to.byte, p + 18, 6);
    packet->to_ip = get_be32(p + 24);
    return (packet->operation == REQUEST || packet->operation == REPLY) &&
           (p[8] & 1) == 0 && packet->from_ip >> 28 < 14;
}

static void answer(struct arp *a, const struct arp_packet *q)
{
    log_info(&arp, "ARP responding to: who-has %s?",
             ip_text(ipv4_of_number(a->own)).s);
    send(a, REPLY, q->from, a->own, q->from, q->from_ip);
}

static void input(void *ctx, struct mac from, bool to_many, struct buf *b)
{
    struct arp       *a = ctx;
    struct arp_packet q;
    struct place     *p;

    (void)to_many;
    b = buf_pull(b, PACKET);
    if (!b || !parse(b->data, b->len, &q) || !mac_equal(q.from, from) ||
        mac_equal(q.from, a->net->mac)) {
        buf_free(b);
        return;
    }
    buf_free(b);
    if (a->probed && (q.from_ip == a->probed ||
                      (q.from_ip == 0 && q.to_ip == a->probed &&
                       q.operation == REQUEST))) {
        a->probe_failed = true;
        wake_all(&a->probing);
        return;
    }
    if (a->own && q.from_ip == a->own) {
        defend(a, q.from);
        return;
    }
    p = q.from_ip ? find(a, q.from_ip) : NULL;
    if (p)
        learn(p, q.from);
    if (!a->own || q.to_ip != a->own || q.operation != REQUEST)
        return;
    if (!p && q.from_ip)
        learn(take_place(a, q.from_ip), q.from);
    answer(a, &q);
}

static void announce_when_up(void *ctx)
{
    struct arp *a = ctx;
    bool        was_up = a->net->up;

    while (wait_until(&a->net->changed, FOREVER) == OK) {
        if (a->net->up && !was_up && a->own)
            arp_set_address(a, ipv4_of_number(a->own));
        was_up = a->net->up;
    }
}

enum status arp_connect(struct ethernet *e, struct arp **made)
{
    struct arp *a = calloc(1, sizeof *a);

    if (!a)
        return ERR_NO_MEMORY;
    a->ethernet = e;
    a->net = ethernet_network(e);
    a->announce.ring = announce_again;
    a->announce.ctx = a;
    /* A fiber that has begun cannot be taken back: a stays, then. */
    if (wheel_start(&a->wheel) != OK ||
        fiber_start_with(&(struct fiber_options){.name = "arp"}, announce_when_up, a) != OK)
        return ERR_NO_MEMORY;
    ethernet_listen(e, ETHERTYPE_ARP, input, a);
    *made = a;
    return OK;
}

void arp_set_address(struct arp *a, struct ip_address ip)
{
    a->own = ipv4_number(ip);
    a->defended = 0;
    wheel_clear(&a->wheel, &a->announce);
    if (!a->own)
        return;
    if (a->net->up)
        announce(a);
    wheel_set(&a->wheel, &a->announce, time_after(ANNOUNCE));
}

static enum status wait_for_answer(struct arp *a, nanoseconds length,
                                   nanoseconds deadline)
{
    nanoseconds until = time_after(length);

    while (!a->probe_failed) {
        enum status s = wait_until(&a->probing,
                                   until < deadline ? until : deadline);

        if (s == ERR_TIMEOUT && time_now() >= until)
            return OK;
        if (s != OK)
            return s;
    }
    return ERR_IN_USE;
}

enum status arp_probe(struct arp *a, struct ip_address ip,
                      nanoseconds deadline)
{
    enum status s = OK;

    while (!a->net->up)
        if ((s = wait_until(&a->net->changed, deadline)) != OK)
            return s;
    a->probed = ipv4_number(ip);
    a->probe_failed = false;
    for (int i = 0; i < PROBES && s == OK; i++) {
        send(a, REQUEST, everyone, 0, (struct mac){{0}}, a->probed);
        s = wait_for_answer(
            a, PROBE_WAIT + random_below(100) * MILLISECOND, deadline);
    }
    if (s == OK)
        s = wait_for_answer(a, LAST_WAIT, deadline);
    a->probed = 0;
    return s;
}

void arp_on_conflict(struct arp *a, arp_conflict *fn, void *ctx)
{
    a->on_conflict = fn;
    a->conflict_ctx = ctx;
}

void arp_on_silence(struct arp *a, arp_silent *fn, void *ctx)
{
    a->on_silence = fn;
    a->silence_ctx = ctx;
}

void arp_write(struct arp *a, struct ip_address to, struct buf *packet)
{
    uint32_t      ip = ipv4_number(to);
    struct place *p = find(a, ip);

    if (!p) {
        p = take_place(a, ip);
        ask(p);
    }
    p->used = ++a->uses;
    if (p->state == KNOWN) {
        if (time_now() - p->confirmed > FRESH && !wheel_is_set(&p->timer))
            ask(p);
        ethernet_write(a->ethernet, p->mac, ETHERTYPE_IPV4, packet);
        return;
    }
    /* The oldest goes (RFC 1122, 2.3.2.2); when pages are scarce, each waits
     * alone. */
    if (p->waiting_count == QUEUE ||
        (p->waiting_count > 0 && buf_pages_free() < buf_pages() / 4)) {
        buf_free(p->waiting[0]);
        memmove(p->waiting, p->waiting + 1,
                (QUEUE - 1) * sizeof *p->waiting);
        p->waiting_count--;
    }
    p->waiting[p->waiting_count++] = packet;
}

struct wheel *arp_wheel(struct arp *a)
{
    return &a->wheel;
}

struct ethernet *arp_ethernet(const struct arp *a)
{
    return a->ethernet;
}
