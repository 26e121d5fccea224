/* SPDX-License-Identifier: ISC */
/*
 * Passes frames between two networks as they come, and says at its end how many
 * of them were longer than the MTU: segments that the device, or the host, had
 * joined.
 */
#include <mirage.h>
#include <string.h>

void start(struct console *console, struct network *left,
           struct network *right);

enum { IPV4,
       IPV6,
       OTHER };

struct way {
    const char *name;
    struct network *from, *to;
    unsigned frames, tcp[2], udp[2]; /* the last two: longer than the MTU */
};

static unsigned version_of(const struct buf *frame)
{
    const uint8_t *type = frame->data + 12;

    return type[0] == 0x08 && type[1] == 0x00   ? IPV4
           : type[0] == 0x86 && type[1] == 0xdd ? IPV6
                                                : OTHER;
}

static void count(struct way *w, const struct buf *frame)
{
    unsigned version = version_of(frame);

    w->frames++;
    if (frame->offload.segment == 0 || version == OTHER ||
        buf_length(frame) <= w->from->mtu + (size_t)ETHERNET_HEADER)
        return;
    if (offload_is_tcp(network_transport(frame).kind))
        w->tcp[version]++;
    else
        w->udp[version]++;
}

static void pass(void *ctx, struct buf *const *frames, size_t n)
{
    struct way *w = ctx;

    for (size_t i = 0; i < n; i++) {
        count(w, frames[i]);
        network_write(w->to, frames[i]);
    }
}

static void say(struct console *console, const struct way *w)
{
    console_log(console,
                "%s: %u frames; longer than the MTU: TCP/IPv4 %u, TCP/IPv6 %u, "
                "UDP/IPv4 %u, UDP/IPv6 %u",
                w->name, w->frames, w->tcp[IPV4], w->tcp[IPV6], w->udp[IPV4],
                w->udp[IPV6]);
}

static void say_counters(struct console *console, const char *name,
                         const struct network *n)
{
    const struct network_counters *c = &n->counters;

    console_log(console,
                "%s: sent %llu, dropped %llu; received %llu, dropped %llu",
                name, (unsigned long long)c->frames_out,
                (unsigned long long)c->dropped_out,
                (unsigned long long)c->frames_in,
                (unsigned long long)c->dropped_in);
}

void start(struct console *console, struct network *left, struct network *right)
{
    struct way ways[] = {{.name = "to the right", .from = left, .to = right},
                         {.name = "to the left", .from = right, .to = left}};

    network_listen(left, pass, &ways[0]);
    network_listen(right, pass, &ways[1]);
    console_log(console, "passing frames");
    while (time_sleep(3600 * SECOND) == OK)
        continue;
    say(console, &ways[0]);
    say_counters(console, "right", right);
    say(console, &ways[1]);
    say_counters(console, "left", left);
    network_listen(left, NULL, NULL);
    network_listen(right, NULL, NULL);
}
