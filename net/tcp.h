/* SPDX-License-Identifier: ISC */
/*
 * tcp: a connection's state, shared by the files of TCP:
 *
 *     tcp.c             pools, look-up, listeners, opening, the work fiber
 *     tcp_input.c       what comes (RFC 9293, 3.10.7)
 *     tcp_held.c        what of it came too early
 *     tcp_memory.c      when pages are scarce
 *     tcp_cookie.c      peers of whom nothing is kept yet
 *     tcp_output.c      what goes: segments, windows, acknowledgments
 *     tcp_loss.c        what was lost: round trips, retransmission, timers
 *     tcp_congestion.c  how much may be under way
 *     tcp_flow.c        the flow that an application holds
 *
 * Names are those of RFC 9293, 3.3.1: snd_una is SND.UNA.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "siphash.h"
#include "tcp_segment.h"
#include "wheel.h"
#include <mirage/fiber.h>
#include <mirage/tcpv4.h>

#define TCP_CONNECTIONS 4096 /* at once, those that wait to be forgotten too */
#define TCP_HALF_OPEN   256  /* of them: with no third segment yet */
#define TCP_BUCKETS     1024
#define TCP_HELD        4096 /* runs of bytes that came too early, in all */

/* Segments that each may hold, be pages scarce. */
#define TCP_LEAST_ROOM 2

#define TCP_QUEUE_FIRST ((uint32_t)64 << 10) /* bytes, either way, at first */
#define TCP_QUEUE_MOST  ((uint32_t)4 << 20)  /* and at most */
#define TCP_SCALE       7                    /* 65,535 << 7 is 8 MiB */
#define TCP_DEFAULT_MSS 536                  /* RFC 9293, 3.7.1 */
#define TCP_FIRST_QUICK 16                   /* segments with an ACK at once */

#define TCP_RTO_FIRST    SECOND
#define TCP_RTO_SLOW     (3 * SECOND)        /* a SYN was lost: RFC 6298, 5.7 */
#define TCP_RTO_LEAST    (200 * MILLISECOND) /* RFC 6298 says a second, of
                                                clocks that tick slowly */
#define TCP_RTO_MOST     (60 * SECOND)
#define TCP_DELAYED_ACK  (40 * MILLISECOND)
#define TCP_TIME_WAIT    (60 * SECOND)
#define TCP_FIN_WAIT     (60 * SECOND)  /* for the peer's FIN, once closed */
#define TCP_USER_TIMEOUT (300 * SECOND) /* RFC 9293, 3.9.1 */
#define TCP_SYN_TRIES    6              /* sent again: gives up in 127 s */
#define TCP_COOKIE_LIFE  (128 * SECOND)

/* RFC 9293, 3.3.2. LISTEN is a struct listener's. */
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

struct connection;
struct tcpv4;

/* Bytes that came too early, without a gap: tcp_held.c. */
struct held {
    struct held *next; /* behind a gap; or of the free ones */
    uint32_t     seq, end;
    struct buf  *data, *last;
    unsigned     bufs;
    uint32_t     rank; /* in the tree: no less than those below it */
    struct held *left, *right;
};

/* Times that a connection waits for; FOREVER: it does not. */
enum tcp_clock {
    TCP_RETRANSMIT, /* or to ask about a window of zero */
    TCP_ACKNOWLEDGE,
    TCP_KEEP_ALIVE,
    TCP_END, /* of TIME-WAIT, FIN-WAIT-2 */
    TCP_CLOCKS,
};

/* How much may be under way; cwnd and ssthresh are what it sets. */
struct congestion {
    const char *name;
    void (*begin)(struct connection *c);
    /* acked bytes of new data were acknowledged, outside of recovery. */
    void (*acked)(struct connection *c, uint32_t acked);
    /* A segment was lost, in_flight bytes being under way: ssthresh. */
    void (*lost)(struct connection *c, uint32_t in_flight);
};

extern const struct congestion tcp_newreno;

/* Stays as long as it has connections. */
struct tcp_listener {
    struct tcp_listener *next;
    uint16_t             port;
    tcp_handler         *fn; /* NULL: nobody listens any more */
    void                *ctx;
    struct tcp_limits    limits; /* 0: none */
    unsigned             half_open, handlers;
    nanoseconds          cookies; /* until then they may come; 0: never */
};

struct connection {
    struct flow        flow;
    struct tcpv4      *tcp;
    struct connection *next; /* in its bucket, or of the free ones */
    struct endpoint    local, peer;
    enum tcp_state     state;
    enum status        error;         /* why it ended before its time */
    bool               is_held;       /* by an application */
    bool               is_passive;    /* a listener's */
    unsigned           half_open;     /* its place among those, or none */
    struct connection *older, *newer; /* of those in TIME-WAIT */

    struct tcp_listener *listener; /* that is_passive is of */

    /* Sending. The queue begins with byte queue_seq; what was sent is in it
     * until it is acknowledged. */
    uint32_t    iss, snd_una, snd_nxt, snd_max, snd_wnd, snd_wl1, snd_wl2;
    uint32_t    most_wnd; /* the largest that the peer has offered */
    uint32_t    queue_seq, queue_len, queue_limit;
    struct buf *queue, *queue_last;
    nanoseconds queue_moved; /* when it last became shorter, or began */
    struct buf *place;       /* in the queue, or NULL: its first byte is */
    uint32_t    place_seq;
    uint8_t     snd_scale, rcv_scale;
    uint16_t    mss;     /* data bytes of a segment to the peer, with the
                            options that each has */
    uint16_t    our_mss; /* that we announce */
    bool        shut_writing, shut_reading, fin_sent;

    /* Receiving. */
    uint32_t     irs, rcv_nxt, rcv_adv; /* rcv_adv: the window's right edge */
    uint32_t     read_len, read_limit;
    nanoseconds  read_moved; /* when something was read, or began to wait */
    struct buf  *read, *read_last;
    struct held *held, *held_last, *held_tree;
    unsigned     held_count, held_bufs;
    uint32_t     held_len;
    bool         fin_came; /* the peer's, and all before it */
    bool         fin_held; /* it came too early, at fin_seq */
    uint32_t     fin_seq;
    unsigned     unacked; /* bytes that came since our last ACK */
    unsigned     quick;   /* ACKs that are not to be delayed */
    bool         ack_now;

    /* RFC 7323 */
    bool        timestamps;
    unsigned    challenges; /* RFC 5961: sent in the second since challenged */
    nanoseconds challenged;
    uint32_t    time_offset, ts_recent, last_ack_sent;
    nanoseconds ts_recent_at;

    /* Loss and time. */
    nanoseconds              srtt, rttvar, rto;      /* srtt 0: not measured */
    nanoseconds              timed_at;               /* 0: none */
    uint32_t                 timed_seq, resent_time; /* at last */
    unsigned                 backoff, duplicates, keepalives;
    bool                     in_recovery;
    uint32_t                 recover; /* RFC 6582 */
    uint32_t                 cwnd, ssthresh;
    const struct congestion *congestion;
    uint64_t                 of_congestion[4]; /* its own */
    nanoseconds              unanswered_since; /* 0: all is answered */
    nanoseconds              heard;            /* when the peer last was */
    nanoseconds              sent;             /* when we last sent data */
    struct flow_options      options;

    /* The reader's pace, by which the window grows. */
    uint32_t    paced;
    nanoseconds paced_since;
    nanoseconds read_trip; /* a round trip, as the reader sees it; 0: not
                              known */

    nanoseconds        clock[TCP_CLOCKS];
    struct wheel_timer timer;
    struct waiters     readable, writable;
    bool               is_scheduled;
    struct connection *scheduled;
};

struct tcp_counters {
    uint64_t in, malformed, no_connection, out, resets_in, resets_out;
    uint64_t opened, accepted, failed, dropped_syns, cookies_out, cookies_in;
    uint64_t retransmitted, timeouts;
    uint64_t fast_retransmits, held, held_steps, held_dropped;
    uint64_t duplicates_in, probes;
    uint64_t stale_timestamps, challenges, out_of_window, starved;
    uint64_t relieved;
};

struct tcpv4 {
    struct ipv4         *ip;
    struct wheel        *wheel;
    struct siphash_key   secret;
    struct connection   *bucket[TCP_BUCKETS];
    struct tcp_listener *listeners;
    struct connection   *pool, *free;
    size_t               pool_used; /* those beyond were never taken */
    unsigned             half_open, count;
    struct connection   *half_opens[TCP_HALF_OPEN];
    struct connection   *oldest, *newest; /* in TIME-WAIT */
    struct held         *held_pool, *free_held;
    unsigned             held_free;
    uint64_t             held_chance;
    struct connection   *work, *work_last; /* scheduled ones */
    struct waiters       worker;
    struct wheel_timer   memory;  /* while pages are scarce */
    bool                 refused; /* to one who holds nothing */
    struct tcp_counters  counters;
};

/* tcp.c */

/* Its output is due, at the latest when all that has come is looked at. */
void tcp_schedule(struct connection *c);

/* What nobody can foresee of the two ends and salt. */
uint64_t tcp_hash(const struct tcpv4 *tcp, const struct endpoint *local,
                  const struct endpoint *peer, uint64_t salt);

/* A connection between SYN and SYN, with its sequence numbers, that is known
 * to nobody. */
void tcp_init(struct connection *c, struct tcpv4 *tcp, struct endpoint local,
              struct endpoint peer);

/* Its first number is another. */
void tcp_begin_at(struct connection *c, uint32_t iss);

/* A connection in its place for SYN, with its sequence numbers; NULL: the pool
 * is empty. */
struct connection   *tcp_new(struct tcpv4 *tcp, struct endpoint local,
                             struct endpoint peer);
struct connection   *tcp_find(struct tcpv4 *tcp, struct endpoint local,
                              struct endpoint peer);
struct tcp_listener *tcp_listener_of(struct tcpv4 *tcp, uint16_t port);

/* May it have another one that is half open, that is handled? */
bool tcp_may_half_open(const struct tcpv4 *tcp, const struct tcp_listener *l);
bool tcp_may_accept(const struct tcp_listener *l);

/* Has the peer's SYN, and waits for the third segment; or no longer. */
void tcp_half_open(struct connection *c, struct tcp_listener *l);
void tcp_not_half_open(struct connection *c);

/* To TIME-WAIT, of those the newest. */
void tcp_time_wait(struct connection *c);

/* It is over, for this reason (OK: in good order). Frees it unless an
 * application holds it. */
void tcp_end(struct connection *c, enum status why);

/* Freed when the application lets go of an ended one. */
void tcp_free(struct connection *c);

/* Runs its handler in a fiber. */
void tcp_accept(struct connection *c);

/* tcp_input.c */
void tcp_input(void *ctx, const struct ipv4_packet *packet, struct buf *b);
void tcp_failed(void *ctx, const struct ipv4_packet *packet,
                const uint8_t *start, size_t len,
                const struct ipv4_error *error);

/* tcp_held.c */

/* Keeps data, len bytes from seq on, which is behind rcv_nxt, and takes them;
 * what is there already, or is too much, is left out. */
void tcp_hold(struct connection *c, uint32_t seq, struct buf *data,
              uint32_t len);

/* What was held and is next now, yours; NULL: nothing. */
struct buf *tcp_take_held(struct connection *c, uint32_t *len);
void        tcp_drop_held(struct connection *c);

/* tcp_memory.c */

bool tcp_is_scarce(void);

/* May it keep what has come, in order, and take more to be sent? */
bool tcp_may_take(const struct connection *c);
bool tcp_may_queue(const struct connection *c);

/* Something could not be said or taken for want of pages: all are looked at
 * when there are some again. */
void tcp_pinched(struct tcpv4 *tcp);
void tcp_look_at_memory(void *tcp); /* for its timer */

/* tcp_cookie.c */

/* Our first number that stands for a SYN, and the time stamp that goes with
 * it, not later than now. */
uint32_t tcp_cookie(const struct tcpv4 *tcp, const struct endpoint *local,
                    const struct endpoint    *peer,
                    const struct tcp_segment *syn);
uint32_t tcp_cookie_time(uint32_t now, const struct tcp_segment *syn);

/* The SYN for which the cookie stands that ack brings back; false: none. */
bool tcp_cookie_check(const struct tcpv4 *tcp, const struct endpoint *local,
                      const struct endpoint    *peer,
                      const struct tcp_segment *ack, struct tcp_segment *syn);

/* tcp_output.c */

/* Sends what may be sent, and an ACK if one is due. */
void tcp_output(struct connection *c);

/* Sends count bytes of the queue from seq on, or the SYN or FIN there. */
void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags);
void tcp_send_ack(struct connection *c);
void tcp_send_reset(struct connection *c);

/* To whom there is no connection (RFC 9293, 3.10.7.1). */
void tcp_refuse(struct tcpv4 *tcp, const struct ipv4_packet *packet,
                const struct tcp_segment *s, uint32_t len);

/* The window to announce now, in bytes. */
uint32_t tcp_window(const struct connection *c);

/* Has segments of at most so many bytes of IP packets from now on, if they are
 * longer (RFC 1191: never below 68). */
bool tcp_fit(struct connection *c, uint16_t mtu);

/* The milliseconds of our timestamps. */
uint32_t tcp_time(const struct connection *c);

/* tcp_loss.c */

/* The sum of what was sent and not acknowledged. */
static inline uint32_t tcp_in_flight(const struct connection *c)
{
    return c->snd_nxt - c->snd_una;
}

/* new data was acknowledged: acked of its bytes; the time of echo is known. */
void tcp_acked(struct connection *c, uint32_t acked, bool has_echo,
               uint32_t echo);
void tcp_duplicate_ack(struct connection *c);
void tcp_set_clock(struct connection *c, enum tcp_clock which,
                   nanoseconds deadline);
void tcp_start_retransmit(struct connection *c);
void tcp_measure(struct connection *c, nanoseconds rtt);
void tcp_ring(void *c);

/* tcp_flow.c */

/* Ends it at once, also what can still be read; the peer sees a reset. */
void tcp_abort(struct connection *c, enum status why);

extern const struct flow_ops tcp_flow_ops;

#endif
