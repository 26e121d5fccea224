/* SPDX-License-Identifier: ISC */
/*
 * The cache is a fixed number of places, found by hash. A place whose host is
 * known for a minute is asked for again at its next use, by unicast, and used
 * meanwhile (RFC 1122, 2.3.2.1).
 *
 * ARP has no authentication, so that a request costs a forger nothing. Forged
 * requests take no place that is in use, and a claim that a known host has
 * another Ethernet address is believed only when the old one stays silent.
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
#define IN_USE     (60 * SECOND) /* after the last packet to a host */
#define CHECKS     3 /* questions to the old address */
#define CHECK_WAIT (250 * MILLISECOND)
#define CHECK_GAP  (100 * MILLISECOND) /* between two checks of a host */
#define LINES      8 /* of a kind, until a period without */
#define PERIOD     (60 * SECOND)
#define PERIOD_MAX (4 * 3600 * SECOND)
#define ANNOUNCE   (2 * SECOND) /* RFC 5227, 1.1 */
#define DEFEND     (10 * SECOND) /* the same */

/* CHECKED: known by mac, but claimed by another address; mac is asked. */
enum state { FREE,
             ASKED,
             KNOWN,
             CHECKED };

enum line { LINE_ANSWER,
            LINE_UPDATE,
            LINE_QUESTION,
            LINE_TIMEOUT,
            LINE_ANNOUNCE,
            LINE_CLAIM,
            LINE_CONFLICT,
            LINE_KINDS };

static const char *const line_names[] = {
    "responding to who-has", "updating", "transmitting probe",
    "timeout", "sending gratuitous", "a claim that a known host has moved",
    "a claim of our own address"};

/* Lines of one kind. The first are logged. Then, until there is a period
 * without any, they are only counted, so that others' packets do not push
 * everything else out of the log. */
struct lines {
    struct arp *arp;
    unsigned logged;
    unsigned left_out; /* in this period */
    bool was_any; /* in this period */
    nanoseconds period;
    struct wheel_timer timer; /* its end */
};

struct place {
    struct arp *arp;
    struct place *next; /* in its bucket */
    enum state state;
    uint32_t ip;
    struct mac mac;
    struct mac claimed; /* while CHECKED: the latest claim */
    uint64_t used; /* the larger the later */
    nanoseconds written; /* when the last packet was; 0: never */
    nanoseconds confirmed, checked;
    bool is_router; /* packets to other hosts went there */
    unsigned tries; /* questions without an answer */
    struct buf *waiting[QUEUE];
    unsigned waiting_count;
    struct wheel_timer timer;
};

struct arp {
    struct ethernet *ethernet;
    struct network *net;
    struct wheel wheel;
    uint32_t own, mask;
    nanoseconds defended; /* when; 0: never */
    struct wheel_timer announce;
    uint32_t probed; /* 0: no address */
    bool probe_failed;
    struct waiters probing;
    arp_conflict *on_conflict;
    void *conflict_ctx;
    arp_silent *on_silence;
    void *silence_ctx;
    struct lines lines[LINE_KINDS];
    uint64_t uses;
    struct place *bucket[BUCKETS];
    struct place place[PLACES];
};

static const struct mac everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct mac nobody;

static void send(struct arp *a, uint16_t operation, struct mac to,
                 uint32_t from_ip, struct mac target, uint32_t target_ip)
{
    static const uint8_t start[] = {0, 1, 8, 0, 6, 4};
    struct buf *b = buf_new(ETHERNET_HEADER);
    uint8_t *p;

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

/* Whether the next line of a kind is logged; if not it is counted. */
static bool is_logged(struct arp *a, enum line kind)
{
    struct lines *l = &a->lines[kind];

    l->was_any = true;
    if (l->logged == LINES) {
        l->left_out++;
        return false;
    }
    if (l->logged++ == 0)
        wheel_set(&a->wheel, &l->timer, time_after(l->period));
    return true;
}

/* While there are lines the periods get longer: an attack that lasts for days
 * leaves a line every four hours. */
static void end_period(void *ctx)
{
    struct lines *l = ctx;

    if (!l->was_any) {
        l->logged = 0;
        l->period = PERIOD;
        return;
    }
    if (l->left_out > 0)
        log_info(&arp, "ARP: %u more lines in %u s: %s", l->left_out,
                 (unsigned)(l->period / SECOND),
                 line_names[l - l->arp->lines]);
    l->left_out = 0;
    l->was_any = false;
    l->period = l->period < PERIOD_MAX / 2 ? 2 * l->period : PERIOD_MAX;
    wheel_set(&l->arp->wheel, &l->timer, time_after(l->period));
}

static void announce(struct arp *a)
{
    if (is_logged(a, LINE_ANNOUNCE))
        log_info(&arp, "ARP: sending gratuitous from %s",
                 ip_text(ipv4_of_number(a->own)).s);
    send(a, REQUEST, everyone, a->own, nobody, a->own);
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

/* Tells the writers of packets that waited in vain. They may write to others at
 * once, and get the place, so that it must be free by now. */
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
    struct arp *a = p->arp;
    struct place **at = bucket_of(a, p->ip);
    unsigned count = p->waiting_count;

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

    if (is_logged(a, LINE_QUESTION))
        log_info(&arp, "ARP: transmitting probe -> %s",
                 ip_text(ipv4_of_number(p->ip)).s);
    send(a, REQUEST, p->state == KNOWN ? p->mac : everyone, a->own,
         nobody, p->ip);
    p->tries++;
    wheel_set(&a->wheel, &p->timer, time_after(ASK_AGAIN));
}

static void learn(struct place *p, struct mac mac);

/* One more question to the address that a host had; if that stays silent, the
 * host has moved. In all that takes less than a second. */
static void check(struct place *p)
{
    struct arp *a = p->arp;

    if (p->tries == CHECKS) {
        learn(p, p->claimed);
        return;
    }
    if (p->tries++ == 0)
        p->checked = time_now();
    send(a, REQUEST, p->mac, a->own, nobody, p->ip);
    wheel_set(&a->wheel, &p->timer, time_after(CHECK_WAIT));
}

static void ring(void *ctx)
{
    struct place *p = ctx;
    struct buf *waiting[QUEUE];
    unsigned count;

    if (p->state == CHECKED) {
        check(p);
        return;
    }
    if (p->tries < TRIES) {
        ask(p);
        return;
    }
    if (is_logged(p->arp, LINE_TIMEOUT))
        log_info(&arp, "ARP: timeout %s", ip_text(ipv4_of_number(p->ip)).s);
    count = forget(p, waiting);
    give_up(p->arp, p->ip, waiting, count);
}

static bool is_in_use(const struct place *p, nanoseconds now)
{
    return p->waiting_count > 0 || p->is_router ||
           (p->written && now - p->written < IN_USE);
}

/* The place to take, in the order of use; NULL: none. A request that comes
 * takes none that is in use. A packet of ours may, but not a router's: first
 * those out of use; then, once half of all places wait for answers, the oldest
 * of these, so that traffic to hosts that do not exist does not make us forget
 * those that do. */
static struct place *least_used(struct arp *a, bool is_for_packet)
{
    nanoseconds now = time_now();
    struct place *idle = NULL, *known = NULL, *asked = NULL;
    unsigned asked_count = 0;

    for (size_t i = 0; i < PLACES; i++) {
        struct place *p = &a->place[i], **least = &known;

        if (p->state == FREE)
            return p;
        asked_count += p->state == ASKED;
        if (p->is_router)
            continue;
        if (!is_in_use(p, now))
            least = &idle;
        else if (p->state == ASKED)
            least = &asked;
        if (!*least || p->used < (*least)->used)
            *least = p;
    }
    if (idle || !is_for_packet)
        return idle;
    return asked && (asked_count >= PLACES / 2 || !known) ? asked : known;
}

/* NULL: there is none, and the packet is not worth one. */
static struct place *take_place(struct arp *a, uint32_t ip, bool is_for_packet)
{
    struct place *p = least_used(a, is_for_packet);
    struct place **at = bucket_of(a, ip);
    struct buf *waiting[QUEUE];
    uint32_t before;
    unsigned count;

    if (!p)
        return NULL;
    before = p->ip;
    count = p->state == FREE ? 0 : forget(p, waiting);
    p->arp = a;
    p->ip = ip;
    p->state = ASKED;
    p->tries = 0;
    p->used = ++a->uses;
    p->written = p->checked = 0;
    p->is_router = false;
    p->timer.ring = ring;
    p->timer.ctx = p;
    p->next = *at;
    *at = p;
    give_up(a, before, waiting, count);
    return p;
}

/* The host at ip has this Ethernet address from now on. */
static void learn(struct place *p, struct mac mac)
{
    struct arp *a = p->arp;
    struct buf *waiting[QUEUE];
    unsigned count = p->waiting_count;

    if ((p->state == ASKED || !mac_equal(p->mac, mac)) &&
        is_logged(a, LINE_UPDATE))
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

/* A known host is said to have another address: it may have moved, a standby
 * router may have taken over, or somebody lies. The old address is asked. */
static void claim(struct place *p, struct mac mac)
{
    p->claimed = mac;
    if (p->state == CHECKED)
        return;
    p->state = CHECKED;
    p->tries = 0;
    if (p->checked && time_now() < p->checked + CHECK_GAP)
        wheel_set(&p->arp->wheel, &p->timer, p->checked + CHECK_GAP);
    else
        check(p);
}

/* The host of a place has answered, asked, or announced itself. */
static void hear(struct place *p, struct mac mac)
{
    if (p->state == ASKED || mac_equal(p->mac, mac)) {
        if (p->state == CHECKED && is_logged(p->arp, LINE_CLAIM))
            log_info(&arp, "ARP: %s says that it has %s, but %s still answers",
                     mac_text(p->claimed).s, ip_text(ipv4_of_number(p->ip)).s,
                     mac_text(p->mac).s);
        learn(p, mac);
    } else {
        claim(p, mac);
    }
}

/* RFC 5227, 2.4: we defend ourselves once; then somebody has to give way. */
static void defend(struct arp *a, struct mac other)
{
    nanoseconds now = time_now();
    bool again = a->defended && now - a->defended < DEFEND;

    if (!again) {
        if (is_logged(a, LINE_CONFLICT))
            log_warning(&arp, "%s says that it has our address %s",
                        mac_text(other).s, ip_text(ipv4_of_number(a->own)).s);
        a->defended = now;
        announce(a);
    } else if (a->on_conflict) {
        a->on_conflict(a->conflict_ctx, ipv4_of_number(a->own), other);
    }
}

struct arp_packet {
    uint16_t operation;
    struct mac from, to;
    uint32_t from_ip, to_ip;
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
           (p[8] & 1) == 0 && !mac_equal(packet->from, nobody) &&
           packet->from_ip >> 28 < 14;
}

static void answer(struct arp *a, const struct arp_packet *q)
{
    if (is_logged(a, LINE_ANSWER))
        log_info(&arp, "ARP responding to: who-has %s?",
                 ip_text(ipv4_of_number(a->own)).s);
    send(a, REPLY, q->from, a->own, q->from, q->from_ip);
}

/* Whether ip can be another host's on our network. */
static bool is_neighbour(const struct arp *a, uint32_t ip)
{
    uint32_t host = ip & ~a->mask;

    return ((ip ^ a->own) & a->mask) == 0 && ip >> 24 != 0 && ip >> 24 != 127 &&
           (a->mask >= 0xfffffffe || (host != 0 && host != ~a->mask));
}

/* The sender in the packet counts, not that of the frame: a router that stands
 * for another (RFC 9568, 8.1.2) and a bridge differ in them. */
static void input(void *ctx, struct mac from, bool to_many, struct buf *b)
{
    struct arp *a = ctx;
    struct arp_packet q;
    struct place *p;

    (void)from;
    (void)to_many;
    b = buf_pull(b, PACKET);
    if (!b || !parse(b->data, b->len, &q) ||
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
        hear(p, q.from);
    if (!a->own || q.to_ip != a->own || q.operation != REQUEST)
        return;
    if (!p && is_neighbour(a, q.from_ip) &&
        (p = take_place(a, q.from_ip, false)) != NULL)
        learn(p, q.from);
    answer(a, &q);
}

static void begin_announcing(struct arp *a)
{
    a->defended = 0;
    if (a->net->up)
        announce(a);
    wheel_set(&a->wheel, &a->announce, time_after(ANNOUNCE));
}

static void announce_when_up(void *ctx)
{
    struct arp *a = ctx;
    bool was_up = a->net->up;

    while (wait_until(&a->net->changed, FOREVER) == OK) {
        if (a->net->up && !was_up && a->own)
            begin_announcing(a);
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
    for (size_t i = 0; i < LINE_KINDS; i++)
        a->lines[i] = (struct lines){
            .arp = a,
            .period = PERIOD,
            .timer = {.ring = end_period, .ctx = &a->lines[i]}};
    /* A fiber that has begun cannot be taken back: a stays, then. */
    if (wheel_start(&a->wheel) != OK ||
        fiber_start_as("arp", announce_when_up, a) != OK)
        return ERR_NO_MEMORY;
    ethernet_listen(e, ETHERTYPE_ARP, input, a);
    *made = a;
    return OK;
}

void arp_set_address(struct arp *a, struct ip_address ip, unsigned prefix)
{
    a->own = ipv4_number(ip);
    a->mask = prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
    a->defended = 0;
    wheel_clear(&a->wheel, &a->announce);
    for (size_t i = 0; i < PLACES; i++)
        a->place[i].is_router = false;
    if (a->own)
        begin_announcing(a);
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
        send(a, REQUEST, everyone, 0, nobody, a->probed);
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

/* Whether the host at ip gets packet, an IPv4 packet, to pass it on. */
static bool is_for_another(const struct buf *packet, uint32_t ip)
{
    return packet->len >= 20 && get_be32(packet->data + 16) != ip;
}

void arp_write(struct arp *a, struct ip_address to, struct buf *packet)
{
    uint32_t ip = ipv4_number(to);
    struct place *p = find(a, ip);
    nanoseconds now = time_now();

    if (!p) {
        p = take_place(a, ip, true);
        if (!p) { /* only routers are left */
            buf_free(packet);
            return;
        }
        ask(p);
    }
    p->used = ++a->uses;
    p->written = now;
    if (is_for_another(packet, ip))
        p->is_router = true;
    if (p->state == CHECKED) {
        ethernet_write(a->ethernet, p->mac, ETHERTYPE_IPV4, packet);
        return;
    }
    if (p->state == KNOWN) {
        if (now - p->confirmed > FRESH && !wheel_is_set(&p->timer))
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

bool arp_is_waiting(const struct arp *a)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (a->place[i].waiting_count > 0)
            return true;
    return false;
}

struct wheel *arp_wheel(struct arp *a)
{
    return &a->wheel;
}

struct ethernet *arp_ethernet(const struct arp *a)
{
    return a->ethernet;
}
