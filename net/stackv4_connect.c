/* SPDX-License-Identifier: ISC */
/*
 * How the direct stack gets its address: from config.c, from the boot
 * arguments, or by DHCP.
 */
#include "direct_lease.h"
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/platform.h>
#include <string.h>
#include "host_address.h"

#define CONFLICT_GAP (600 * SECOND) /* between two lines about one */

static const char *parse_ipv4(const char *value);

BOOT_PARSED(ipv4, "ADDRESS/BITS", parse_ipv4,
            "our address, whatever the configuration says");
BOOT_STRING(ipv4_gateway, "", "the gateway that goes with --ipv4");
BOOT_FLAG(dhcp, "our address from DHCP, whatever the configuration says");
BOOT_NUMBER(dhcp_wait, 0, 0, 86400,
            "seconds to wait for DHCP before the image gives up; 0: for ever");
BOOT_STRING(hostname, "", "our name, for DHCP servers");

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

/* Logged once in ten minutes: another host may claim our address endlessly. */
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

static enum status connect_dhcp(struct console *log, struct network *net,
                                struct stackv4 **stack)
{
    nanoseconds deadline = FOREVER;
    struct direct *d;
    enum status s = direct_assemble(log, net, &d);

    if (s != OK)
        return s;
    if (dhcp_wait)
        deadline = time_after((nanoseconds)dhcp_wait * SECOND);
    s = lease_await(d, *hostname ? hostname : image_name(), deadline);
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
    s = direct_assemble(log, net, &d);
    if (s != OK)
        return s;
    arp_on_conflict(d->arp, conflict, d);
    direct_say_address(d, "Manager: Interface", &a);
    direct_set_address(d, &a);
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
