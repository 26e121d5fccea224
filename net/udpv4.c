/* SPDX-License-Identifier: ISC */
/*
 * UDP (RFC 768): listeners and datagrams. If the device segments UDP, answers
 * of equal length to one peer are sent as one packet: a handler's answers are
 * appended to a buffer, which is sent when all received frames are delivered.
 * Other datagrams are sent at once, after the buffer.
 */
#include "fiber_stop.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <mirage/panic.h>
#include <mirage/random.h>
#include <mirage/udpv4.h>
#include <stdlib.h>
#include <string.h>

#define HEADER    8
#define BUCKETS   64
#define LISTENERS 4096 /* at once */
#define EPHEMERAL 1024 /* the lowest ephemeral port (RFC 6056, 3.2) */
#define JOINED    64 /* datagrams in a packet; Linux accepts no more */

struct listener {
    struct udp_port port; /* number is that of every listener */
    struct udpv4 *udp;
    struct listener *next;
    bool is_opened; /* by udpv4_open_port */
    bool is_connected; /* receives from peer alone */
    struct endpoint peer; /* if it is */
    udp_handler *fn;
    void *ctx;
    bool refused; /* by the peer, since the last write */
};

/* Answers that are sent as one packet; the last may be shorter than the others.
 */
struct joined {
    struct buf *data; /* NULL: there is none */
    uint16_t from;
    struct endpoint to;
    size_t each, len; /* bytes */
};

struct udpv4 {
    struct ipv4 *ip;
    bool is_answering; /* a handler runs */
    struct joined joined;
    struct waiters joins; /* the fiber that sends them */
    struct fiber *sender; /* that one; NULL: the device does not cut */
    struct listener *bucket[BUCKETS];
    unsigned count;
    uint64_t in, malformed, no_port, out;
};

static struct listener **place_of(struct udpv4 *udp, uint16_t port)
{
    struct listener **at = &udp->bucket[port % BUCKETS];

    while (*at && (*at)->port.number != port)
        at = &(*at)->next;
    return at;
}

/* Validates the header, and cuts off bytes beyond the length that it states. A
 * source port of 0 is allowed: its sender wants no answer (RFC 768). */
static bool is_valid(const struct ipv4_packet *packet, struct buf *b)
{
    size_t total = buf_length(b), len = get_be16(b->data + 4);

    if (len < HEADER || len > total)
        return false;
    if (len < total)
        buf_cut(b, len);
    if (b->offload.csum_good || get_be16(b->data + 6) == 0)
        return true;
    return checksum_fold(checksum_add_bufs(
               checksum_pseudo(packet->from, packet->to, PROTOCOL_UDP, len), b,
               0, len)) == 0xffff;
}

/* Passes b to the listener; if a device has joined several datagrams, each of
 * them. The handler may end its listener. */
static void deliver(struct udpv4 *udp, struct endpoint from,
                    struct endpoint to, const struct buf *b)
{
    size_t len = buf_length(b), at = 0, n = len;

    if (b->offload.segment && b->offload.segment < n)
        n = b->offload.segment;
    do {
        const struct listener *l = *place_of(udp, to.port);
        struct buf *one = n < len ? buf_share_list(b, at, n) : NULL;

        if (!l || (n < len && !one)) {
            buf_free(one);
            return;
        }
        udp->in++;
        udp->is_answering = true;
        l->fn(l->ctx, from, to, one ? one : b);
        udp->is_answering = false;
        buf_free(one);
        at += n;
        if (n > len - at)
            n = len - at;
    } while (at < len);
}

static void input(void *ctx, const struct ipv4_packet *packet, struct buf *b)
{
    struct udpv4 *udp = ctx;
    struct listener *l;
    struct endpoint from = {packet->from, 0}, to = {packet->to, 0};

    b = buf_pullup(b, HEADER);
    if (!b || !is_valid(packet, b)) {
        udp->malformed++;
        buf_free(b);
        return;
    }
    from.port = get_be16(b->data);
    to.port = get_be16(b->data + 2);
    l = *place_of(udp, to.port);
    if (!l || (l->is_connected && (l->peer.port != from.port ||
                                   !ip_equal(l->peer.ip, from.ip)))) {
        /* A connected port answers other peers as a closed port does. If it was
         * silent, a port scan would find it (CVE-2020-25705). */
        udp->no_port++;
        ipv4_refuse(udp->ip, packet, b, 3, 3);
        buf_free(b);
        return;
    }
    buf_trim(b, HEADER);
    deliver(udp, from, to, b);
    buf_free(b);
}

static void on_icmp_error(void *ctx, const struct ipv4_packet *packet,
                          const uint8_t *start, size_t len,
                          const struct ipv4_error *error)
{
    struct listener *l = len >= 4 ? *place_of(ctx, get_be16(start)) : NULL;

    if (l && l->is_connected && error->status == ERR_REFUSED &&
        l->peer.port == get_be16(start + 2) &&
        ip_equal(l->peer.ip, packet->to))
        l->refused = true;
}

static void free_listener(struct listener *l)
{
    struct listener **at = place_of(l->udp, l->port.number);

    *at = l->next;
    l->udp->count--;
    free(l);
}

/* A listener on a port that has none; NULL: no memory, or too many. */
static struct listener *new_listener(struct udpv4 *udp, uint16_t port,
                                     udp_handler *fn, void *ctx)
{
    struct listener *l = udp->count < LISTENERS ? calloc(1, sizeof *l) : NULL;

    if (!l)
        return NULL;
    l->port.number = port;
    l->udp = udp;
    l->fn = fn;
    l->ctx = ctx;
    *place_of(udp, port) = l;
    udp->count++;
    return l;
}

enum status udpv4_listen(struct udpv4 *udp, uint16_t port, udp_handler *fn,
                         void *ctx)
{
    struct listener *l = *place_of(udp, port);

    if (!fn) {
        if (l && (!l->is_opened || l->port.by_number))
            free_listener(l);
        return OK;
    }
    if (!l)
        return new_listener(udp, port, fn, ctx) ? OK : ERR_NO_MEMORY;
    if (l->is_opened)
        return ERR_IN_USE;
    l->fn = fn;
    l->ctx = ctx;
    return OK;
}

/* A random port that has no listener (RFC 6056, 3.2 and 3.3.1); 0: none. */
static uint16_t free_port(struct udpv4 *udp)
{
    for (int tries = 0; tries < 100; tries++) {
        uint16_t port = (uint16_t)(EPHEMERAL + random_below(65536 - EPHEMERAL));

        if (!*place_of(udp, port))
            return port;
    }
    return 0;
}

static enum status write_bufs(struct udpv4 *udp, uint16_t from,
                              struct endpoint to, struct buf *data)
{
    struct ipv4_packet packet = {.from = ipv4_own(udp->ip),
                                 .to = to.ip,
                                 .protocol = PROTOCOL_UDP};
    struct listener *l = from ? *place_of(udp, from) : NULL;
    size_t len = HEADER + buf_length(data);
    size_t most = data->offload.segment;
    uint8_t *p;

    if (most == 0)
        most = UDP_MOST;
    if (l && l->refused) {
        l->refused = false;
        buf_free(data);
        return ERR_REFUSED;
    }
    if (to.port == 0) {
        buf_free(data);
        return ERR_UNREACHABLE;
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
        .kind = OFFLOAD_UDP_IPV4,
        .segment = most < len - HEADER ? (uint16_t)most : 0,
    };
    udp->out += most < len - HEADER ? (len - HEADER + most - 1) / most : 1;
    return ipv4_write(udp->ip, &packet, data);
}

static void send_joined(struct udpv4 *udp)
{
    struct joined *j = &udp->joined;
    struct buf *data = j->data;
    enum status s;

    if (!data)
        return;
    j->data = NULL;
    data->offload.segment = j->len > j->each ? (uint16_t)j->each : 0;
    s = write_bufs(udp, j->from, j->to, data);
    (void)s; /* it may be lost here as well as on the network */
}

/* Sends joined answers. Runs when the driver waits, and so has delivered all
 * frames. */
static void run_sender(void *ctx)
{
    struct udpv4 *udp = ctx;

    for (;;) {
        while (!udp->joined.data)
            if (wait_until(&udp->joins, FOREVER) == ERR_CANCELLED)
                return;
        send_joined(udp);
    }
}

/* Can an answer be appended to those that are there? */
static bool can_join(const struct joined *j, uint16_t from, struct endpoint to,
                     size_t len)
{
    return j->data && j->from == from && j->to.port == to.port &&
           ip_equal(j->to.ip, to.ip) && len <= j->each &&
           j->len % j->each == 0 && j->len / j->each < JOINED &&
           j->len + len <= UDP_MOST;
}

/* Appends an answer. False: there are no pages, and nothing was appended. */
static bool append_joined(struct joined *j, const uint8_t *data, size_t len)
{
    struct buf *last = buf_last(j->data), *more = NULL;
    size_t n = buf_tailroom(last) < len ? buf_tailroom(last) : len;

    if (n < len && !(more = buf_copy_in(data + n, len - n, 0)))
        return false;
    memcpy(buf_append(last, n), data, n);
    last->next = more;
    j->len += len;
    return true;
}

/* Joins a datagram to others, if it is an answer. False: it must be sent alone.
 */
static bool join(struct udpv4 *udp, uint16_t from, struct endpoint to,
                 const void *data, size_t len)
{
    struct joined *j = &udp->joined;
    const struct listener *l = *place_of(udp, from);

    if (!udp->is_answering || !l || l->refused || len == 0 ||
        !(ipv4_features(udp->ip) & NETWORK_UDP_SEGMENTS) ||
        IPV4_HEADER + HEADER + len > ipv4_mtu(udp->ip) ||
        !ipv4_reaches(udp->ip, to.ip))
        return false;
    if (!can_join(j, from, to, len)) {
        send_joined(udp);
        *j = (struct joined){buf_new(IPV4_HEADROOM + HEADER), from, to, len, 0};
        if (!j->data)
            return false;
        wake_one(&udp->joins);
    }
    if (append_joined(j, data, len))
        return true;
    if (j->len == 0) {
        buf_free(j->data);
        j->data = NULL;
    }
    return false;
}

enum status udpv4_write_bufs(struct udpv4 *udp, uint16_t from,
                             struct endpoint to, struct buf *data)
{
    send_joined(udp);
    return write_bufs(udp, from, to, data);
}

enum status udpv4_write(struct udpv4 *udp, uint16_t from, struct endpoint to,
                        const void *data, size_t len)
{
    struct buf *b;

    if (join(udp, from, to, data, len))
        return OK;
    b = buf_copy_in(data, len, IPV4_HEADROOM + HEADER);
    if (!b)
        return ERR_NO_MEMORY;
    return udpv4_write_bufs(udp, from, to, b);
}

static enum status write_port(struct udp_port *port, struct endpoint to,
                              const void *data, size_t len)
{
    const struct listener *l = containing(port, struct listener, port);

    if (ipv4_number(ipv4_own(l->udp->ip)) == 0)
        return ERR_UNREACHABLE;
    return udpv4_write(l->udp, port->number, to, data, len);
}

static void close_port(struct udp_port *port)
{
    free_listener(containing(port, struct listener, port));
}

static const struct udp_port_ops port_ops = {
    .write = write_port,
    .close = close_port,
};

enum status udpv4_open_port(struct udpv4 *udp, const struct endpoint *peer,
                            udp_handler *fn, void *ctx, struct udp_port **port)
{
    uint16_t number = free_port(udp);
    struct listener *l;

    if (number == 0)
        return ERR_IN_USE;
    l = new_listener(udp, number, fn, ctx);
    if (!l)
        return ERR_NO_MEMORY;
    l->port.ops = &port_ops;
    l->is_opened = true;
    if (peer) {
        l->is_connected = true;
        l->peer = *peer;
    }
    *port = &l->port;
    return OK;
}

enum status udpv4_connect(struct ipv4 *ip, struct udpv4 **made)
{
    struct udpv4 *udp = calloc(1, sizeof *udp);

    if (!udp || (ipv4_features(ip) & NETWORK_UDP_SEGMENTS &&
                 fiber_spawn(&(struct fiber_options){"udp", 0}, run_sender, udp,
                             &udp->sender) != OK)) {
        free(udp);
        return ERR_NO_MEMORY;
    }
    udp->ip = ip;
    ipv4_listen(ip, PROTOCOL_UDP, input, on_icmp_error, udp);
    *made = udp;
    return OK;
}

void udpv4_disconnect(struct udpv4 *udp)
{
    ipv4_listen(udp->ip, PROTOCOL_UDP, NULL, NULL, NULL);
    fiber_stop(udp->sender);
    buf_free(udp->joined.data);
    for (size_t i = 0; i < BUCKETS; i++)
        while (udp->bucket[i]) {
            struct listener *l = udp->bucket[i];

            require(!l->is_opened || l->port.by_number);
            free_listener(l);
        }
    free(udp);
}

void udpv4_counters(const struct udpv4 *udp, counter_handler *fn, void *ctx)
{
    fn(ctx, "udp_in", udp->in);
    fn(ctx, "udp_malformed", udp->malformed);
    fn(ctx, "udp_no_port", udp->no_port);
    fn(ctx, "udp_out", udp->out);
}
