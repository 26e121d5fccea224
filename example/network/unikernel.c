/* SPDX-License-Identifier: ISC */
#include <mirage.h>
#include <stdlib.h>

#define GREEN(text)  "\033[32m" text "\033[m"
#define YELLOW(text) "\033[33m" text "\033[m"

/* Shows who comes, and what he sends; says nothing. */
static void on_tcp(void *console, struct flow *flow, struct endpoint peer)
{
    struct buf *data;

    console_log(console, GREEN("new tcp from %s %u"), ip_text(peer.ip).s,
                peer.port);
    while (flow_read(flow, &data, FOREVER) == OK) {
        console_log(console, YELLOW("read: %zu"), data->len);
        buf_free(data);
    }
    console_log(console, "closed by %s %u", ip_text(peer.ip).s, peer.port);
}

void start(struct console *console, struct stackv4 *stack)
{
    console_log(console, "IP address: %s", ip_text(stackv4_ip(stack)).s);
    stackv4_listen_tcp(stack, 80, on_tcp, console);
    if (stackv4_run(stack) != ERR_CANCELLED)
        exit(EXIT_FAILURE); /* why is in the log */
}
