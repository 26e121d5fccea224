/* SPDX-License-Identifier: ISC */
/*
 * SYN cookies (RFC 4987, 3.6): our initial sequence number encodes the peer's
 * SYN under a keyed hash, and the peer returns it in the ACK of the handshake.
 */
#include "tcp_cookie.h"
#include "tcp.h"

/*
 * The cookie:
 *
 *     31                              4   3   2      0
 *     | hash of endpoints, peer's ISN, | age | its MSS |
 *     | the age and the MSS            |     |         |
 *
 * The age is the lowest bit of a clock of 64 s; the cookie is valid for 64 to
 * 128 s. Whether the peer has timestamps is under the hash, too. If it has, the
 * lowest bits of our timestamp encode its window scale and SACK-permitted.
 * Otherwise the connection has neither.
 */

#define AGE      (TCP_COOKIE_LIFE / 2)
#define NO_SCALE 15
#define MAY_SACK 16
#define OPTIONS  63 /* mask of their bits in our timestamp */

static const uint16_t sizes[8] = {64, 536, 1220, 1360,
                                  1400, 1440, 1460, 8960};

static uint32_t make_number(const struct tcpv4 *tcp,
                            const struct endpoint *local,
                            const struct endpoint *peer, uint32_t irs,
                            uint64_t age, unsigned size, bool has_timestamps)
{
    unsigned low = (unsigned)(age & 1) << 3 | size;
    uint64_t salt = (uint64_t)irs << 32 | ((age + 1) << 4 & 0x7fffffff) |
                    (uint64_t)has_timestamps << 31 | low;

    return ((uint32_t)tcp_hash(tcp, local, peer, salt) & ~15u) | low;
}

uint32_t tcp_make_cookie(const struct tcpv4 *tcp, const struct endpoint *local,
                         const struct endpoint *peer,
                         const struct tcp_segment *syn)
{
    unsigned size = 7;
    unsigned mss = syn->has_mss ? syn->mss : TCP_DEFAULT_MSS;

    while (size > 0 && sizes[size] > mss)
        size--;
    return make_number(tcp, local, peer, syn->seq, time_now() / AGE, size,
                       syn->has_timestamps);
}

uint32_t tcp_make_cookie_timestamp(uint32_t now, const struct tcp_segment *syn)
{
    uint32_t options = (syn->has_scale ? syn->scale : NO_SCALE) |
                       (syn->may_sack ? MAY_SACK : 0);
    uint32_t time = (now & ~(uint32_t)OPTIONS) | options;

    return seq_after(time, now) ? time - OPTIONS - 1 : time;
}

bool tcp_check_cookie(const struct tcpv4 *tcp, const struct endpoint *local,
                      const struct endpoint *peer,
                      const struct tcp_segment *ack, struct tcp_segment *syn)
{
    uint32_t number = ack->ack - 1, irs = ack->seq - 1;
    uint64_t age = time_now() / AGE;
    bool has_timestamps = true;

    age -= (age ^ number >> 3) & 1;
    if (number != make_number(tcp, local, peer, irs, age, number & 7, true)) {
        has_timestamps = false;
        if (number !=
            make_number(tcp, local, peer, irs, age, number & 7, false))
            return false;
    }
    *syn = (struct tcp_segment){
        .from = ack->from,
        .to = ack->to,
        .seq = irs,
        .flags = TCP_SYN,
        .window = ack->window,
        .has_mss = true,
        .mss = sizes[number & 7],
        .has_timestamps = has_timestamps,
        .time = ack->time,
    };
    if (has_timestamps && ack->has_timestamps) {
        syn->scale = ack->echo & 15;
        syn->has_scale = syn->scale != NO_SCALE;
        syn->may_sack = ack->echo & MAY_SACK;
    }
    return true;
}
