/* SPDX-License-Identifier: ISC */
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

#define GOODBYE (5 * SECOND) /* for the peer to finish, once we have */

#define RED(text)    "\033[31m" text "\033[m"
#define GREEN(text)  "\033[32m" text "\033[m"
#define YELLOW(text) "\033[33m" text "\033[m"

/* Data of a peer, quoted for a terminal. Yours: free. */
static char *quoted(const struct buf *data)
{
    size_t size = 4 * buf_length(data) + 1, len = 0;
    char *text = require_memory(size);

    for (; data; data = data->next)
        len += text_quote(text + len, size - len, data->data, data->len);
    return text;
}

/* Must not block: the console might, but only while its reader sleeps. */
static void on_udp(void *console, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    char *text = quoted(datagram);

    console_log(console, RED("UDP %s.%u > %s.%u: \"%s\""), ip_text(from.ip).s,
                from.port, ip_text(to.ip).s, to.port, text);
    free(text);
}

static void on_tcp(void *console, struct flow *flow, struct endpoint peer)
{
    struct buf *data;
    enum status s;
    char *text;

    console_log(console, GREEN("TCP %s.%u > _.8080"), ip_text(peer.ip).s,
                peer.port);
    s = flow_write(flow, "hello!\n", 7, FOREVER);
    if (s == OK)
        s = flow_read(flow, &data, FOREVER);
    switch (s) {
    case OK:
        text = quoted(data);
        console_log(console, YELLOW("read: %zu \"%s\""), data->len, text);
        free(text);
        buf_free(data);
        break;
    case ERR_EOF:
        console_log(console, RED("read: eof"));
        break;
    default:
        console_log(console, RED("read: error"));
    }
    /* Returning with unread data would reset what we wrote. */
    (void)flow_finish(flow, time_after(GOODBYE));
}

void start(struct console *console, struct stackv4 *stack)
{
    struct ip_address ip;

    for (size_t i = 0; stackv4_ip_at(stack, i, &ip) == OK; i++)
        console_log(console, "IP address: %s", ip_text(ip).s);

    stackv4_listen_udp(stack, 53, on_udp, console);
    stackv4_listen_tcp(stack, 8080, on_tcp, console);
    if (stackv4_run(stack) != ERR_CANCELLED)
        exit(EXIT_FAILURE); /* why is in the log */
}
