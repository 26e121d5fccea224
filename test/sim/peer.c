/* SPDX-License-Identifier: ISC */
/* A peer that sends and receives single segments. */
#include "peer.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/panic.h>
#include <string.h>

#define QUEUE 1024

static struct seen queue[QUEUE];
static unsigned first, count;
static struct waiters arrival;
static uint16_t last_from, last_to; /* ports */

static void on_segment(void *ctx, const struct ipv4_packet *packet,
                       struct buf *b)
{
    size_t len = buf_length(b);
    struct seen one;

    (void)ctx;
    b = buf_pullup(b, len < TCP_MOST ? len : TCP_MOST);
    /* Segments from another address or with a wrong checksum are ignored. */
    if (b && ipv4_number(packet->from) == 0x0a000002 &&
        tcp_parse(b->data, b->len, &one.s) && count < QUEUE &&
        checksum_fold(checksum_add_bufs(
            checksum_pseudo(packet->from, packet->to, PROTOCOL_TCP, len), b,
            0, len)) == 0xffff) {
        one.len = len - one.s.header;
        queue[(first + count++) % QUEUE] = one;
    }
    buf_free(b);
    wake_all(&arrival);
}

void peer_begin(void)
{
    ipv4_listen(left.ip, PROTOCOL_TCP, on_segment, NULL, NULL);
    count = 0;
}

void peer_send(const struct tcp_segment *s, const void *data, size_t len)
{
    struct ipv4_packet packet = {.from = ipv4_address(10, 0, 0, 1),
                                 .to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP};
    struct buf *b = buf_copy_in(data, len, IPV4_HEADROOM + TCP_MOST);
    uint8_t header[TCP_MOST];
    size_t size = tcp_emit(s, header);
    uint16_t sum;

    last_from = s->from;
    last_to = s->to;
    require(b != NULL);
    memcpy(buf_prepend(b, size), header, size);
    sum = checksum_finish(checksum_add_bufs(
        checksum_pseudo(packet.from, packet.to, PROTOCOL_TCP, size + len), b,
        0, size + len));
    put_be16(b->data + 16, sum);
    require(ipv4_write(left.ip, &packet, b) == OK);
}

struct connection *peer_tcp(void)
{
    return tcp_find(right.tcp,
                    (struct endpoint){ipv4_address(10, 0, 0, 2), last_to},
                    (struct endpoint){ipv4_address(10, 0, 0, 1), last_from});
}

bool peer_sees(struct seen *seen, nanoseconds within)
{
    nanoseconds deadline = time_after(within);

    while (count == 0)
        if (wait_until(&arrival, deadline) != OK)
            return false;
    *seen = queue[first++ % QUEUE];
    count--;
    return true;
}

void peer_ignores(nanoseconds within)
{
    require(time_sleep(within) == OK);
    count = 0;
}
