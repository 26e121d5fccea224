/* SPDX-License-Identifier: ISC */
/*
 * The small services of RFC 862 (echo), RFC 863 (discard) and RFC 864
 * (character generator), for trying out and measuring a stack.
 *
 * There is no character generator on UDP: it would send more than it is asked,
 * to whomever the question names as its sender.
 */
#include <mirage.h>
#include <stdlib.h>

BOOT_NUMBER(port_base, 0, 0, 60000, "added to each port");

static void echo(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *data;

    (void)ctx, (void)peer;
    while (flow_read(flow, &data, FOREVER) == OK)
        if (flow_write_bufs(flow, data, FOREVER) != OK)
            break;
}

static void echo_udp(void *stack, struct endpoint from, struct endpoint to,
                     const struct buf *datagram)
{
    static uint8_t whole[UDP_MOST];
    const uint8_t *data = datagram->data;
    size_t         len = buf_length(datagram);
    enum status    s;

    if (datagram->next) {
        buf_copy_out(datagram, 0, whole, len);
        data = whole;
    }
    s = stackv4_udp_write(stack, to.port, from, data, len);
    (void)s; /* a datagram may be lost here as well as anywhere */
}

static void discard(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *data;

    (void)ctx, (void)peer;
    while (flow_read(flow, &data, FOREVER) == OK)
        buf_free(data);
}

static void discard_udp(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    (void)ctx, (void)from, (void)to, (void)datagram;
}

/* Bytes 0 to 250, and again, until the peer has had enough. */
static void generate(void *ctx, struct flow *flow, struct endpoint peer)
{
    static uint8_t data[251 * 261]; /* near 64 KiB */

    (void)ctx, (void)peer;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 251);
    flow_shutdown(flow, FLOW_READING);
    while (flow_write(flow, data, sizeof data, FOREVER) == OK)
        continue;
}

void start(struct console *console, struct stackv4 *stack)
{
    uint16_t          base = (uint16_t)port_base;
    struct ip_address ip;

    stackv4_listen_tcp(stack, base + 7, echo, NULL);
    stackv4_listen_udp(stack, base + 7, echo_udp, stack);
    stackv4_listen_tcp(stack, base + 9, discard, NULL);
    stackv4_listen_udp(stack, base + 9, discard_udp, NULL);
    stackv4_listen_tcp(stack, base + 19, generate, NULL);
    for (size_t i = 0; stackv4_ip_at(stack, i, &ip) == OK; i++)
        console_log(console, "IP address: %s", ip_text(ip).s);
    if (stackv4_run(stack) != ERR_CANCELLED)
        exit(EXIT_FAILURE); /* why is in the log */
}
