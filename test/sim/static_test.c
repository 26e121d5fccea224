/* SPDX-License-Identifier: ISC */
/* Addresses that config.c gives, of a whole stack and of IPv4 alone. */
#include "check.h"
#include "pair.h"
#include <mirage/drivers.h>
#include <net/stackv4_direct.h>

size_t log_end(void); /* core/log.h: bytes that were ever logged */

static const struct {
    const char *address, *netmask, *gateway;
} wrong[] = {
    {"10.0.0", "255.255.255.0", ""},
    {"10.0.0.2", "255.0.255.0", ""},
    {"10.0.0.2", "24", ""},
    {"10.0.0.2", "255.255.255.0", "10.0.0"},
    {"10.0.0.2", "255.255.255.0", "10.0.1.1"},
    {"10.0.0.2", "255.255.255.0", "10.0.0.2"},
    {"10.0.0.2", "255.255.255.0", "10.0.0.255"},
    {"10.0.0.0", "255.255.255.0", ""},
    {"10.0.0.255", "255.255.255.0", ""},
    {"127.0.0.1", "255.0.0.0", ""},
    {"0.0.0.0", "255.0.0.0", ""},
};

static struct network *new_device(void)
{
    struct network *net = NULL;

    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    return net;
}

TEST(impossible_addresses_are_refused_with_a_reason)
{
    sim_seed(12);
    pair_make(1500, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct stackv4 *stack;
        struct ethernet *e;
        struct ipv4 *ip;
        size_t before = log_end();

        CHECK(ethernet_connect(new_device(), &e) == OK);
        CHECK(ipv4_static_connect(e, wrong[i].address, wrong[i].netmask,
                                  wrong[i].gateway, &ip) == ERR_FORMAT);
        CHECK(log_end() > before);
        before = log_end();
        CHECK(stackv4_static_connect(&pair_quiet, new_device(),
                                     wrong[i].address, wrong[i].netmask,
                                     wrong[i].gateway, &stack) == ERR_FORMAT);
        CHECK(log_end() > before);
    }
}

TEST(ipv4_alone_has_an_address_a_gateway_and_answers_echoes)
{
    struct ethernet *e;
    struct ipv4 *ip;
    nanoseconds took;

    CHECK(ethernet_connect(new_device(), &e) == OK);
    CHECK(ipv4_static_connect(e, "10.0.0.3", "255.255.255.0", "10.0.0.1",
                              &ip) == OK);
    CHECK(ip_equal(ipv4_own(ip), ipv4_address(10, 0, 0, 3)));
    CHECK(ipv4_reaches(ip, ipv4_address(192, 0, 2, 1)));
    CHECK(ipv4_is_broadcast(ip, ipv4_address(10, 0, 0, 255)));
    CHECK(!ipv4_is_broadcast(ip, ipv4_address(10, 0, 255, 255)));
    CHECK(icmpv4_ping(left.icmp, ipv4_address(10, 0, 0, 3), 56,
                      time_after(SECOND), &took) == OK);
}

TEST(ipv4_alone_may_have_no_gateway)
{
    struct ethernet *e;
    struct ipv4 *ip;

    CHECK(ethernet_connect(new_device(), &e) == OK);
    CHECK(ipv4_static_connect(e, "10.0.0.4", "255.255.0.0", "", &ip) == OK);
    CHECK(!ipv4_reaches(ip, ipv4_address(192, 0, 2, 1)));
    CHECK(ipv4_reaches(ip, ipv4_address(10, 0, 9, 9)));
}

TEST(conflicts_are_counted_and_logged_once_in_ten_minutes)
{
    struct stackv4 *stack;
    struct direct *d;
    nanoseconds said;

    CHECK(stackv4_static_connect(&pair_quiet, new_device(), "10.0.0.5",
                                 "255.255.255.0", "", &stack) == OK);
    d = containing(stack, struct direct, stack);
    for (int i = 0; i < 5; i++) { /* the first is defended */
        CHECK(time_sleep(SECOND) == OK);
        arp_set_address(left.arp, ipv4_address(10, 0, 0, 5), 24);
    }
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(d->conflicts >= 3 && d->conflict_said > 0);
    said = d->conflict_said;
    CHECK(time_now() - said > 2 * SECOND);
    arp_set_address(left.arp, ipv4_address(10, 0, 0, 1), 24);
    CHECK(time_sleep(601 * SECOND) == OK && d->conflict_said == said);
    for (int i = 0; i < 2; i++) {
        arp_set_address(left.arp, ipv4_address(10, 0, 0, 5), 24);
        CHECK(time_sleep(SECOND) == OK);
    }
    CHECK(d->conflict_said > said + 600 * SECOND);
    arp_set_address(left.arp, ipv4_address(10, 0, 0, 1), 24);
}

static unsigned calls;

static void on_datagram(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    (void)ctx, (void)from, (void)to, (void)datagram;
    calls++;
}

static enum status run_result;

static void run(void *ctx)
{
    run_result = stackv4_run(ctx);
}

/* A port that was chosen for a question of ours cannot be listened on. */
TEST(a_listener_that_cannot_be_opened_ends_run_until_it_can)
{
    struct stackv4 *stack;
    struct udp_port *port;
    struct direct *d;
    uint16_t number;
    struct fiber *f;

    CHECK(stackv4_static_connect(&pair_quiet, new_device(), "10.0.0.6",
                                 "255.255.255.0", "", &stack) == OK);
    d = containing(stack, struct direct, stack);
    CHECK(udpv4_open_port(d->udp, NULL, on_datagram, NULL, &port) == OK);
    number = port->number;
    stackv4_listen_udp(stack, number, on_datagram, NULL);
    CHECK(d->listen_failed == ERR_IN_USE && d->failed_port == number);
    CHECK(stackv4_run(stack) == ERR_IN_USE);
    /* Another port or protocol does not mend it. */
    stackv4_listen_udp(stack, (uint16_t)(number ^ 1), on_datagram, NULL);
    stackv4_listen_udp(stack, (uint16_t)(number ^ 1), NULL, NULL);
    CHECK(d->listen_failed == ERR_IN_USE);
    udp_port_close(port);
    stackv4_listen_udp(stack, number, on_datagram, NULL);
    CHECK(d->listen_failed == OK);
    run_result = OK;
    CHECK(fiber_spawn(&(struct fiber_options){"run", 0}, run, stack, &f) == OK);
    CHECK(time_sleep(SECOND) == OK && run_result == OK);
    CHECK(udpv4_open_port(d->udp, NULL, on_datagram, NULL, &port) == OK);
    stackv4_listen_udp(stack, port->number, on_datagram, NULL);
    CHECK(fiber_join(f, time_after(SECOND)) == OK);
    CHECK(run_result == ERR_IN_USE && calls == 0);
    udp_port_close(port);
}
