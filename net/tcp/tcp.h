/* SPDX-License-Identifier: ISC */
/*
 * A TCP connection and a TCP stack, which the files of this folder share. A
 * group of variables is declared in the header of the file that owns it. Names
 * are those of the RFC that defines a variable: snd.una is RFC 9293's SND.UNA.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "tcp_congestion.h"
#include "tcp_cubic.h"
#include "tcp_delivery.h"
#include "tcp_ecn.h"
#include "tcp_end.h"
#include "tcp_events.h"
#include "tcp_flow.h"
#include "tcp_listener.h"
#include "tcp_ooo.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_pace.h"
#include "tcp_path.h"
#include "tcp_peers.h"
#include "tcp_pool.h"
#include "tcp_rack.h"
#include "tcp_recovery.h"
#include "tcp_sack.h"
#include "tcp_segment.h"
#include "tcp_send.h"
#include "tcp_sent.h"
#include "tcp_timer.h"
#include "tcp_work.h"
#include <net/siphash.h>
#include <net/wheel.h>
#include <mirage/fiber.h>
#include <mirage/tcpv4.h>

#define TCP_HALF_OPEN 256 /* connections in SYN-RECEIVED */
#define TCP_SPARE     256 /* displaced, and still held by an application */

/* Segments that each connection may keep when pages are scarce. */
#define TCP_LEAST_ROOM 2

#define TCP_QUEUE_FIRST ((uint32_t)64 << 10) /* bytes of a queue at first, */
#define TCP_QUEUE_MOST  ((uint32_t)4 << 20) /* and at most */
#define TCP_UNSENT_MOST ((uint32_t)256 << 10) /* of the send queue: more would
                                                 only fill the caches */
#define TCP_SCALE       7 /* 65,535 << 7 is 8 MiB */
#define TCP_DEFAULT_MSS 536 /* RFC 9293, 3.7.1 */
#define TCP_FIRST_QUICK 16 /* segments with an ACK each */

/* RFC 9293, 3.3.2. LISTEN is a struct tcp_listener. */
enum tcp_state {
    TCP_CLOSED,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIMED_WAIT,
};

struct connection {
    struct flow flow;
    struct tcpv4 *tcp;
    struct connection *next; /* in its bucket, or in the free list */
    uint32_t hash; /* of the endpoints */
    struct endpoint local, peer;
    enum tcp_state state;
    enum status error; /* why it was aborted */
    bool is_held; /* by an application */
    bool is_handled; /* counted in listener->handlers */
    bool is_passive; /* opened by the peer */
    unsigned half_open; /* index in half_opens, or none */
    struct connection *older, *newer; /* in TIME-WAIT */
    struct tcp_listener *listener; /* of a passive connection */

    struct tcp_peer_links peers;

    /* Send sequence variables: RFC 9293, 3.3.1; max_wnd is RFC 5961's
     * MAX.SND.WND, wind_shift RFC 7323's Snd.Wind.Shift. */
    uint32_t iss;
    struct {
        uint32_t una, nxt, wnd, wl1, wl2, max_wnd;
        uint8_t wind_shift;
    } snd;

    /* The send queue: byte seq is at its beginning. It keeps what was sent
     * until it is acknowledged. */
    struct {
        uint32_t seq, len, limit;
        struct buf *first, *last;
        nanoseconds progress_at; /* it became shorter, or not empty */
        struct buf *cursor; /* in the queue; its first byte is */
        uint32_t cursor_seq; /* this. NULL: there is none */
    } sndq;

    uint16_t mss; /* data bytes of a segment to the peer */
    uint16_t our_mss; /* that we announce */
    struct tcp_path path;
    bool shut_writing, shut_reading, fin_sent;
    bool syn_due; /* our SYN is to be sent, or sent again */
    struct tcp_ecn ecn;

    struct sent_list sent;

    /* Receive sequence variables; adv is the right edge of the window that
     * was announced. */
    uint32_t irs;
    struct {
        uint32_t nxt, adv;
        uint8_t wind_shift;
    } rcv;

    /* The receive queue: data in order that the application has not read. */
    struct {
        uint32_t len, limit;
        nanoseconds progress_at; /* it became shorter, or not empty */
        struct buf *first, *last;
    } rcvq;

    /* By how much the receive window grows: bytes read since a time, and the
     * round trip as the receiver measures it (0: not known). */
    struct {
        uint32_t bytes;
        nanoseconds since, rtt;
    } autotune;

    struct ooo_queue ooo;
    struct buf *syn_data; /* of a SYN, in a simultaneous open */
    uint32_t syn_data_len;
    bool fin_received; /* and all before it */
    bool fin_pending; /* at fin_seq, beyond a hole */
    uint32_t fin_seq;

    struct {
        unsigned unacked; /* bytes received since our last ACK */
        unsigned quick; /* segments that are acknowledged at once */
        bool now;
    } ack;

    struct tcp_sack sack;

    /* RFC 7323: TS.Recent and Last.ACK.sent */
    struct {
        bool is_on; /* negotiated */
        uint32_t offset, recent, last_ack_sent;
        nanoseconds recent_at;
    } ts;

    /* Challenge ACKs (RFC 5961) sent in the second that began at since. */
    struct {
        unsigned count;
        nanoseconds since;
    } challenge;

    struct tcp_rtt rtt;
    struct tcp_rack rack;
    struct tcp_tlp tlp;
    struct tcp_recovery recovery;
    struct tcp_prr prr;
    struct tcp_undo undo;

    uint32_t cwnd, ssthresh;
    struct tcp_cwv cwv;
    const struct tcp_congestion *congestion;
    union {
        struct tcp_cubic cubic;
        struct tcp_newreno newreno;
    };
    struct tcp_pacing pacing;

    nanoseconds unanswered_since; /* 0: all is acknowledged */
    nanoseconds last_heard; /* when the last valid segment arrived: while one
                               is processed, now */
    nanoseconds last_sent; /* data */
    unsigned keepalives; /* probes without an answer */
    struct flow_options options;
    nanoseconds clock[TCP_CLOCKS];
    struct wheel_timer timer;

    struct waiters readable, writable;
    bool is_scheduled;
    struct connection *scheduled; /* next in the work list */
    struct tcp_events events;
};

/* X(name) for each counter, in the order in which tcpv4_counters reports
 * them. */
/* clang-format off */
#define TCP_COUNTERS(X)                                                      \
    X(opened) X(accepted) X(failed) X(dropped_syns) X(no_room)               \
    X(displaced) X(over_peer_limit) X(cookies_out) X(cookies_in)             \
    X(segments_in) X(malformed) X(no_connection) X(out_of_window)            \
    X(stale_timestamps) X(missing_timestamps) X(duplicates_in) X(held)       \
    X(held_dropped) X(starved) X(relieved) X(resets_in) X(segments_out)      \
    X(retransmitted) X(fast_retransmits) X(tail_probes) X(timeouts)          \
    X(undone) X(reneged) X(repeats_in) X(marks_in) X(marks_echoed)           \
    X(path_probes) X(path_reduced) X(black_holes) X(probes) X(resets_out)    \
    X(challenges)
/* clang-format on */

struct tcp_counters {
#define MEMBER(name) uint64_t name;
    TCP_COUNTERS(MEMBER)
#undef MEMBER
    uint64_t held_steps; /* of searches in the out-of-order queue */
};

struct tcpv4 {
    struct ipv4 *ip;
    struct wheel *wheel;
    struct siphash_key secret;
    struct tcp_pool pool;
    struct tcp_peers peers;
    bool was_full, has_displaced; /* was logged */
    bool was_without_memory;
    struct tcp_listener *listeners;
    unsigned half_open, count;
    struct connection *half_opens[TCP_HALF_OPEN];
    struct connection *oldest, *newest; /* in TIME-WAIT */
    struct ooo_run *ooo_pool, *ooo_free;
    unsigned ooo_free_count;
    uint64_t ooo_random;
    struct sent_record *sent_pool, *sent_free;
    size_t sent_limit, sent_used, sent_count; /* at most; ever; now */
    const struct tcp_congestion *congestion; /* of new connections */
    enum tcpv4_ecn ecn;
    struct connection *work, *work_last; /* scheduled */
    struct waiters worker;
    struct fiber *work_fiber;
    bool is_in_handler; /* in a handler, which may not block */
    bool is_ending; /* nothing is accepted */
    struct wheel_timer memory; /* while pages are scarce */
    bool refused; /* of one without pages */
    struct tcp_counters counters;
};

/* Our timestamp of now: milliseconds plus the connection's offset. */
static inline uint32_t tcp_timestamp(const struct connection *c)
{
    return (uint32_t)(time_now() / MILLISECOND) + c->ts.offset;
}

/* Bytes in flight: RFC 6675's pipe. */
static inline uint32_t tcp_in_flight(const struct connection *c)
{
    uint32_t arrived = c->recovery.dup_acks * c->mss;

    /* Without SACK each duplicate ACK stands for a segment that has arrived. */
    return c->sack.permitted             ? c->sent.in_flight
           : c->sent.in_flight > arrived ? c->sent.in_flight - arrived
                                         : 0;
}

/* Bytes of the send queue that were not sent yet. */
static inline uint32_t tcp_unsent(const struct connection *c)
{
    uint32_t end = c->sndq.seq + c->sndq.len;

    return seq_before(c->snd.nxt, end) ? end - c->snd.nxt : 0;
}

/* Bytes that may be written now. */
static inline uint32_t tcp_send_room(const struct connection *c)
{
    uint32_t queue = c->sndq.len < c->sndq.limit ? c->sndq.limit - c->sndq.len
                                                 : 0;
    uint32_t unsent = tcp_unsent(c) < TCP_UNSENT_MOST
                          ? TCP_UNSENT_MOST - tcp_unsent(c)
                          : 0;

    return queue < unsent ? queue : unsent;
}

/* May it send keep-alives? Only when synchronised, and before the end. */
static inline bool tcp_may_keep_alive(const struct connection *c)
{
    return c->state != TCP_CLOSED && c->state != TCP_SYN_SENT &&
           c->state != TCP_SYN_RECEIVED && c->state != TCP_TIMED_WAIT;
}

/* Bytes that were sent and are not acknowledged. */
static inline uint32_t tcp_unacked(const struct connection *c)
{
    return c->snd.nxt - c->snd.una;
}

#endif
