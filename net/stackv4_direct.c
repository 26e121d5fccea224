/* SPDX-License-Identifier: ISC */
/*
 * The direct stack: the layers, put together, and the address that it has.
 */
#include <mirage/boot.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <mirage/icmpv4.h>
#include <mirage/log.h>
#include <mirage/tcpv4.h>
#include <mirage/udpv4.h>
#include <stdlib.h>
#include <string.h>

#define POOL       8192 /* pages: 32 MiB, or less where there is less */
#define POOL_LEAST 256
#define DRAIN      (3 * SECOND)

LOG_SOURCE(stackv4);

static const char *parse_ipv4(const char *value);

BOOT_PARSED(ipv4, "ADDRESS/BITS", parse_ipv4,
            "our address, whatever the configuration says");
BOOT_STRING(ipv4_gateway, "", "the gateway that goes with --ipv4");
BOOT_NUMBER(mtu, 0, 0, 65535, "the longest packet, if less than the device's");

static struct {
    bool              is_set;
    struct ip_address ip;
    unsigned          prefix;
} argument;

static const char *parse_ipv4(const char *value)
{
    static const char expected[] = "an address and the bits of its network, "
                                   "such as 10.0.0.2/24";
    char              text[16];
    const char       *slash = strchr(value, '/');
    size_t            len = slash ? (size_t)(slash - value) : strlen(value);
    unsigned          prefix = 0;

    if (!slash || len >= sizeof text || !slash[1] || strlen(slash) > 3)
        return expected;
    memcpy(text, value, len);
    text[len] = '\0';
    for (const char *p = slash + 1; *p; p++) {
        if (*p < '0' || *p > '9')
            return expected;
        prefix = 10 * prefix + (unsigned)(*p - '0');
    }
    if (prefix > 32 || ip_parse(text, &argument.ip) != OK)
        return expected;
    argument.prefix = prefix;
    argument.is_set = true;
    return NULL;
}

struct direct {
    struct stackv4         stack;
    struct network        *net;
    struct ethernet       *ethernet;
    struct arp            *arp;
    struct ipv4           *ip;
    struct icmpv4         *icmp;
    struct udpv4          *udp;
    struct tcpv4          *tcp;
    struct console        *log;
    struct stackv4_address address;
    address_handler       *on_address;
    void                  *on_address_ctx;
    bool                   is_gone;
    struct waiters         gone;
};

static struct direct *direct_of(const struct stackv4 *s)
{
    return (struct direct *)(void *)((char *)s -
                                     offsetof(struct direct, stack));
}

static enum status ip_at(const struct stackv4 *s, size_t i,
                         struct ip_address *ip)
{
    if (i > 0)
        return ERR_NOT_FOUND;
    *ip = direct_of(s)->address.ip;
    return OK;
}

static void address_of(const struct stackv4 *s, struct stackv4_address *a)
{
    *a = direct_of(s)->address;
}

static void on_address(struct stackv4 *s, address_handler *fn, void *ctx)
{
    struct direct *d = direct_of(s);

    d->on_address = fn;
    d->on_address_ctx = ctx;
}

static enum status listen_udp(struct stackv4 *s, uint16_t port,
                              udp_handler *fn, void *ctx)
{
    return udpv4_listen(direct_of(s)->udp, port, fn, ctx);
}

static enum status listen_tcp(struct stackv4 *s, uint16_t port,
                              tcp_handler *fn, void *ctx)
{
    return tcpv4_listen(direct_of(s)->tcp, port, fn, ctx);
}

static enum status open_udp(struct stackv4 *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx, uint16_t *port)
{
    return udpv4_open(direct_of(s)->udp, peer, fn, ctx, port);
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

static enum status run(struct stackv4 *s)
{
    struct direct *d = direct_of(s);

    while (!d->is_gone) {
        enum status st = wait_until(&d->gone, FOREVER);

        if (st != OK)
            return st;
    }
    return ERR_GONE;
}

static void finish(struct stackv4 *s)
{
    if (tcpv4_drain(direct_of(s)->tcp, time_after(DRAIN)) == ERR_TIMEOUT)
        log_warning(&stackv4, "a peer did not take all that was written to "
                              "it, or did not answer");
}

static void counters(const struct stackv4 *s, counter_handler *fn, void *ctx)
{
    const struct direct           *d = direct_of(s);
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

static const struct stackv4_ops direct_ops = {
    .ip_at = ip_at,
    .address = address_of,
    .on_address = on_address,
    .listen_udp = listen_udp,
    .listen_tcp = listen_tcp,
    .open_udp = open_udp,
    .udp_write = udp_write,
    .connect = open_tcp,
    .run = run,
    .finish = finish,
    .counters = counters,
};

/* One pool for all stacks of the image. */
static enum status reserve(void)
{
    size_t count = POOL;

    if (buf_pages() >= POOL)
        return OK;
    while (buf_reserve(count) != OK)
        if ((count /= 2) < POOL_LEAST)
            return ERR_NO_MEMORY;
    return OK;
}

static enum status assemble(struct console *log, struct network *net,
                            struct direct **made)
{
    struct direct *d = calloc(1, sizeof *d);
    enum status    s;

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
        return s; /* the image ends: what there is goes with it */
    if (mtu)
        ipv4_set_mtu(d->ip, (uint16_t)mtu);
    *made = d;
    return OK;
}

/* We are this address from now on, and say so. */
static void take_address(struct direct *d, const struct stackv4_address *a)
{
    struct ip_address mask = ipv4_of_number(
        a->prefix == 0 ? 0 : 0xffffffffu << (32 - a->prefix));

    d->address = *a;
    ipv4_set_address(d->ip, a->ip, a->prefix, a->gateway);
    arp_set_address(d->arp, a->ip);
    console_log(d->log, "Manager: Interface to %s nm %s gw [%s]",
                ip_text(a->ip).s, ip_text(mask).s,
                ipv4_number(a->gateway) ? ip_text(a->gateway).s : "");
    if (d->on_address)
        d->on_address(d->on_address_ctx, a);
}

static void conflict(void *ctx, struct ip_address ip, struct mac other)
{
    (void)ctx;
    log_error(&stackv4, "%s is used by %s as well: one of the two must get "
                        "another address",
              ip_text(ip).s, mac_text(other).s);
}

static enum status parse_address(const char *what, const char *text,
                                 struct ip_address *ip)
{
    enum status s = ip_parse(text, ip);

    if (s != OK)
        log_error(&stackv4, "%s \"%s\" is no IPv4 address, such as 10.0.0.2",
                  what, text);
    return s;
}

/* An address that a host can have. */
static bool is_of_a_host(struct ip_address ip)
{
    uint32_t first = ipv4_number(ip) >> 24;

    return first > 0 && first < 224 && first != 127;
}

static enum status connect_static(struct console *log, struct network *net,
                                  const struct stackv4_address *wanted,
                                  struct stackv4              **stack)
{
    struct stackv4_address a = *wanted;
    struct direct         *d;
    enum status            s;

    if (argument.is_set) {
        a.ip = argument.ip;
        a.prefix = argument.prefix;
        a.gateway = ipv4_of_number(0);
    }
    if (*ipv4_gateway &&
        (s = parse_address("--ipv4-gateway:", ipv4_gateway, &a.gateway)) != OK)
        return s;
    if (!is_of_a_host(a.ip)) {
        log_error(&stackv4, "%s is no address that a host can have",
                  ip_text(a.ip).s);
        return ERR_FORMAT;
    }
    s = assemble(log, net, &d);
    if (s != OK)
        return s;
    arp_on_conflict(d->arp, conflict, d);
    take_address(d, &a);
    console_log(log, "Manager: configuration done");
    *stack = &d->stack;
    return OK;
}

enum status stackv4_static_connect(struct console *log, struct network *net,
                                   const char *address, const char *netmask,
                                   const char *gateway, struct stackv4 **stack)
{
    struct stackv4_address a = {.gateway = ipv4_of_number(0)};
    struct ip_address      mask;
    enum status            s;

    if ((s = parse_address("the address", address, &a.ip)) != OK ||
        (s = parse_address("the netmask", netmask, &mask)) != OK ||
        (*gateway &&
         (s = parse_address("the gateway", gateway, &a.gateway)) != OK))
        return s;
    s = ipv4_prefix(mask, &a.prefix);
    if (s != OK) {
        log_error(&stackv4, "%s is no netmask, such as 255.255.255.0",
                  netmask);
        return s;
    }
    return connect_static(log, net, &a, stack);
}

enum status stackv4_default_connect(struct console *log, struct network *net,
                                    struct stackv4 **stack)
{
    return stackv4_static_connect(log, net, "10.0.0.2", "255.255.255.0",
                                  "10.0.0.1", stack);
}

enum status stackv4_dhcp_connect(struct console *log, struct network *net,
                                 struct stackv4 **stack)
{
    (void)log;
    (void)net;
    (void)stack;
    return ERR_UNSUPPORTED;
}
