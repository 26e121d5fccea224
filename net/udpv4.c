/* SPDX-License-Identifier: ISC */
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/random.h>
#include <mirage/udpv4.h>
#include <stdlib.h>
#include <string.h>

#define HEADER    8
#define BUCKETS   64
#define LISTENERS 4096  /* at once */
#define EPHEMERAL 49152 /* the first of them (RFC 6335, 6) */

struct listener {
    struct listener *next;
    uint16_t         port;
    bool             is_connected;
    struct endpoint  peer; /* if it is */
    udp_handler     *fn;
    void            *ctx;
    bool             refused; /* by the peer, since the last write */
};

struct udpv4 {
    struct ipv4     *ip;
    struct listener *bucket[BUCKETS];
    unsigned         count;
    uint64_t         in, malformed, no_port, out;
};

static struct listener **place_of(struct udpv4 *udp, uint16_t port)
{
    struct listener **at = &udp->bucket[port % BUCKETS];

    while (*at && (*at)->port != port)
        at = &(*at)->next;
    return at;
}

/* The header, checked against the datagram, of which more may be there than
 * the header says: that is cut off. */
static bool check(const struct ipv4_packet *packet, struct buf *b)
{
    size_t total = buf_length(b), len = get_be16(b->data + 4);

    if (len < HEADER || len > total || get_be16(b->data) == 0)
        return false;
    if (len < total)
        buf_cut(b, len);
    if (b->offload.csum_good || get_be16(b->data + 6) == 0)
        return true;
    return checksum_fold(checksum_add_bufs(
               checksum_pseudo(packet->from, packet->to, PROTOCOL_UDP, len), b,
               0, len)) == 0xffff;
}

/* Hands b to who listens; what is several datagrams that a device has joined,
 * as those. The listener may be ended by what it hears. */
static void hand_over(struct udpv4 *udp, struct endpoint from,
                      struct endpoint to, const struct buf *b)
{
    size_t len = buf_length(b), at = 0, n = len;

    if (b->offload.segment && b->offload.segment < n)
        n = b->offload.segment;
    do {
        const struct listener *l = *place_of(udp, to.port);
        struct buf            *one = n < len ? buf_share_list(b, at, n) : NULL;

        if (!l || (n < len && !one)) {
            buf_free(one);
            return;
        }
        udp->in++;
        l->fn(l->ctx, from, to, one ? one : b);
        buf_free(one);
        at += n;
        if (n > len - at)
            n = len - at;
    } while (at < len);
}

static void input(void *ctx, const struct ipv4_packet *packet, struct buf *b)
{
    struct udpv4    *udp = ctx;
    struct listener *l;
    struct endpoint  from = {packet->from, 0}, to = {packet->to, 0};

    b = buf_pull(b, HEADER);
    if (!b || !check(packet, b)) {
        udp->malformed++;
        buf_free(b);
        return;
    }
    from.port = get_be16(b->data);
    to.port = get_be16(b->data + 2);
    l = *place_of(udp, to.port);
    if (!l || (l->is_connected && (l->peer.port != from.port ||
                                   !ip_equal(l->peer.ip, from.ip)))) {
        udp->no_port++;
        if (!l)
            ipv4_refuse(udp->ip, packet, b, 3, 3);
        buf_free(b);
        return;
    }
    buf_trim(b, HEADER);
    hand_over(udp, from, to, b);
    buf_free(b);
}

static void failed(void *ctx, const struct ipv4_packet *packet,
                   const uint8_t *start, size_t len,
                   const struct ipv4_error *error)
{
    struct listener *l = len >= 4 ? *place_of(ctx, get_be16(start)) : NULL;

    if (l && l->is_connected && error->status == ERR_REFUSED &&
        l->peer.port == get_be16(start + 2) &&
        ip_equal(l->peer.ip, packet->to))
        l->refused = true;
}

enum status udpv4_connect(struct ipv4 *ip, struct udpv4 **made)
{
    struct udpv4 *udp = calloc(1, sizeof *udp);

    if (!udp)
        return ERR_NO_MEMORY;
    udp->ip = ip;
    ipv4_listen(ip, PROTOCOL_UDP, input, failed, udp);
    *made = udp;
    return OK;
}

enum status udpv4_listen(struct udpv4 *udp, uint16_t port, udp_handler *fn,
                         void *ctx)
{
    struct listener **at = place_of(udp, port), *l = *at;

    if (!fn) {
        if (l) {
            *at = l->next;
            udp->count--;
            free(l);
        }
        return OK;
    }
    if (!l) {
        if (udp->count == LISTENERS || !(l = calloc(1, sizeof *l)))
            return ERR_NO_MEMORY;
        l->port = port;
        *at = l;
        udp->count++;
    }
    l->is_connected = false;
    l->fn = fn;
    l->ctx = ctx;
    return OK;
}

/* RFC 6056, 3.3.1: any port, by chance, that nobody has. */
static uint16_t free_port(struct udpv4 *udp)
{
    for (int tries = 0; tries < 100; tries++) {
        uint16_t port = (uint16_t)(EPHEMERAL + random_below(65536 - EPHEMERAL));

        if (!*place_of(udp, port))
            return port;
    }
    return 0;
}

enum status udpv4_open(struct udpv4 *udp, const struct endpoint *peer,
                       udp_handler *fn, void *ctx, uint16_t *port)
{
    uint16_t    p = free_port(udp);
    enum status s;

    if (p == 0)
        return ERR_IN_USE;
    s = udpv4_listen(udp, p, fn, ctx);
    if (s != OK)
        return s;
    if (peer) {
        struct listener *l = *place_of(udp, p);

        l->is_connected = true;
        l->peer = *peer;
    }
    *port = p;
    return OK;
}

enum status udpv4_write_bufs(struct udpv4 *udp, uint16_t from,
                             struct endpoint to, struct buf *data)
{
    struct ipv4_packet packet = {.from = ipv4_own(udp->ip),
                                 .to = to.ip,
                                 .protocol = PROTOCOL_UDP};
    struct listener   *l = from ? *place_of(udp, from) : NULL;
    size_t             len = HEADER + buf_length(data);
    size_t             most = data->offload.segment;
    uint8_t           *p;

    if (most == 0)
        most = UDP_MOST;
    if (l && l->refused) {
        l->refused = false;
        buf_free(data);
        return ERR_REFUSED;
    }
    if (len > HEADER + UDP_MOST ||
        (most < len - HEADER &&
         IPV4_HEADER + HEADER + most > ipv4_mtu(udp->ip))) {
        buf_free(data);
        return ERR_RANGE;
    }
    if (from == 0 && (from = free_port(udp)) == 0) {
        buf_free(data);
        return ERR_IN_USE;
    }
    p = buf_prepend(data, HEADER);
    put_be16(p, from);
    put_be16(p + 2, to.port);
    put_be16(p + 4, (uint16_t)len);
    put_be16(p + 6, checksum_fold(checksum_pseudo(packet.from, to.ip,
                                                  PROTOCOL_UDP, len)));
    data->offload = (struct offload){
        .csum_offset = 6,
        .segment = most < len - HEADER ? (uint16_t)most : 0,
    };
    udp->out += most < len - HEADER ? (len - HEADER + most - 1) / most : 1;
    return ipv4_write(udp->ip, &packet, data);
}

enum status udpv4_write(struct udpv4 *udp, uint16_t from, struct endpoint to,
                        const void *data, size_t len)
{
    struct buf *b = buf_copy_in(data, len, IPV4_HEADROOM + HEADER);

    if (!b)
        return ERR_NO_MEMORY;
    return udpv4_write_bufs(udp, from, to, b);
}

void udpv4_counters(const struct udpv4 *udp, counter_handler *fn, void *ctx)
{
    fn(ctx, "udp_in", udp->in);
    fn(ctx, "udp_malformed", udp->malformed);
    fn(ctx, "udp_no_port", udp->no_port);
    fn(ctx, "udp_out", udp->out);
}
