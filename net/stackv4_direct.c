/* SPDX-License-Identifier: ISC */
/*
 * The direct stack: the layers, put together, and the address that it has.
 */
#include "host_address.h"
#include <mirage/boot.h>
#include <mirage/console.h>
#include <mirage/dhcp.h>
#include <mirage/drivers.h>
#include <mirage/icmpv4.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <mirage/tcpv4.h>
#include <mirage/udpv4.h>
#include <stdlib.h>
#include <string.h>

#define POOL         8192 /* pages: 32 MiB, or less where there is less */
#define POOL_LEAST   256
#define DRAIN        (3 * SECOND)
#define CONFLICT_GAP (600 * SECOND) /* between two lines about one */
#define GIVE_BACK    (500 * MILLISECOND) /* for the server's answer to ARP */

LOG_SOURCE(stackv4);

static const char *parse_ipv4(const char *value);
static const char *parse_mtu(const char *value);

BOOT_PARSED(ipv4, "ADDRESS/BITS", parse_ipv4,
            "our address, whatever the configuration says");
BOOT_STRING(ipv4_gateway, "", "the gateway that goes with --ipv4");
BOOT_FLAG(dhcp, "our address from DHCP, whatever the configuration says");
BOOT_NUMBER(dhcp_wait, 0, 0, 86400,
            "seconds to wait for DHCP before the image gives up; 0: for ever");
BOOT_STRING(hostname, "", "our name, for DHCP servers");
BOOT_PARSED(mtu, "BYTES", parse_mtu,
            "the longest packet, if less than the device's");

static struct {
    bool is_set;
    struct ip_address ip;
    unsigned prefix;
} argument;

static const char *parse_ipv4(const char *value)
{
    static const char expected[] = "an address and the bits of its network, "
                                   "such as 10.0.0.2/24";
    char text[16];
    const char *slash = strchr(value, '/');
    size_t len = slash ? (size_t)(slash - value) : strlen(value);
    unsigned prefix = 0;

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

struct direct {
    struct stackv4 stack;
    struct network *net;
    struct ethernet *ethernet;
    struct arp *arp;
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    struct udpv4 *udp;
    struct tcpv4 *tcp;
    struct console *log;
    struct stackv4_address address;
    address_handler *on_address;
    void *on_address_ctx;
    uint16_t mtu; /* without what DHCP says */
    unsigned conflicts; /* claims of our address */
    nanoseconds conflict_said; /* 0: never */
    enum status listen_failed; /* OK: each listener could be had */
    uint16_t failed_port; /* the latest that could not */
    bool failed_is_udp;
    struct waiters gone; /* or a listener has failed */

    struct dhcp dhcp; /* if that gives us the address */
    bool is_dhcp, is_to_probe;
    struct ip_address probed;
    struct waiters dhcp_turn, bound;
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

/* A listener that could not be had ends stackv4_run, until the port is listened
 * to, or given up. */
static enum status listened(struct direct *d, bool is_udp, uint16_t port,
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

    return listened(d, true, port, udpv4_listen(d->udp, port, fn, ctx));
}

static enum status listen_tcp(struct stackv4 *s, uint16_t port,
                              tcp_handler *fn, void *ctx)
{
    struct direct *d = direct_of(s);

    return listened(d, false, port, tcpv4_listen(d->tcp, port, fn, ctx));
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

/* We are no address any more. */
static void drop_address(struct direct *d)
{
    memset(&d->address, 0, sizeof d->address);
    d->address.ip = d->address.gateway = ipv4_of_number(0);
    ipv4_set_address(d->ip, d->address.ip, 0, d->address.ip);
    arp_set_address(d->arp, d->address.ip, 0);
}

/*
 * Gives the lease back (RFC 2131, 3.1 (6)), so that images that come and go do
 * not use up the addresses of the network. The message may have to wait for
 * ARP's answer; it is not acknowledged.
 */
static void give_back(struct direct *d)
{
    nanoseconds deadline = time_after(GIVE_BACK);

    if (ipv4_number(d->address.ip) == 0)
        return;
    log_info(&stackv4, "DHCP: the lease of %s is given back",
             ip_text(d->address.ip).s);
    d->is_dhcp = false; /* nor is one asked for if the link comes and goes */
    dhcp_release(&d->dhcp, time_now());
    /* A frame is the device's when its writer has waited once. */
    do {
        if (time_sleep(5 * MILLISECOND) != OK)
            break;
    } while (arp_is_waiting(d->arp) && time_now() < deadline);
    drop_address(d);
}

static void finish(struct stackv4 *s)
{
    struct direct *d = direct_of(s);

    if (tcpv4_drain(d->tcp, time_after(DRAIN)) == ERR_TIMEOUT)
        log_warning(&stackv4, "a peer did not take all that was written to "
                              "it, or did not answer");
    if (d->is_dhcp)
        give_back(d);
}

static const struct stackv4_ops direct_ops = {
    .ip_at = ip_at,
    .address = address_of,
    .on_address = on_address,
    .listen_udp = listen_udp,
    .listen_tcp = listen_tcp,
    .limit_tcp = limit_tcp,
    .set_tcp_options = set_tcp_options,
    .open_udp = open_udp,
    .udp_write = udp_write,
    .connect = open_tcp,
    .run = run,
    .finish = finish,
    .counters = counters,
};

/*
 * One pool for all stacks of the image. Where memory is short it takes no more
 * than half of that: the fibers that serve connections want stacks.
 */
static enum status reserve(void)
{
    size_t count = POOL;
    void *could;

    if (buf_pages() >= POOL || buf_reserve(POOL) == OK)
        return OK;
    while (!(could = page_alloc(count)))
        if ((count /= 2) < POOL_LEAST)
            return ERR_NO_MEMORY;
    page_free(could, count);
    return buf_reserve(count / 2);
}

/* The device's coming and going. */
static void watch_device(void *ctx)
{
    struct direct *d = ctx;

    while (!d->net->gone) {
        if (wait_until(&d->net->changed, FOREVER) != OK)
            return;
        if (d->is_dhcp) {
            dhcp_link(&d->dhcp, d->net->up, time_now());
            wake_all(&d->dhcp_turn);
        }
    }
    log_error(&stackv4, "%s is gone, and with it all connections",
              d->net->name);
    tcpv4_reset(d->tcp, ERR_GONE);
    wake_all(&d->gone);
}

static enum status assemble(struct console *log, struct network *net,
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
        return s; /* the image ends: what there is goes with it */
    if (mtu)
        ipv4_set_mtu(d->ip, mtu);
    d->mtu = ipv4_mtu(d->ip);
    *made = d;
    return fiber_start_as("link", watch_device, d);
}

static void say_address(struct direct *d, const char *what,
                        const struct stackv4_address *a)
{
    struct ip_address mask = ipv4_of_number(
        a->prefix == 0 ? 0 : 0xffffffffu << (32 - a->prefix));

    console_log(d->log, "%s to %s nm %s gw [%s]", what, ip_text(a->ip).s,
                ip_text(mask).s,
                ipv4_number(a->gateway) ? ip_text(a->gateway).s : "");
}

/* We are this address from now on. */
static void take_address(struct direct *d, const struct stackv4_address *a)
{
    d->address = *a;
    ipv4_set_address(d->ip, a->ip, a->prefix, a->gateway);
    ipv4_set_routes(d->ip, a->routes, a->route_count);
    arp_set_address(d->arp, a->ip, a->prefix);
    if (d->on_address)
        d->on_address(d->on_address_ctx, a);
}

/* Logged once in a while: another host may claim our address without end. */
static void conflict(void *ctx, struct ip_address ip, struct mac other)
{
    struct direct *d = ctx;
    nanoseconds now = time_now();

    d->conflicts++;
    if (d->conflict_said && now - d->conflict_said < CONFLICT_GAP)
        return;
    log_error(&stackv4, "%s is used by %s as well (%u claims by now): one of "
                        "the two must get another address",
              ip_text(ip).s, mac_text(other).s, d->conflicts);
    d->conflict_said = now;
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

/* An address from config.c or a boot argument may be well-formed and still
 * impossible. ERR_FORMAT: the reason is logged. */
static enum status check_address(const struct stackv4_address *a)
{
    const char *fault = host_address_fault(a->ip, a->prefix);

    if (fault) {
        log_error(&stackv4, "%s/%u is %s: give us another address, by "
                            "--ipv4=ADDRESS/BITS or in config.c",
                  ip_text(a->ip).s, a->prefix, fault);
        return ERR_FORMAT;
    }
    fault = gateway_fault(a->gateway, a->ip, a->prefix);
    if (fault) {
        log_error(&stackv4, "the gateway %s of %s/%u is %s: give another "
                            "one, by --ipv4-gateway=ADDRESS or in config.c",
                  ip_text(a->gateway).s, ip_text(a->ip).s, a->prefix, fault);
        return ERR_FORMAT;
    }
    return OK;
}

static void dhcp_send(void *ctx, struct ip_address to, const void *data,
                      size_t len)
{
    struct direct *d = ctx;
    struct endpoint server = {ipv4_number(to) ? to
                                              : ipv4_of_number(0xffffffff),
                              67};
    enum status s = udpv4_write(d->udp, 68, server, data, len);

    if (s != OK)
        log_info(&stackv4, "DHCP: not sent: %s", status_text(s));
}

/* Probing takes time, so it is done in the fiber of DHCP. */
static void dhcp_probe(void *ctx, struct ip_address ip)
{
    struct direct *d = ctx;

    d->is_to_probe = true;
    d->probed = ip;
    wake_all(&d->dhcp_turn);
}

/* Addresses and all that is known with them. (Both have been cleared before
 * they were filled.) */
static bool is_same(const struct stackv4_address *a,
                    const struct stackv4_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void dhcp_bound(void *ctx, const struct dhcp_lease *lease)
{
    struct direct *d = ctx;
    const struct stackv4_address *a = &lease->address;

    ipv4_set_mtu(d->ip, lease->mtu && lease->mtu < d->mtu ? lease->mtu
                                                          : d->mtu);
    if (is_same(a, &d->address)) {
        log_info(&stackv4, "DHCP: the lease of %s is renewed",
                 ip_text(a->ip).s);
        return;
    }
    say_address(d, "DHCP offer received and bound", a);
    for (unsigned i = 0; i < a->route_count; i++)
        log_info(&stackv4, "DHCP: a route to %s/%u by %s",
                 ip_text(a->routes[i].network).s, a->routes[i].prefix,
                 ipv4_number(a->routes[i].router)
                     ? ip_text(a->routes[i].router).s
                     : "the link");
    take_address(d, a);
    wake_all(&d->bound);
}

static void dhcp_lost(void *ctx, const char *why)
{
    struct direct *d = ctx;

    console_log(d->log, "DHCP: %s is no longer ours: %s",
                ip_text(d->address.ip).s, why);
    tcpv4_reset(d->tcp, ERR_GONE);
    drop_address(d);
    if (d->on_address)
        d->on_address(d->on_address_ctx, &d->address);
}

static void dhcp_say(void *ctx, const char *text, struct ip_address ip)
{
    struct direct *d = ctx;

    console_log(d->log, "%s%s%s", text, ipv4_number(ip) ? " " : "",
                ipv4_number(ip) ? ip_text(ip).s : "");
}

static void dhcp_warn(void *ctx, const char *text)
{
    (void)ctx;
    log_warning(&stackv4, "%s", text);
}

static const struct dhcp_caller dhcp_caller = {
    .send = dhcp_send,
    .probe = dhcp_probe,
    .bound = dhcp_bound,
    .lost = dhcp_lost,
    .say = dhcp_say,
    .warn = dhcp_warn,
};

static void dhcp_datagram(void *ctx, struct endpoint from, struct endpoint to,
                          const struct buf *datagram)
{
    struct direct *d = ctx;
    uint8_t data[1500];
    size_t len = buf_length(datagram);

    (void)to;
    (void)from; /* behind a relay or a NAT the port may be another than 67 */
    if (len > sizeof data)
        return;
    buf_copy_out(datagram, 0, data, len);
    dhcp_receive(&d->dhcp, data, len, time_now());
    wake_all(&d->dhcp_turn);
}

static void dhcp_conflicted(void *ctx, struct ip_address ip, struct mac other)
{
    struct direct *d = ctx;

    (void)ip;
    (void)other;
    dhcp_conflict(&d->dhcp, time_now());
    wake_all(&d->dhcp_turn);
}

static void run_dhcp(void *ctx)
{
    struct direct *d = ctx;
    enum status s = OK;

    while (s != ERR_CANCELLED) {
        if (d->is_to_probe) {
            d->is_to_probe = false;
            s = arp_probe(d->arp, d->probed, FOREVER);
            if (!d->is_to_probe) /* another one, meanwhile */
                dhcp_checked(&d->dhcp, s == ERR_IN_USE, time_now());
            continue;
        }
        s = wait_until(&d->dhcp_turn, dhcp_deadline(&d->dhcp));
        dhcp_tick(&d->dhcp, time_now());
    }
}

static enum status connect_dhcp(struct console *log, struct network *net,
                                struct stackv4 **stack)
{
    nanoseconds deadline = FOREVER;
    struct direct *d;
    enum status s = assemble(log, net, &d);

    if (s != OK)
        return s;
    if (dhcp_wait)
        deadline = time_after((nanoseconds)dhcp_wait * SECOND);
    arp_on_conflict(d->arp, dhcp_conflicted, d);
    s = udpv4_listen(d->udp, 68, dhcp_datagram, d);
    if (s == OK)
        s = fiber_start_as("dhcp", run_dhcp, d);
    if (s != OK)
        return s;
    dhcp_start(&d->dhcp, &dhcp_caller, d, net->mac,
               *hostname ? hostname : image_name(), net->up, time_now());
    d->is_dhcp = true;
    while (s == OK && ipv4_number(d->address.ip) == 0)
        s = wait_until(&d->bound, deadline);
    if (s == ERR_TIMEOUT)
        log_error(&stackv4, "no DHCP server has given us an address in "
                            "--dhcp-wait=%lld s; --ipv4=ADDRESS/BITS does "
                            "without one",
                  (long long)dhcp_wait);
    if (s != OK)
        return s;
    console_log(log, "Manager: configuration done");
    *stack = &d->stack;
    return OK;
}

static enum status connect_static(struct console *log, struct network *net,
                                  const struct stackv4_address *wanted,
                                  struct stackv4 **stack)
{
    struct stackv4_address a = *wanted;
    struct direct *d;
    enum status s;

    if (dhcp)
        return connect_dhcp(log, net, stack);
    if (argument.is_set) {
        a.ip = argument.ip;
        a.prefix = argument.prefix;
        a.gateway = ipv4_of_number(0);
    }
    if (*ipv4_gateway &&
        (s = parse_address("--ipv4-gateway:", ipv4_gateway, &a.gateway)) != OK)
        return s;
    if ((s = check_address(&a)) != OK)
        return s;
    s = assemble(log, net, &d);
    if (s != OK)
        return s;
    arp_on_conflict(d->arp, conflict, d);
    say_address(d, "Manager: Interface", &a);
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
    struct ip_address mask;
    enum status s;

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
    static const struct stackv4_address by_argument;

    return argument.is_set && !dhcp
               ? connect_static(log, net, &by_argument, stack)
               : connect_dhcp(log, net, stack);
}
