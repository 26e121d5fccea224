/* SPDX-License-Identifier: ISC */
/*
 * stackv4: TCP and UDP over IPv4, whoever provides them.
 */
#ifndef MIRAGE_STACKV4_H
#define MIRAGE_STACKV4_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/flow.h>
#include <mirage/status.h>
#include <mirage/time.h>

struct stackv4 {
    const struct stackv4_ops *ops;
};

/* In the stack's own fiber: keep it short. The datagram is lent. */
typedef void udp_handler(void *ctx, struct endpoint from, struct endpoint to,
                         const struct buf *datagram);

/* In a fiber of its own. The flow is closed and freed when it returns. */
typedef void tcp_handler(void *ctx, struct flow *flow, struct endpoint peer);

/* Our own address; all zeros before there is one. */
struct ip_address stackv4_ip(const struct stackv4 *s);

/*
 * Run fn for each datagram, or connection, to port. A later listener on a
 * port replaces the earlier. Keep ctx.
 */
void stackv4_listen_udp(struct stackv4 *s, uint16_t port, udp_handler *fn,
                        void *ctx);
void stackv4_listen_tcp(struct stackv4 *s, uint16_t port, tcp_handler *fn,
                        void *ctx);

/* Sends one datagram; data is copied. ERR_UNREACHABLE: no route, or no ARP. */
MUST_CHECK enum status stackv4_udp_write(struct stackv4 *s, uint16_t from,
                                         struct endpoint to, const void *data,
                                         size_t len);

/*
 * Opens a connection; blocks. On OK, *flow is yours: flow_close it.
 * ERR_REFUSED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_CANCELLED.
 */
MUST_CHECK enum status stackv4_connect(struct stackv4 *s, struct endpoint to,
                                       nanoseconds   deadline,
                                       struct flow **flow);

/* Serves the listeners until the fiber is cancelled or the stack is gone. */
enum status stackv4_run(struct stackv4 *s);

/* The driver's side: each as its namesake above. None may be NULL. */
struct stackv4_ops {
    struct ip_address (*ip)(const struct stackv4 *s);
    void (*listen_udp)(struct stackv4 *s, uint16_t port, udp_handler *fn,
                       void *ctx);
    void (*listen_tcp)(struct stackv4 *s, uint16_t port, tcp_handler *fn,
                       void *ctx);
    enum status (*udp_write)(struct stackv4 *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len);
    enum status (*connect)(struct stackv4 *s, struct endpoint to,
                           nanoseconds deadline, struct flow **flow);
    enum status (*run)(struct stackv4 *s);
    void (*disconnect)(struct stackv4 *s);
};

#endif
