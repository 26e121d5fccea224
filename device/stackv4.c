/* SPDX-License-Identifier: ISC */
/*
 * The calls of mirage/stackv4.h, dispatched to the implementation of the stack
 * (struct stackv4_ops). Endpoints and lengths are checked here, once for all
 * implementations.
 */
#include <mirage/boot.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/stackv4.h>

BOOT_FLAG(stats, "print what the network stacks have counted, at the end");

enum status stackv4_address_at(const struct stackv4 *s, size_t i,
                               struct stackv4_address *address)
{
    return s->ops->address_at(s, i, address);
}

void stackv4_address(const struct stackv4 *s, struct stackv4_address *address)
{
    require(stackv4_address_at(s, 0, address) == OK);
}

struct ip_address stackv4_ip(const struct stackv4 *s)
{
    struct stackv4_address a;

    stackv4_address(s, &a);
    return a.ip;
}

enum status stackv4_ip_at(const struct stackv4 *s, size_t i,
                          struct ip_address *ip)
{
    struct stackv4_address a;
    enum status status = stackv4_address_at(s, i, &a);

    if (status == OK)
        *ip = a.ip;
    return status;
}

void stackv4_on_address(struct stackv4 *s, address_handler *fn, void *ctx)
{
    s->ops->on_address(s, fn, ctx);
}

enum status stackv4_listen_udp(struct stackv4 *s, uint16_t port,
                               udp_handler *fn, void *ctx)
{
    require(port > 0);
    return s->ops->listen_udp(s, port, fn, ctx);
}

enum status stackv4_listen_tcp(struct stackv4 *s, uint16_t port,
                               tcp_handler *fn, void *ctx)
{
    require(port > 0);
    return s->ops->listen_tcp(s, port, fn, ctx);
}

enum status stackv4_listen_events(struct stackv4 *s, uint16_t port,
                                  tcp_accepted *accepted, void *ctx)
{
    require(port > 0);
    return s->ops->listen_events(s, port, accepted, ctx);
}

enum status stackv4_limit_tcp(struct stackv4 *s, uint16_t port,
                              const struct tcp_limits *limits)
{
    return s->ops->limit_tcp(s, port, limits);
}

enum status stackv4_set_tcp_options(struct stackv4 *s, uint16_t port,
                                    const struct tcp_options *options)
{
    return s->ops->set_tcp_options(s, port, options);
}

enum status stackv4_udp_open(struct stackv4 *s, const struct endpoint *peer,
                             udp_handler *fn, void *ctx,
                             struct udp_port **port)
{
    return s->ops->udp_open(s, peer, fn, ctx, port);
}

enum status stackv4_open_udp(struct stackv4 *s, const struct endpoint *peer,
                             udp_handler *fn, void *ctx, uint16_t *port)
{
    struct udp_port *p;
    enum status status = stackv4_udp_open(s, peer, fn, ctx, &p);

    if (status != OK)
        return status;
    p->by_number = true;
    *port = p->number;
    return OK;
}

/* Checks that a datagram of len bytes can be sent to this endpoint. */
static enum status check_datagram(const struct endpoint *to, size_t len)
{
    if (len > UDP_MOST)
        return ERR_RANGE;
    return to->port == 0 || !ip_is_ipv4(to->ip) ? ERR_UNREACHABLE : OK;
}

enum status udp_port_write(struct udp_port *port, struct endpoint to,
                           const void *data, size_t len)
{
    enum status status = check_datagram(&to, len);

    return status ? status : port->ops->write(port, to, data, len);
}

void udp_port_close(struct udp_port *port)
{
    port->ops->close(port);
}

enum status stackv4_udp_write(struct stackv4 *s, uint16_t from,
                              struct endpoint to, const void *data, size_t len)
{
    enum status status = check_datagram(&to, len);

    return status ? status : s->ops->udp_write(s, from, to, data, len);
}

enum status stackv4_connect(struct stackv4 *s, struct endpoint to,
                            nanoseconds deadline, struct flow **flow)
{
    if (to.port == 0 || !ip_is_ipv4(to.ip))
        return ERR_UNREACHABLE;
    return s->ops->connect(s, to, deadline, flow);
}

enum status stackv4_begin(struct stackv4 *s, struct endpoint to,
                          flow_event_handler *fn, void *ctx,
                          struct flow **flow)
{
    if (to.port == 0 || !ip_is_ipv4(to.ip))
        return ERR_UNREACHABLE;
    return s->ops->begin(s, to, fn, ctx, flow);
}

enum status stackv4_run(struct stackv4 *s)
{
    return s->ops->run(s);
}

static void print_counter(void *ctx, const char *name, uint64_t value)
{
    (void)ctx;
    image_say("%-28s %llu\n", name, (unsigned long long)value);
}

void stackv4_finish(struct stackv4 *s)
{
    s->ops->finish(s);
    if (stats)
        stackv4_counters(s, print_counter, NULL);
}

/*
 * A weak reference: it does not bring the direct stack into an image that has
 * none. Nothing else refers to that function, so an image that does not call
 * stackv4_disconnect has neither, nor those by which the layers end.
 */
#pragma weak stackv4_direct_disconnect

void stackv4_disconnect(struct stackv4 *s)
{
    s->ops->finish(s);
    if (s->ops->disconnect)
        s->ops->disconnect(s);
    else
        stackv4_direct_disconnect(s);
}

void stackv4_counters(const struct stackv4 *s, counter_handler *fn, void *ctx)
{
    s->ops->counters(s, fn, ctx);
}
