/* SPDX-License-Identifier: ISC */
/*
 * ICMP of a host (RFC 792; RFC 1122, 3.2.2): echo in both directions, and error
 * messages, with the limits of RFC 1812, 4.3.2.8.
 */
#include "siphash.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/fiber.h>
#include <mirage/icmpv4.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/stackv4.h>
#include <stdlib.h>
#include <string.h>

#define HEADER      8
#define ECHO_REPLY  0
#define UNREACHABLE 3
#define ECHO        8
#define EXCEEDED    11
#define PINGS       16
#define BURST       100 /* errors to all, and as many a second, at most */
#define SHARE       10 /* the same to one destination */
#define SHARES      256 /* buckets of destinations, by hash */
#define QUOTE       64 /* bytes of the payload in an error, at most */

struct ping {
    bool used, answered, right;
    uint16_t id;
    struct ip_address to;
    size_t len;
    enum status status;
    nanoseconds came;
    struct waiters waiting;
};

/* A token bucket of error messages. */
struct bucket {
    nanoseconds refilled;
    unsigned tokens;
};

struct icmpv4 {
    struct ipv4 *ip;
    struct siphash_key key;
    struct bucket all, share[SHARES];
    struct ping ping[PINGS];
};

/* The data of our echo requests. */
static uint8_t letter(size_t i)
{
    return (uint8_t)('a' + i % 23);
}

/* A bucket that is full when a token is first spent, and needs no random number
 * until then. */
static struct bucket full_bucket(void)
{
    return (struct bucket){.refilled = time_now() - 2 * SECOND};
}

/* Removes a token from a bucket with a capacity of `burst`, and as many new
 * ones a second, at most. Refill and capacity vary at random, down to none and
 * to half. False: it is empty. */
static bool spend_token(struct bucket *b, unsigned burst)
{
    nanoseconds now = time_now();
    nanoseconds more = (now - b->refilled) / (SECOND / burst);

    if (more > 0) {
        unsigned most = burst - random_below(burst / 2 + 1);

        b->refilled = now;
        b->tokens += random_below(more < burst ? (unsigned)more + 1
                                               : burst + 1);
        if (more >= burst || b->tokens > most)
            b->tokens = most;
    }
    if (b->tokens == 0)
        return false;
    b->tokens--;
    return true;
}

/*
 * Whether an error may be sent (RFC 1812, 4.3.2.8). An exact limit is a side
 * channel: an attacker that sends probes with spoofed addresses, and counts the
 * errors that are left for itself, learns which probes found an open port
 * (CVE-2020-25705). So the limit varies at random, and each destination has a
 * share, which is spent first: exhausting it tells nothing about others.
 */
static bool may_send_error(struct icmpv4 *icmp, struct ip_address to)
{
    uint64_t hash = siphash(&icmp->key, &to, sizeof to);

    return spend_token(&icmp->share[hash % SHARES], SHARE) &&
           spend_token(&icmp->all, BURST);
}

/* RFC 792: a header of four bytes and four that are zero, then the header of
 * the packet and the first bytes of its payload. */
static void send_error(void *ctx, const struct ipv4_packet *packet,
                       const struct buf *payload, uint8_t type, uint8_t code)
{
    struct icmpv4 *icmp = ctx;
    size_t len = buf_length(payload);
    size_t quote = min(len, (size_t)QUOTE);
    struct ipv4_packet answer = {.to = packet->from,
                                 .protocol = PROTOCOL_ICMP};
    struct buf *b;
    uint8_t *p, *header;

    /* Not about ICMP messages but echo requests (RFC 1122, 3.2.2). */
    if (packet->protocol == PROTOCOL_ICMP && len > 0 &&
        payload->data[0] != ECHO)
        return;
    if (!may_send_error(icmp, packet->from) || !(b = buf_new(IPV4_HEADROOM)))
        return;
    p = buf_append(b, HEADER + IPV4_HEADER + quote);
    memset(p, 0, HEADER);
    p[0] = type;
    p[1] = code;
    header = p + HEADER;
    header[0] = 0x45;
    header[1] = packet->service;
    put_be16(header + 2, (uint16_t)(IPV4_HEADER + len));
    put_be16(header + 4, packet->id);
    put_be16(header + 6, packet->whole ? 0x4000 : 0);
    header[8] = packet->ttl;
    header[9] = packet->protocol;
    put_be16(header + 10, 0);
    put_be32(header + 12, ipv4_number(packet->from));
    put_be32(header + 16, ipv4_number(packet->to));
    put_be16(header + 10,
             checksum_finish(checksum_add(0, header, IPV4_HEADER)));
    buf_copy_out(payload, 0, header + IPV4_HEADER, quote);
    put_be16(p + 2, checksum_finish(checksum_add(0, p, b->len)));
    if (ipv4_write(icmp->ip, &answer, b) != OK)
        return; /* there is no route to the sender: nothing can be done */
}

/* Sends back the bufs of the request, which have no other windows. */
static void answer_echo(struct icmpv4 *icmp, const struct ipv4_packet *packet,
                        struct buf *b)
{
    struct ipv4_packet answer = {.to = packet->from,
                                 .protocol = PROTOCOL_ICMP,
                                 .service = packet->service};
    uint32_t sum = get_be16(b->data + 2);

    if (packet->to_many) { /* RFC 1122, 3.2.2.6 allows not to reply */
        buf_free(b);
        return;
    }
    b->data[0] = ECHO_REPLY;
    sum += ECHO << 8; /* RFC 1624; the field has the complement of the sum */
    put_be16(b->data + 2, (uint16_t)(sum + (sum >> 16)));
    b->offload = (struct offload){0};
    if (ipv4_write(icmp->ip, &answer, b) != OK)
        return; /* as above */
}

static struct ping *ping_of(struct icmpv4 *icmp, uint16_t id)
{
    for (int i = 0; i < PINGS; i++)
        if (icmp->ping[i].used && icmp->ping[i].id == id)
            return &icmp->ping[i];
    return NULL;
}

static bool has_sent_data(const struct buf *b, size_t len)
{
    size_t at = 0;

    for (size_t skip = HEADER; b; b = b->next, skip = 0)
        for (size_t i = skip; i < b->len; i++, at++)
            if (b->data[i] != letter(at))
                return false;
    return at == len;
}

static void finish_ping(struct ping *p, enum status s)
{
    p->answered = true;
    p->status = s;
    p->came = time_now();
    wake_all(&p->waiting);
}

static void process_reply(struct icmpv4 *icmp, const struct ipv4_packet *packet,
                          const struct buf *b)
{
    struct ping *p = ping_of(icmp, get_be16(b->data + 4));

    if (p && !p->answered && ip_equal(p->to, packet->from))
        finish_ping(p, has_sent_data(b, p->len) ? OK : ERR_CORRUPT);
}

/* RFC 1122, 3.2.2.1 */
static enum status status_of(uint8_t type, uint8_t code)
{
    if (type == EXCEEDED)
        return ERR_TIMEOUT;
    return code == 2 || code == 3 ? ERR_REFUSED
           : code == 4            ? ERR_RANGE
                                  : ERR_UNREACHABLE;
}

/* An error about a packet that we have sent, as it says. */
static void process_error(struct icmpv4 *icmp, const struct buf *b)
{
    const uint8_t *p = b->data + HEADER;
    size_t header;
    struct ipv4_packet packet;
    struct ipv4_error error = {status_of(b->data[0], b->data[1]), 0};

    if (b->len < HEADER + IPV4_HEADER + 8)
        return;
    header = 4 * (size_t)(p[0] & 15);
    if (p[0] >> 4 != 4 || header < IPV4_HEADER ||
        b->len < HEADER + header + 8)
        return;
    packet = (struct ipv4_packet){.from = ipv4_of_number(get_be32(p + 12)),
                                  .to = ipv4_of_number(get_be32(p + 16)),
                                  .protocol = p[9],
                                  .id = get_be16(p + 4)};
    if (!ip_equal(packet.from, ipv4_own(icmp->ip)))
        return;
    if (error.status == ERR_RANGE)
        error.mtu = get_be16(b->data + 6); /* RFC 1191, 4 */
    ipv4_failed(icmp->ip, &packet, p + header, b->len - HEADER - header,
                &error);
}

static void input(void *ctx, const struct ipv4_packet *packet, struct buf *b)
{
    struct icmpv4 *icmp = ctx;
    size_t len = buf_length(b);

    b = buf_pullup(b, len < HEADER + 60 + 8 ? len : HEADER + 60 + 8);
    if (!b)
        return;
    if (len < HEADER ||
        checksum_finish(checksum_add_bufs(0, b, 0, len)) != 0) {
        buf_free(b);
        return;
    }
    switch (b->data[0]) {
    case ECHO:
        answer_echo(icmp, packet, b);
        return;
    case ECHO_REPLY:
        process_reply(icmp, packet, b);
        break;
    case UNREACHABLE:
    case EXCEEDED:
        process_error(icmp, b);
        break;
    default:
        break;
    }
    buf_free(b);
}

/* An ICMP error was received for an echo request of ours. */
static void on_icmp_error(void *ctx, const struct ipv4_packet *packet,
                          const uint8_t *start, size_t len,
                          const struct ipv4_error *error)
{
    struct ping *p = len >= 6 && start[0] == ECHO
                         ? ping_of(ctx, get_be16(start + 4))
                         : NULL;

    if (p && !p->answered && ip_equal(p->to, packet->to))
        finish_ping(p, error->status);
}

enum status icmpv4_connect(struct ipv4 *ip, struct icmpv4 **made)
{
    struct icmpv4 *icmp = calloc(1, sizeof *icmp);

    if (!icmp)
        return ERR_NO_MEMORY;
    icmp->ip = ip;
    random_bytes(&icmp->key, sizeof icmp->key);
    icmp->all = full_bucket();
    for (int i = 0; i < SHARES; i++)
        icmp->share[i] = full_bucket();
    ipv4_listen(ip, PROTOCOL_ICMP, input, on_icmp_error, icmp);
    ipv4_on_refusal(ip, send_error, icmp);
    *made = icmp;
    return OK;
}

static enum status send_echo(struct icmpv4 *icmp, struct ping *p)
{
    struct ipv4_packet packet = {.to = p->to, .protocol = PROTOCOL_ICMP};
    uint8_t header[HEADER] = {ECHO};
    struct buf *b;
    size_t at = 0;

    put_be16(header + 4, p->id);
    b = buf_copy_in(header, HEADER, IPV4_HEADROOM);
    for (struct buf *last = b; last && at < p->len;) {
        size_t n = buf_tailroom(last) & ~(size_t)1;

        n = min(n, p->len - at);
        for (uint8_t *to = buf_append(last, n); n > 0; n--)
            *to++ = letter(at++);
        if (at < p->len) {
            last->next = buf_new(0);
            if (!last->next) {
                buf_free(b);
                b = NULL;
            }
        }
        last = b ? last->next : NULL;
    }
    if (!b)
        return ERR_NO_MEMORY;
    put_be16(b->data + 2,
             checksum_finish(checksum_add_bufs(0, b, 0, HEADER + p->len)));
    return ipv4_write(icmp->ip, &packet, b);
}

enum status icmpv4_ping(struct icmpv4 *icmp, struct ip_address to, size_t len,
                        nanoseconds deadline, nanoseconds *took)
{
    struct ping *p = icmp->ping;
    nanoseconds began = time_now();
    enum status s;

    if (len > UDP_MOST)
        return ERR_RANGE;
    while (p < icmp->ping + PINGS && p->used)
        p++;
    if (p == icmp->ping + PINGS)
        return ERR_IN_USE;
    *p = (struct ping){.to = to, .len = len};
    do
        p->id = (uint16_t)random_below(65536);
    while (ping_of(icmp, p->id));
    p->used = true;
    s = send_echo(icmp, p);
    while (s == OK && !p->answered)
        s = wait_until(&p->waiting, deadline);
    p->used = false;
    if (s != OK)
        return s;
    if (p->status == OK)
        *took = p->came - began;
    return p->status;
}

void icmpv4_disconnect(struct icmpv4 *icmp)
{
    ipv4_listen(icmp->ip, PROTOCOL_ICMP, NULL, NULL, NULL);
    ipv4_on_refusal(icmp->ip, NULL, NULL);
    free(icmp);
}
