/* SPDX-License-Identifier: ISC */
/*
 * udpv4: UDP datagrams (RFC 768) over ipv4.
 *
 * A layer of the direct stack, which an application can use as well. A call
 * that names one of mirage/stackv4.h has its contract.
 */
#ifndef MIRAGE_UDPV4_H
#define MIRAGE_UDPV4_H

#include <mirage/ipv4.h>
#include <mirage/stackv4.h>

struct udpv4;

/* Takes over the datagrams of ip. Keeps ip. ERR_NO_MEMORY. */
MUST_CHECK enum status udpv4_connect(struct ipv4 *ip, struct udpv4 **udp);

/* stackv4_listen_udp; ERR_NO_MEMORY. */
enum status udpv4_listen(struct udpv4 *udp, uint16_t port, udp_handler *fn,
                         void *ctx);

/* stackv4_udp_open */
MUST_CHECK enum status udpv4_open_port(struct udpv4 *udp,
                                       const struct endpoint *peer,
                                       udp_handler *fn, void *ctx,
                                       struct udp_port **port);

/* stackv4_open_udp */
MUST_CHECK static inline enum status udpv4_open(struct udpv4 *udp,
                                                const struct endpoint *peer,
                                                udp_handler *fn, void *ctx,
                                                uint16_t *port)
{
    struct udp_port *p;
    enum status s = udpv4_open_port(udp, peer, fn, ctx, &p);

    if (s != OK)
        return s;
    p->by_number = true;
    *port = p->number;
    return OK;
}

/* stackv4_udp_write */
MUST_CHECK enum status udpv4_write(struct udpv4 *udp, uint16_t from,
                                   struct endpoint to, const void *data,
                                   size_t len);

/*
 * As udpv4_write, for a list of bufs, of which the first has IPV4_HEADROOM and
 * 8 more bytes of headroom; takes it. With data->offload.segment it is cut into
 * datagrams of so many bytes, the last with the rest. ERR_RANGE, too, if such a
 * datagram does not fit into the MTU.
 */
MUST_CHECK enum status udpv4_write_bufs(struct udpv4 *udp, uint16_t from,
                                        struct endpoint to, struct buf *data);

/* Frees udp; nothing is called for its ports any more. Those that are yours
 * must be closed before: a bug otherwise, panics. Blocks. */
void udpv4_disconnect(struct udpv4 *udp);

/* stackv4_counters */
void udpv4_counters(const struct udpv4 *udp, counter_handler *fn, void *ctx);

#endif
