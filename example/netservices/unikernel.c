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
#include <string.h>

#define GOODBYE (5 * SECOND) /* for a peer to finish, once we have */

BOOT_NUMBER(port_base, 0, 0, 60000, "added to each port");

static void echo(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *data;

    (void)ctx, (void)peer;
    while (flow_read(flow, &data, FOREVER) == OK)
        if (flow_write_bufs(flow, data, FOREVER) != OK)
            break;
    (void)flow_finish(flow, time_after(GOODBYE));
}

static void echo_udp(void *stack, struct endpoint from, struct endpoint to,
                     const struct buf *datagram)
{
    static uint8_t whole[UDP_MOST];
    const uint8_t *data = datagram->data;
    size_t len = buf_length(datagram);
    enum status s;

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
    (void)flow_finish(flow, time_after(GOODBYE));
}

static void discard_udp(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    (void)ctx, (void)from, (void)to, (void)datagram;
}

/*
 * Bytes 0 to 250, and again, until the peer has had enough. After PERIOD pages
 * a page begins with 0 again: so many are made once, and every flow sends them
 * from where they lie.
 */
#define PERIOD  251
#define AT_ONCE 16 /* pages */

static struct buf *page[PERIOD];

static bool make_pages(void)
{
    static uint8_t pattern[PERIOD + PAGE_BYTES];

    if (buf_reserve(PERIOD) != OK)
        return false;
    for (size_t n = 0; n < sizeof pattern; n++)
        pattern[n] = (uint8_t)(n % PERIOD);
    for (size_t i = 0; i < PERIOD && (page[i] = buf_new(0)) != NULL; i++)
        memcpy(buf_append(page[i], PAGE_BYTES),
               pattern + i * PAGE_BYTES % PERIOD, PAGE_BYTES);
    return page[PERIOD - 1] != NULL;
}

/* The next pages from at on; NULL: there is no memory now. */
static struct buf *some_pages(int at)
{
    struct buf *first = NULL, **end = &first;

    for (int i = 0; i < AT_ONCE; i++) {
        *end = buf_share(page[(at + i) % PERIOD], 0, PAGE_BYTES);
        if (!*end) {
            buf_free(first);
            return NULL;
        }
        end = &(*end)->next;
    }
    return first;
}

static void generate(void *ctx, struct flow *flow, struct endpoint peer)
{
    enum status s = OK;
    int at = 0;

    (void)ctx, (void)peer;
    flow_shutdown(flow, FLOW_READING);
    while (s == OK) {
        struct buf *data = some_pages(at);

        if (!data) {
            s = time_sleep(10 * MILLISECOND);
            continue;
        }
        s = flow_write_bufs(flow, data, FOREVER);
        at = (at + AT_ONCE) % PERIOD;
    }
}

void start(struct console *console, struct stackv4 *stack)
{
    uint16_t base = (uint16_t)port_base;
    struct ip_address ip;

    stackv4_listen_tcp(stack, base + 7, echo, NULL);
    stackv4_listen_udp(stack, base + 7, echo_udp, stack);
    stackv4_listen_tcp(stack, base + 9, discard, NULL);
    stackv4_listen_udp(stack, base + 9, discard_udp, NULL);
    if (make_pages())
        stackv4_listen_tcp(stack, base + 19, generate, NULL);
    else
        console_log(console, "no memory for the character generator");
    for (size_t i = 0; stackv4_ip_at(stack, i, &ip) == OK; i++)
        console_log(console, "IP address: %s", ip_text(ip).s);
    if (stackv4_run(stack) != ERR_CANCELLED)
        exit(EXIT_FAILURE); /* why is in the log */
}
