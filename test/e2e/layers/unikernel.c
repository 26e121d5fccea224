/* SPDX-License-Identifier: ISC */
/* A client prints what a server answers by UDP and by TCP. */
#include <mirage.h>

static void on_udp(void *ctx, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    struct udpv4 *udp = ctx;

    if (udpv4_write(udp, to.port, from, datagram->data, datagram->len) != OK)
        panic("no answer");
}

static void on_tcp(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    if (flow_write(flow, "by TCP", 6, FOREVER) != OK)
        panic("no answer");
}

void serve(struct udpv4 *udp, struct tcpv4 *tcp)
{
    if (udpv4_listen(udp, 7, on_udp, udp) != OK ||
        tcpv4_listen(tcp, 7, on_tcp, NULL) != OK)
        panic("no listener");
    time_sleep(10 * SECOND);
}

static void print(void *ctx, struct endpoint from, struct endpoint to,
                  const struct buf *datagram)
{
    (void)from;
    (void)to;
    console_log(ctx, "%.*s", (int)datagram->len, (char *)datagram->data);
}

void ask(struct console *c, struct udpv4 *udp, struct tcpv4 *tcp)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 2), 7};
    struct flow *flow;
    struct buf *b;

    time_sleep(SECOND);
    if (udpv4_listen(udp, 9, print, c) != OK ||
        udpv4_write(udp, 9, to, "by UDP", 6) != OK ||
        tcpv4_open(tcp, to, time_after(5 * SECOND), &flow) != OK ||
        flow_read(flow, &b, time_after(5 * SECOND)) != OK)
        panic("no way");
    console_log(c, "%.*s", (int)b->len, (char *)b->data);
    buf_free(b);
    flow_close(flow);
}
