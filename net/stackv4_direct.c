/* SPDX-License-Identifier: ISC */
/*
 * stackv4 by our own protocols: the device, and its layers.
 */
#include "stackv4_direct.h"
#include "direct_lease.h"
#include "fiber_stop.h"
#include <mirage/boot.h>
#include <mirage/macros.h>
#include <stdlib.h>

#define POOL       8192 /* pages: 32 MiB, or less where there is less */
#define POOL_LEAST 512
#define DRAIN      (3 * SECOND)

static const char *parse_mtu(const char *value);

BOOT_PARSED(mtu, "BYTES", parse_mtu,
            "the longest packet, if less than the device's");

static uint16_t mtu; /* bytes; 0: the device's */

static const char *parse_mtu(const char *value)
{
    static const char expected[] = "68 (RFC 791, 3.2) to 65535 bytes, or 0 "
                                   "for the MTU of the device";
    unsigned n = 0;

    if (!*value)
        return expected;
    for (const char *p = value; *p; p++) {
        if (*p < '0' || *p > '9')
            return expected;
        n = 10 * n + (unsigned)(*p - '0');
        if (n > 65535)
            return expected;
    }
    if (n > 0 && n < IPV4_MTU_LEAST)
        return expected;
    mtu = (uint16_t)n;
    return NULL;
}

static struct direct *direct_of(const struct stackv4 *s)
{
    return containing((struct stackv4 *)(uintptr_t)s, struct direct, stack);
}

static enum status address_at(const struct stackv4 *s, size_t i,
                              struct stackv4_address *address)
{
    if (i > 0)
        return ERR_NOT_FOUND;
    *address = direct_of(s)->address;
    return OK;
}

static void on_address(struct stackv4 *s, address_handler *fn, void *ctx)
{
    struct direct *d = direct_of(s);

    d->on_address = fn;
    d->on_address_ctx = ctx;
}

/* A listener that could not be opened ends stackv4_run, until the port is
 * listened on after all, or ended. */
static enum status note_listen(struct direct *d, bool is_udp, uint16_t port,
                               enum status s)
{
    if (s == OK) {
        if (d->failed_port == port && d->failed_is_udp == is_udp)
            d->listen_failed = OK;
        return OK;
    }
    log_error(&stackv4, "%s %u: no listener: %s%s", is_udp ? "udp" : "tcp",
              port, status_text(s),
              s == ERR_IN_USE ? "; the port was chosen for questions of our "
                                "own: listen before asking, or once more"
                              : "");
    d->listen_failed = s;
    d->failed_port = port;
    d->failed_is_udp = is_udp;
    wake_all(&d->gone);
    return s;
}

static enum status listen_udp(struct stackv4 *s, uint16_t port,
                              udp_handler *fn, void *ctx)
{
    struct direct *d = direct_of(s);

    return note_listen(d, true, port, udpv4_listen(d->udp, port, fn, ctx));
}

static enum status listen_tcp(struct stackv4 *s, uint16_t port,
                              tcp_handler *fn, void *ctx)
{
    struct direct *d = direct_of(s);

    return note_listen(d, false, port, tcpv4_listen(d->tcp, port, fn, ctx));
}

static enum status listen_events(struct stackv4 *s, uint16_t port,
                                 tcp_accepted *accepted, void *ctx)
{
    struct direct *d = direct_of(s);

    return note_listen(d, false, port,
                       tcpv4_listen_events(d->tcp, port, accepted, ctx));
}

static enum status limit_tcp(struct stackv4 *s, uint16_t port,
                             const struct tcp_limits *limits)
{
    return tcpv4_limit(direct_of(s)->tcp, port, limits);
}

static enum status set_tcp_options(struct stackv4 *s, uint16_t port,
                                   const struct tcp_options *options)
{
    return tcpv4_set_options(direct_of(s)->tcp, port, options);
}

static enum status udp_open(struct stackv4 *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx, struct udp_port **port)
{
    return udpv4_open_port(direct_of(s)->udp, peer, fn, ctx, port);
}

static enum status udp_write(struct stackv4 *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len)
{
    struct direct *d = direct_of(s);

    if (ipv4_number(d->address.ip) == 0)
        return ERR_UNREACHABLE;
    return udpv4_write(d->udp, from, to, data, len);
}

static enum status open_tcp(struct stackv4 *s, struct endpoint to,
                            nanoseconds deadline, struct flow **flow)
{
    return tcpv4_open(direct_of(s)->tcp, to, deadline, flow);
}

static enum status begin(struct stackv4 *s, struct endpoint to,
                         flow_event_handler *fn, void *ctx, struct flow **flow)
{
    return tcpv4_begin(direct_of(s)->tcp, to, fn, ctx, flow);
}

static enum status run(struct stackv4 *s)
{
    struct direct *d = direct_of(s);

    while (!d->net->gone && d->listen_failed == OK) {
        enum status st = wait_until(&d->gone, FOREVER);

        if (st != OK)
            return st;
    }
    return d->net->gone ? ERR_GONE : d->listen_failed;
}

static void counters(const struct stackv4 *s, counter_handler *fn, void *ctx)
{
    const struct direct *d = direct_of(s);
    const struct network_counters *n = &d->net->counters;

    fn(ctx, "frames_in", n->frames_in);
    fn(ctx, "bytes_in", n->bytes_in);
    fn(ctx, "dropped_in", n->dropped_in);
    fn(ctx, "frames_out", n->frames_out);
    fn(ctx, "bytes_out", n->bytes_out);
    fn(ctx, "dropped_out", n->dropped_out);
    ipv4_counters(d->ip, fn, ctx);
    udpv4_counters(d->udp, fn, ctx);
    tcpv4_counters(d->tcp, fn, ctx);
    fn(ctx, "pages", buf_pages());
    fn(ctx, "pages_free", buf_pages_free());
}

static void finish(struct stackv4 *s)
{
    struct direct *d = direct_of(s);

    if (tcpv4_drain(d->tcp, time_after(DRAIN)) == ERR_TIMEOUT)
        log_warning(&stackv4, "a peer did not take all that was written to "
                              "it, or did not answer");
    lease_give_back(d);
}

/* From the top: each layer calls those below until it is gone. */
void stackv4_direct_disconnect(struct stackv4 *s)
{
    struct direct *d = direct_of(s);

    tcpv4_disconnect(d->tcp);
    lease_end(d);
    fiber_stop(d->link_fiber);
    udpv4_disconnect(d->udp);
    icmpv4_disconnect(d->icmp);
    ipv4_disconnect(d->ip);
    arp_disconnect(d->arp);
    ethernet_disconnect(d->ethernet);
    free(d);
}

static const struct stackv4_ops direct_ops = {
    .address_at = address_at,
    .on_address = on_address,
    .listen_udp = listen_udp,
    .listen_tcp = listen_tcp,
    .listen_events = listen_events,
    .limit_tcp = limit_tcp,
    .set_tcp_options = set_tcp_options,
    .udp_open = udp_open,
    .udp_write = udp_write,
    .connect = open_tcp,
    .begin = begin,
    .run = run,
    .finish = finish,
    .disconnect = NULL, /* stackv4_direct_disconnect */
    .counters = counters,
};

/*
 * Fills the pool of pages, one for all stacks of the image. If memory is short
 * it takes at most half of it: fibers that serve connections need stacks; and
 * if there is little, nothing: a driver has filled the pool for itself.
 */
static enum status reserve(void)
{
    size_t count = POOL;
    void *could;

    if (buf_pages() >= POOL || buf_reserve(POOL) == OK)
        return OK;
    while (!(could = page_alloc(count)))
        if ((count /= 2) < POOL_LEAST)
            return buf_pages() > 0 ? OK : ERR_NO_MEMORY;
    page_free(could, count);
    return buf_reserve(count / 2);
}

/* Follows the link, until the device is gone. */
static void watch_device(void *ctx)
{
    struct direct *d = ctx;

    while (!d->net->gone) {
        if (wait_until(&d->net->changed, FOREVER) != OK)
            return;
        lease_follow_link(d);
    }
    log_error(&stackv4, "%s is gone, and with it all connections",
              d->net->name);
    tcpv4_reset(d->tcp, ERR_GONE);
    wake_all(&d->gone);
}

enum status direct_assemble(struct console *log, struct network *net,
                            struct direct **made)
{
    struct direct *d = calloc(1, sizeof *d);
    enum status s;

    if (!d)
        return ERR_NO_MEMORY;
    console_log(log, "Netif: connect %s", net->name);
    console_log(log, "Manager: connect");
    console_log(log, "Manager: configuring");
    d->stack.ops = &direct_ops;
    d->log = log;
    d->net = net;
    d->address.ip = d->address.gateway = ipv4_of_number(0);
    if ((s = reserve()) != OK ||
        (s = ethernet_connect(net, &d->ethernet)) != OK ||
        (s = arp_connect(d->ethernet, &d->arp)) != OK ||
        (s = ipv4_connect(d->arp, &d->ip)) != OK ||
        (s = icmpv4_connect(d->ip, &d->icmp)) != OK ||
        (s = udpv4_connect(d->ip, &d->udp)) != OK ||
        (s = tcpv4_connect(d->ip, &d->tcp)) != OK)
        return s; /* the image ends, so nothing is freed */
    if (mtu)
        ipv4_set_mtu(d->ip, mtu);
    d->mtu = ipv4_mtu(d->ip);
    *made = d;
    return fiber_spawn(&(struct fiber_options){"link", 0}, watch_device, d,
                       &d->link_fiber);
}
