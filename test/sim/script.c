/* SPDX-License-Identifier: ISC */
#include "script.h"
#include "pair.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_PORT 4000
#define QUEUE     64

struct seen {
    struct tcp_segment s;
    size_t             len;
};

unsigned script_port;

static struct seen    seen[QUEUE];
static unsigned       seen_first, seen_count;
static struct waiters came;
static uint32_t       first; /* our first number */
static bool           has_first;

static void take(void *ctx, const struct ipv4_packet *packet, struct buf *b)
{
    size_t      len = buf_length(b);
    struct seen one;

    (void)ctx;
    b = buf_pull(b, len < TCP_MOST ? len : TCP_MOST);
    if (b && tcp_parse(b->data, b->len, &one.s) && seen_count < QUEUE &&
        checksum_fold(checksum_add_bufs(
            checksum_pseudo(packet->from, packet->to, PROTOCOL_TCP, len), b,
            0, len)) == 0xffff) {
        one.len = len - one.s.header;
        seen[(seen_first + seen_count++) % QUEUE] = one;
        if (one.s.flags & TCP_SYN && !has_first) {
            first = one.s.seq;
            has_first = true;
        }
        if (one.s.to == PEER_PORT)
            script_port = one.s.from;
    }
    buf_free(b);
    wake_all(&came);
}

void script_begin(void)
{
    ipv4_listen(left.ip, PROTOCOL_TCP, take, NULL, NULL);
    seen_count = 0;
    has_first = false;
    script_port = 0;
}

static uint8_t flags_of(const char *text)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK"};
    uint8_t                  flags = 0;

    for (int i = 0; i < 5; i++)
        if (strstr(text, names[i]))
            flags |= (uint8_t)(1 << i);
    return flags;
}

static void inject(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
    struct ipv4_packet packet = {.to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP};
    struct tcp_segment s = {
        .from = PEER_PORT,
        .to = (uint16_t)(script_port ? script_port : 80),
        .seq = seq,
        .ack = flags & TCP_ACK ? ack : 0,
        .flags = flags,
        .window = 65535,
    };
    struct buf *b = buf_new(IPV4_HEADROOM);

    b->len = tcp_emit(&s, buf_append(b, TCP_MOST));
    memset(buf_append(b, len), 'x', len);
    put_be16(b->data + 16,
             checksum_finish(checksum_add(
                 checksum_pseudo(ipv4_address(10, 0, 0, 1), packet.to,
                                 PROTOCOL_TCP, b->len),
                 b->data, b->len)));
    if (ipv4_write(left.ip, &packet, b) != OK)
        printf("script: not sent\n");
}

/* The next segment that comes within a second. */
static bool await(struct seen *s)
{
    nanoseconds deadline = time_after(SECOND);

    while (seen_count == 0)
        if (wait_until(&came, deadline) != OK)
            return false;
    *s = seen[seen_first++ % QUEUE];
    seen_count--;
    return true;
}

/* A number of ours is counted from our first, unless it says "=". */
static uint32_t own(const char *text)
{
    return *text == '=' ? (uint32_t)strtoul(text + 1, NULL, 10)
                        : first + (uint32_t)strtoul(text, NULL, 10);
}

static bool expect(uint8_t flags, const char *seq, const char *ack, size_t len,
                   const char *line)
{
    struct seen s;

    if (!await(&s)) {
        printf("script: %s: nothing came\n", line);
        return false;
    }
    if ((s.s.flags & ~TCP_PSH) == (flags & ~TCP_PSH) && s.s.seq == own(seq) &&
        s.len == len &&
        (!(flags & TCP_ACK) || s.s.ack == strtoul(ack, NULL, 10)))
        return true;
    printf("script: %s: there came flags %02x, number %u, ack %u, %zu bytes\n",
           line, s.s.flags, s.s.seq - first, s.s.ack, s.len);
    return false;
}

static bool play_line(const char *line)
{
    char        how = 0, flags[32] = "", a[24] = "0", b[24] = "0", c[24] = "";
    size_t      len;
    struct seen s;
    int         count = sscanf(line, " %c %31s %23s %23s %23s", &how, flags, a,
                               b, c);

    if (count < 1)
        return true;
    len = *b == '+'   ? strtoul(b + 1, NULL, 10)
          : *c == '+' ? strtoul(c + 1, NULL, 10)
                      : 0;
    switch (how) {
    case '>':
        inject(flags_of(flags), (uint32_t)strtoul(a, NULL, 10), own(b), len);
        return true;
    case '<':
        return expect(flags_of(flags), a, b, len, line);
    case '.':
        return time_sleep(strtoul(flags, NULL, 10) * MILLISECOND) == OK;
    case '-':
        if (!await(&s))
            return true;
        printf("script: %s: there came flags %02x, number %u, ack %u\n", line,
               s.s.flags, s.s.seq - first, s.s.ack);
        return false;
    default:
        printf("script: %s: not understood\n", line);
        return false;
    }
}

bool script_play(const char *text)
{
    while (*text) {
        char   line[128];
        size_t len = strcspn(text, "\n");

        text_format(line, sizeof line, "%.*s", (int)len, text);
        if (!play_line(line))
            return false;
        text += len + (text[len] == '\n');
    }
    return true;
}
