/* SPDX-License-Identifier: ISC */
/*
 * tcp_segment: a TCP header on the wire (RFC 9293, 3.1, 3.2; RFC 7323; RFC
 * 2018).
 */
#ifndef NET_TCP_SEGMENT_H
#define NET_TCP_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_HEADER     20 /* bytes, without options */
#define TCP_MOST       60 /* with them */
#define TCP_TIMESTAMPS 12 /* bytes that they take in each header */
#define TCP_RANGES     4 /* SACK blocks in a header */

enum tcp_flag {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
    TCP_ECE = 64,
    TCP_CWR = 128,
};

/* Bytes [from, to) of a stream. */
struct tcp_range {
    uint32_t from, to;
};

struct tcp_segment {
    uint16_t from, to; /* ports, not 0 */
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window; /* not scaled */
    size_t header; /* bytes, with the options */

    bool has_mss, has_scale, has_timestamps, may_sack;
    uint16_t mss;
    uint8_t scale; /* at most 14 */
    uint32_t time, echo;

    /* RFC 2018, in wire order. With timestamps three fit. */
    uint8_t sack_count;
    struct tcp_range sack[TCP_RANGES];
};

/* Parses the header of a segment, of which len bytes are at p. False: it is
 * malformed. */
bool tcp_parse(const uint8_t *p, size_t len, struct tcp_segment *s);

/*
 * Writes the header with checksum 0 and the options that s has, in the order of
 * Linux. Returns its length, at most TCP_MOST.
 */
size_t tcp_emit(const struct tcp_segment *s, uint8_t *p);

/* Sequence numbers modulo 2^32 (RFC 9293, 3.4): is a before b? */
static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

#endif
