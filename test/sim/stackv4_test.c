/* SPDX-License-Identifier: ISC */
/* The contract of stacks, between two direct stacks on a simulated wire. */
#include <conform/stackv4_contract.c>
#include "check.h"
#include <mirage/drivers.h>
#include "pair.h"
#include <mirage/sim.h>

static void try(const char *name, struct sim_faults faults)
{
    struct network *one = NULL, *other = NULL;
    struct stackv4 *a = NULL, *b = NULL;

    CHECK(sim_network(name, 1500, 0, &one) == OK &&
          sim_network(name, 1500, 0, &other) == OK);
    sim_set_faults(one, &faults);
    sim_set_faults(other, &faults);
    CHECK(stackv4_default_connect(&pair_quiet, one, &a) == OK);
    CHECK(stackv4_static_connect(&pair_quiet, other, "10.0.0.3",
                                 "255.255.255.0", "", &b) == OK);
    CHECK(contract_failures(name, a, b, ipv4_address(10, 0, 0, 2)) == 0);
    CHECK(contract_disconnect(name, a, b, ipv4_address(10, 0, 0, 2)) == 0);
    stackv4_disconnect(b);
    CHECK(buf_pages_free() == buf_pages());
    /* The devices are there for others. */
    CHECK(stackv4_default_connect(&pair_quiet, one, &a) == OK);
    CHECK(stackv4_static_connect(&pair_quiet, other, "10.0.0.3",
                                 "255.255.255.0", "", &b) == OK);
    CHECK(contract_disconnect(name, b, a, ipv4_address(10, 0, 0, 3)) == 0);
}

TEST(two_direct_stacks_keep_the_contract)
{
    sim_seed(1);
    try("a perfect wire", (struct sim_faults){0});
}

TEST(two_direct_stacks_keep_the_contract_on_a_slow_wire)
{
    try("a slow wire", (struct sim_faults){.delay = 2 * MILLISECOND,
                                           .rate = 1000000000});
}

/* Addresses that are well-formed and impossible. */
TEST(impossible_addresses_are_refused)
{
    static const struct {
        const char *address, *netmask, *gateway;
        bool is_taken;
    } cases[] = {
        {"10.0.0.0", "255.255.255.0", "", false},
        {"10.0.0.255", "255.255.255.0", "", false},
        {"0.0.0.0", "255.255.255.0", "", false},
        {"0.0.0.5", "255.0.0.0", "", false},
        {"127.0.0.1", "255.0.0.0", "", false},
        {"224.0.0.1", "255.255.255.0", "", false},
        {"240.0.0.1", "255.255.255.0", "", false},
        {"255.255.255.255", "255.255.255.255", "", false},
        {"10.0.0.4", "255.255.255.0", "10.0.1.1", false},
        {"10.0.0.4", "255.255.255.0", "10.0.0.0", false},
        {"10.0.0.4", "255.255.255.0", "10.0.0.255", false},
        {"10.0.0.4", "255.255.255.0", "10.0.0.4", false},
        {"10.0.0.4", "255.255.255.255", "127.0.0.1", false},
        {"10.0.0.4", "255.255.255.254", "10.0.0.5", true},
        {"10.0.0.255", "255.255.255.255", "10.0.1.1", true},
        {"10.0.0.255", "255.255.0.0", "10.0.1.0", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network *net = NULL;
        struct stackv4 *s = NULL;
        enum status got;

        /* Each accepted address needs a wire of its own. */
        CHECK(sim_network(cases[i].gateway, 1500, 0, &net) == OK);
        got = stackv4_static_connect(&pair_quiet, net, cases[i].address,
                                     cases[i].netmask, cases[i].gateway, &s);
        CHECK(got == (cases[i].is_taken ? OK : ERR_FORMAT));
    }
}
