/* SPDX-License-Identifier: ISC */
/*
 * Reads and writes TCP headers: RFC 9293, 3.1, with the options of RFC 7323 and
 * RFC 2018.
 */
#include "tcp_segment.h"
#include <mirage/bytes.h>
#include <string.h>

#define END            0
#define NOP            1
#define MSS            2
#define SCALE          3
#define SACK_PERMITTED 4
#define SACK           5
#define TIMESTAMPS     8

static void read_ranges(struct tcp_segment *s, const uint8_t *p, size_t len)
{
    s->sack_count = 0;
    for (; len >= 8 && s->sack_count < TCP_RANGES; p += 8, len -= 8)
        s->sack[s->sack_count++] =
            (struct tcp_range){get_be32(p), get_be32(p + 4)};
}

static void read_option(struct tcp_segment *s, uint8_t kind, const uint8_t *p,
                        size_t len)
{
    bool is_syn = s->flags & TCP_SYN;

    if (kind == MSS && len == 4 && is_syn) {
        s->has_mss = true;
        s->mss = get_be16(p + 2);
    } else if (kind == SCALE && len == 3 && is_syn) {
        s->has_scale = true;
        s->scale = p[2] <= 14 ? p[2] : 14; /* RFC 7323, 2.3 */
    } else if (kind == SACK_PERMITTED && len == 2 && is_syn) {
        s->may_sack = true;
    } else if (kind == TIMESTAMPS && len == 10) {
        s->has_timestamps = true;
        s->time = get_be32(p + 2);
        s->echo = get_be32(p + 6);
    } else if (kind == SACK && len % 8 == 2) {
        read_ranges(s, p + 2, len - 2);
    }
}

bool tcp_parse(const uint8_t *p, size_t len, struct tcp_segment *s)
{
    size_t at = TCP_HEADER;

    if (len < TCP_HEADER)
        return false;
    *s = (struct tcp_segment){
        .from = get_be16(p),
        .to = get_be16(p + 2),
        .seq = get_be32(p + 4),
        .ack = get_be32(p + 8),
        .flags = p[13],
        .window = get_be16(p + 14),
        .header = 4 * (size_t)(p[12] >> 4),
    };
    if (s->header < TCP_HEADER || s->header > len || s->from == 0 ||
        s->to == 0)
        return false;
    while (at < s->header && p[at] != END) {
        if (p[at] == NOP) {
            at++;
            continue;
        }
        if (at + 1 >= s->header || p[at + 1] < 2 ||
            p[at + 1] > s->header - at)
            return false;
        read_option(s, p[at], p + at, p[at + 1]);
        at += p[at + 1];
    }
    return true;
}

size_t tcp_emit(const struct tcp_segment *s, uint8_t *p)
{
    uint8_t *at = p + TCP_HEADER;

    put_be16(p, s->from);
    put_be16(p + 2, s->to);
    put_be32(p + 4, s->seq);
    put_be32(p + 8, s->ack);
    p[13] = s->flags;
    put_be16(p + 14, s->window);
    put_be32(p + 16, 0);
    if (s->has_mss) {
        at[0] = MSS;
        at[1] = 4;
        put_be16(at + 2, s->mss);
        at += 4;
    }
    if (s->may_sack) {
        at[0] = SACK_PERMITTED;
        at[1] = 2;
        at += 2;
    } else if (s->has_timestamps) {
        at[0] = at[1] = NOP;
        at += 2;
    }
    if (s->has_timestamps) {
        at[0] = TIMESTAMPS;
        at[1] = 10;
        put_be32(at + 2, s->time);
        put_be32(at + 6, s->echo);
        at += 10;
    } else if (s->may_sack) {
        at[0] = at[1] = NOP;
        at += 2;
    }
    if (s->has_scale) {
        at[0] = NOP;
        at[1] = SCALE;
        at[2] = 3;
        at[3] = s->scale;
        at += 4;
    }
    if (s->sack_count > 0) {
        at[0] = at[1] = NOP;
        at[2] = SACK;
        at[3] = (uint8_t)(2 + 8 * s->sack_count);
        at += 4;
        for (int i = 0; i < s->sack_count; i++, at += 8) {
            put_be32(at, s->sack[i].from);
            put_be32(at + 4, s->sack[i].to);
        }
    }
    p[12] = (uint8_t)((at - p) / 4 << 4);
    return (size_t)(at - p);
}
