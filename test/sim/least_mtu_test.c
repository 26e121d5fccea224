/* SPDX-License-Identifier: ISC */
/*
 * Links whose MTU is near the least that IPv4 has (RFC 791, 3.2), as --mtu or
 * the host may say: what a segment tells of itself takes most of its room.
 */
#include "check.h"
#include "pair.h"

#define PORT   80
#define LENGTH 30000

static void echo(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)ctx, (void)peer;
    while (flow_read(f, &b, FOREVER) == OK)
        if (flow_write_bufs(f, b, FOREVER) != OK)
            break;
}

static void send_all(void *flow)
{
    static uint8_t data[LENGTH];

    for (size_t i = 0; i < LENGTH; i++)
        data[i] = (uint8_t)(i % 251);
    CHECK(flow_write(flow, data, LENGTH, FOREVER) == OK);
    flow_shutdown(flow, FLOW_WRITING);
}

/* Is all data returned? */
static bool is_echoed(void)
{
    struct endpoint server = {ipv4_address(10, 0, 0, 2), PORT};
    struct flow *f = NULL;
    struct buf *b;
    size_t got = 0;

    if (tcpv4_open(left.tcp, server, time_after(60 * SECOND), &f) != OK)
        return false;
    CHECK(fiber_start(send_all, f) == OK);
    while (flow_read(f, &b, time_after(600 * SECOND)) == OK) {
        for (size_t i = 0; i < b->len; i++)
            CHECK(b->data[i] == (got + i) % 251);
        got += b->len;
        buf_free(b);
    }
    flow_close(f);
    return got == LENGTH;
}

/* Both hosts have holes, and report them in the segments that fill them. */
TEST(a_lossy_link_with_a_small_mtu_carries_data_both_ways)
{
    static const uint16_t mtus[] = {68, 69, 72, 76, 80, 88, 100};
    static const struct sim_faults faults = {.loss = 30000,
                                             .duplicate = 30000,
                                             .reorder = 50000,
                                             .delay = 5 * MILLISECOND};

    sim_seed(3);
    pair_make(1500, 0);
    pair_faults(&faults);
    CHECK(tcpv4_listen(right.tcp, PORT, echo, NULL) == OK);
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        ipv4_set_mtu(left.ip, mtus[i]);
        ipv4_set_mtu(right.ip, i % 2 ? 1500 : mtus[i]);
        for (int k = 0; k < 3; k++)
            CHECK(is_echoed());
    }
    CHECK(time_sleep(200 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
}
