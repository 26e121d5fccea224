/* SPDX-License-Identifier: ISC */
/* ipv6_segment: TCP over IPv6 that asks to be cut, for tests of drivers. */
#ifndef TEST_IPV6_SEGMENT_H
#define TEST_IPV6_SEGMENT_H

#include <mirage/buf.h>
#include <mirage/bytes.h>
#include <mirage/network.h>
#include <mirage/panic.h>
#include <string.h>

#define IPV6_HEADERS 74 /* bytes, to the end of TCP's */
#define IPV6_MSS     1440

/* Writes a TCP segment over IPv6 of len data bytes. */
static void put_ipv6(uint8_t *p, size_t len)
{
    memset(p, 0, IPV6_HEADERS);
    put_be16(p + 12, 0x86dd);
    p[14] = 0x60;
    put_be16(p + 18, (uint16_t)(20 + len));
    p[20] = 6;
    p[66] = 0x50;
    for (size_t i = 0; i < len; i++)
        p[IPV6_HEADERS + i] = (uint8_t)(i * 7 + i / 256);
}

/* One that asks to be cut into segments of IPV6_MSS bytes. */
static struct buf *ipv6_frame(size_t len)
{
    static uint8_t bytes[NETWORK_FRAME];
    struct buf *b;

    put_ipv6(bytes, len);
    b = buf_copy_in(bytes, IPV6_HEADERS + len, 0);
    if (!b)
        panic("no pages");
    b->offload = (struct offload){.kind = OFFLOAD_TCP_IPV6,
                                  .csum_start = 54,
                                  .segment = IPV6_MSS};
    return b;
}

#endif
