/* SPDX-License-Identifier: ISC */
/*
 * tcp: a connection's state, shared by the files of TCP:
 *
 *     tcp.c             listeners, opening, the end, the work fiber
 *     tcp_pool.c        connections' memory, and how they are found
 *     tcp_peers.c       how many each peer has, and which is idle for longest
 *     tcp_input.c       what comes (RFC 9293, 3.10.7)
 *     tcp_held.c        what of it came too early
 *     tcp_memory.c      when pages are scarce
 *     tcp_cookie.c      peers of whom nothing is kept yet
 *     tcp_output.c      what goes: segments, windows, acknowledgments
 *     tcp_sent.c        what is under way, and what has become of it
 *     tcp_sack.c        what has come too early: what we tell the peer of it
 *     tcp_rack.c        what is lost, by the time that passes (RFC 8985)
 *     tcp_recovery.c    what an acknowledgment means: recovery, or its undoing
 *     tcp_loss.c        round trips, time-outs, the other clocks
 *     tcp_congestion.c  how much may be under way: NewReno, and who chooses
 *     tcp_cubic.c       the same: CUBIC
 *     tcp_pace.c        and how fast
 *     tcp_ecn.c         the same: what routers say of it (RFC 3168)
 *     tcp_path.c        how long a segment may be
 *     tcp_flow.c        the flow that an application holds
 *     tcp_events.c      the same for applications without a fiber for each
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

#define TCP_HALF_OPEN 256  /* connections with no third segment yet */
#define TCP_SPARE     256  /* that were displaced, but are still held */
#define TCP_HELD      4096 /* runs of bytes that came too early, in all */
#define TCP_SENT      4096 /* records of what is under way, besides the one that
                              each connection has; in all */
#define TCP_SENT_EACH 2048 /* and of one connection */

/* Segments that each may hold, be pages scarce. */
#define TCP_LEAST_ROOM 2

#define TCP_QUEUE_FIRST ((uint32_t)64 << 10)  /* bytes, either way, at first */
#define TCP_QUEUE_MOST  ((uint32_t)4 << 20)   /* and at most */
#define TCP_UNSENT_MOST ((uint32_t)256 << 10) /* of them not sent yet: more
                                                 would only fill the caches */
#define TCP_SCALE       7                     /* 65,535 << 7 is 8 MiB */
#define TCP_DEFAULT_MSS 536                   /* RFC 9293, 3.7.1 */
#define TCP_FIRST_QUICK 16                    /* segments with an ACK at once */
#define TCP_TOLD_SINGLY 3                     /* behind a gap: an ACK each, */
#define TCP_UNTOLD_MOST 32                    /* and then so many with one */

#define TCP_RTO_FIRST    SECOND
#define TCP_RTO_SLOW     (3 * SECOND)        /* a SYN was lost: RFC 6298, 5.7 */
#define TCP_RTO_LEAST    (200 * MILLISECOND) /* beyond SRTT: decision 0015 */
#define TCP_RTO_MOST     (60 * SECOND)
#define TCP_DELAYED_ACK  (40 * MILLISECOND)
#define TCP_PEERS_DELAY  (200 * MILLISECOND) /* the longest of a peer's ACK */
#define TCP_UNTOLD_LEAST (250 * MICROSECOND)
#define TCP_TAIL_LEAST   (10 * MILLISECOND) /* a probe of the tail waits */
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
struct tcp_peer;
struct tcpv4;

/* Bytes that came too early, without a gap: tcp_held.c. */
struct held {
    struct held *next; /* behind a gap; or of the free ones */
    uint32_t     seq, end;
    struct buf  *data, *last;
    unsigned     bufs;
    uint32_t     rank; /* in the tree: no less than those below it */
    uint32_t     came; /* counts on with all that is held: when it grew last */
    struct held *left, *right;
};

/* What has become of bytes under way. */
enum sent_state {
    SENT_OUT,   /* nothing is known */
    SENT_LOST,  /* to be sent again */
    SENT_TAKEN, /* the peer has them, before others (RFC 2018) */
};

/* Bytes that were sent as one piece, of one or more segments. */
struct sent {
    struct sent *next;            /* the bytes behind them */
    struct sent *earlier, *later; /* of those that are out, by time */
    nanoseconds  time;            /* when they were sent at last */
    uint32_t     seq, end;        /* a FIN counts */
    uint16_t     segment;         /* data bytes of each segment but the last */
    uint8_t      state;
    bool         is_resent, is_probe; /* is_probe: of the path's MTU */
};

/* What an acknowledgment has told of what is under way. */
struct delivery {
    nanoseconds      now;
    bool             has_echo, is_new; /* is_new: snd_una has moved */
    bool             is_marked;        /* congestion was met (RFC 3168) */
    uint32_t         echo;
    uint32_t         acked;          /* bytes of data, by snd_una */
    uint32_t         bytes;          /* of which that is news */
    nanoseconds      oldest, newest; /* of those sent but once, when; 0: none */
    bool             is_original;    /* a time-out sent them not again */
    bool             has_repeat;     /* D-SACK: the peer had repeat already */
    struct tcp_range repeat;
};

/* Why cwnd is not left to grow. */
enum tcp_recovery {
    TCP_OPEN,    /* it is */
    TCP_REDUCED, /* the path is congested, it says, and nothing is lost */
    TCP_REPAIR,  /* something is lost */
    TCP_EXPIRED, /* and the retransmission timer has rung */
};

/* Times that a connection waits for; FOREVER: it does not. Of those that are
 * due together the first here is the first to ring. */
enum tcp_clock {
    TCP_TAIL,       /* the last segment may be lost: RFC 8985, 7; if it probes,
                       that is in the place of a time-out */
    TCP_RETRANSMIT, /* or to ask about a window of zero */
    TCP_REORDER,    /* what was overtaken is lost then: RFC 8985, 6.2 */
    TCP_ACKNOWLEDGE,
    TCP_PACE, /* for what was too much at once */
    TCP_KEEP_ALIVE,
    TCP_GIVE_UP, /* what is unanswered: the user timeout */
    TCP_END,     /* of TIME-WAIT, FIN-WAIT-2 */
    TCP_CLOCKS,
};

/* How much may be under way; cwnd and ssthresh are what it sets. */
struct congestion {
    /* acked bytes of new data were acknowledged, and nothing is lost. */
    void (*acked)(struct connection *c, uint32_t acked);
    /* A segment was lost, in_flight bytes being under way: ssthresh. */
    void (*lost)(struct connection *c, uint32_t in_flight);
    /* None was, after all. */
    void (*undo)(struct connection *c);
    /* The retransmission timer has rung: what was says nothing of now. */
    void (*expired)(struct connection *c);
};

extern const struct congestion tcp_newreno, tcp_cubic;

/* CUBIC's own: RFC 9438, 4.1.2; bytes and milliseconds. */
struct cubic {
    uint32_t    w_max, w_est, cwnd_prior, k;
    uint32_t    before_max, before_prior; /* of a loss that may be undone */
    uint64_t    grown, est_grown;         /* by less than a byte */
    nanoseconds epoch, seen;              /* epoch 0: with the next ACK */
};

/* Stays as long as it has connections. */
struct tcp_listener {
    struct tcp_listener *next;
    uint16_t             port;
    tcp_handler         *fn;       /* NULL: nobody listens any more */
    tcp_accepted        *accepted; /* NULL: fn, in a fiber */
    void                *ctx;
    struct tcp_limits    limits; /* 0: none */
    struct tcp_options   options;
    unsigned             half_open, handlers;
    nanoseconds          cookies; /* until then they may come; 0: never */
};

struct connection {
    struct flow        flow;
    struct tcpv4      *tcp;
    struct connection *next; /* in its bucket, or of the free ones */
    uint32_t           hash; /* of its endpoints */
    struct endpoint    local, peer;
    enum tcp_state     state;
    enum status        error;         /* why it ended before its time */
    bool               is_held;       /* by an application */
    bool               is_handled;    /* of those that the listener counts */
    bool               is_passive;    /* a listener's */
    unsigned           half_open;     /* its place among those, or none */
    struct connection *older, *newer; /* of those in TIME-WAIT */

    struct tcp_listener *listener; /* that is_passive is of */

    /* Accepted connections: tcp_peers.c. */
    struct tcp_peer   *by_peer, *by_port; /* counts it; by_port may be NULL */
    struct connection *idler, *busier;    /* of the same peer, by the time
                                             when it was last heard */
    bool               is_displaced;      /* has lost its place; still held */

    /* Sending. The queue begins with byte queue_seq; what was sent is in it
     * until it is acknowledged. */
    uint32_t    iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
    uint32_t    most_wnd; /* the largest that the peer has offered */
    uint32_t    queue_seq, queue_len, queue_limit;
    struct buf *queue, *queue_last;
    nanoseconds queue_moved; /* when it last became shorter, or began */
    struct buf *place;       /* in the queue, or NULL: its first byte is */
    uint32_t    place_seq;
    uint8_t     snd_scale, rcv_scale;
    uint16_t    mss;                /* data bytes of a segment to the peer */
    uint16_t    our_mss;            /* that we announce */
    uint16_t    mss_full, mss_next; /* what it was first; what is tried next */
    bool        probe_lost;         /* of those, and nothing else so far */
    bool        may_fragment;       /* routers may cut our packets: no DF */
    nanoseconds raise_at;           /* then; 0: it is what it was */
    bool        shut_writing, shut_reading, fin_sent;
    bool        syn_due;                 /* ours is to be sent, again maybe */
    bool        ecn, cwr_due, echo_mark; /* RFC 3168 */

    /* What is under way: a list by number from snd_una to snd_nxt; of it
     * those that are out, by time. */
    struct sent *sent, *sent_last, *earliest, *latest;
    struct sent *taken_place, *lost_place; /* where the next may be */
    struct sent  own_sent;                 /* one that it always has */
    bool         own_is_used;
    uint32_t     sent_count;
    uint32_t     out, lost, taken; /* bytes, by their state */

    /* Receiving. */
    uint32_t     irs, rcv_nxt, rcv_adv; /* rcv_adv: the window's right edge */
    uint32_t     read_len, read_limit;
    nanoseconds  read_moved; /* when something was read, or began to wait */
    struct buf  *read, *read_last;
    struct buf  *syn_text; /* came with the SYN when both open at once */
    uint32_t     syn_len;
    struct held *held, *held_last, *held_tree;
    unsigned     held_count, held_bufs;
    uint32_t     held_len;
    bool         fin_came; /* the peer's, and all before it */
    bool         fin_held; /* it came too early, at fin_seq */
    uint32_t     fin_seq;
    unsigned     unacked; /* bytes that came since our last ACK */
    unsigned     quick;   /* ACKs that are not to be delayed */
    bool         ack_now;

    /* What came too early, as the peer is told: the latest first. */
    bool             may_sack;
    uint8_t          early_count;
    uint8_t          early_told; /* of the latest: sack_tell_early */
    struct tcp_range early[TCP_RANGES];
    struct tcp_range repeat;     /* came twice (RFC 2883); empty: nothing */
    bool             is_telling; /* mss leaves room for the ranges now */

    /* RFC 7323 */
    bool        timestamps;
    unsigned    challenges; /* RFC 5961: sent in the second since challenged */
    nanoseconds challenged;
    uint32_t    time_offset, ts_recent, last_ack_sent;
    nanoseconds ts_recent_at;

    /* Loss and time. */
    nanoseconds srtt, rttvar, rto;     /* srtt 0: not measured */
    uint32_t    measured, resent_time; /* measured: from there on anew;
                                           resent_time: at last */
    unsigned    backoff, duplicates, keepalives;

    /* RFC 8985: what was sent last of all that has arrived, what it took; how
     * far ahead of others it may have come. */
    nanoseconds rack_time, rack_rtt, least_rtt, least_rtt_at;
    uint32_t    rack_end, foremost, repeat_round;
    uint8_t     patience, patience_left; /* quarters of a round trip */
    bool        is_reordered, in_repeat_round;
    bool        tail_probed, tail_resent;
    uint8_t     tail_early; /* probes that were not needed, since a measure */
    uint32_t    tail_end;

    /* Recovery, until recover is acknowledged; what it was before, and the
     * bytes sent again since (RFC 6937, RFC 4015). */
    enum tcp_recovery        recovery;
    uint32_t                 recover;
    uint32_t                 delivered, resent, flight;
    bool                     may_undo, has_resent;
    bool                     is_quiet; /* it is no sign of congestion */
    uint32_t                 undo_from, undo_left, first_resent_time;
    uint32_t                 before_cwnd, before_ssthresh;
    uint32_t                 cwnd, ssthresh;
    uint32_t                 peak, peak_before; /* under way, at most, in
                                                   this period and the last */
    nanoseconds              peak_since, unused_since;
    const struct congestion *congestion;
    union {
        struct cubic cubic;
        uint32_t     counted; /* NewReno's: bytes since cwnd grew */
    } control;
    nanoseconds         paid_to;          /* by what was sent: tcp_pace.c */
    nanoseconds         unanswered_since; /* 0: all is answered */
    nanoseconds         heard;            /* when the peer last was */
    nanoseconds         last_sent;        /* when we last sent data */
    struct flow_options options;

    /* The reader's pace, by which the window grows. */
    uint32_t    read_paced; /* bytes, */
    nanoseconds read_since; /* from then on */
    nanoseconds read_trip;  /* a round trip, as the reader sees it; 0: not
                              known */

    nanoseconds        clock[TCP_CLOCKS];
    struct wheel_timer timer;
    struct waiters     readable, writable;
    bool               is_scheduled;
    struct connection *scheduled;

    /* Of who has no fiber for it. */
    tcp_event_handler *on_event; /* NULL: nobody is told */
    void              *event_ctx;
    unsigned           told;   /* enum tcp_event: what is known */
    bool               is_new; /* its listener has not been told */
};

struct tcp_counters {
    uint64_t in, malformed, no_connection, out, resets_in, resets_out;
    uint64_t opened, accepted, failed, dropped_syns, cookies_out, cookies_in;
    uint64_t no_room, displaced, over_peer_limit;
    uint64_t retransmitted, timeouts;
    uint64_t fast_retransmits, tail_probes, undone, reneged;
    uint64_t held, held_steps, held_dropped, duplicates_in, probes, repeats_in;
    uint64_t marks_in, marks_echoed, path_probes, path_reduced, black_holes;
    uint64_t missing_timestamps;
    uint64_t stale_timestamps, challenges, out_of_window, starved, relieved;
};

/* tcp_pool.c's own, but for used, limit and spare. */
struct tcp_pool {
    struct connection **piece; /* of memory */
    size_t              used;  /* those beyond were never taken */
    size_t              taken; /* now */
    size_t              limit; /* of those taken, */
    size_t              spare; /* and so many more now; TCP_SPARE at most */
    struct connection  *free;
    struct connection **bucket;
    size_t              buckets, linked;
};

/* tcp_peers.c's own; zeroed is empty. */
struct tcp_peers {
    struct tcp_peer **bucket; /* by address and port */
    size_t            buckets, count;
    struct tcp_peer **heap; /* those with most connections first */
    size_t            heap_count, heap_room;
};

struct tcpv4 {
    struct ipv4             *ip;
    struct wheel            *wheel;
    struct siphash_key       secret;
    struct tcp_pool          pool;
    struct tcp_peers         peers;
    bool                     was_full, has_displaced; /* has been logged */
    bool                     was_without_memory;
    struct tcp_listener     *listeners;
    unsigned                 half_open, count;
    struct connection       *half_opens[TCP_HALF_OPEN];
    struct connection       *oldest, *newest; /* in TIME-WAIT */
    struct held             *held_pool, *free_held;
    unsigned                 held_free;
    uint64_t                 held_chance;
    struct sent             *sent_pool, *free_sent;
    size_t                   sent_used, sent_count; /* used: once at least */
    const struct congestion *congestion;            /* of new connections */
    enum tcpv4_ecn           ecn;
    struct connection       *work, *work_last; /* scheduled ones */
    struct waiters           worker;
    bool                     is_telling; /* nothing may wait */
    bool                     is_ending;  /* nobody is let in any more */
    struct wheel_timer       memory;     /* while pages are scarce */
    bool                     refused;    /* to one who holds nothing */
    struct tcp_counters      counters;
};

/* tcp.c */

/* Its output is due, at the latest when all that has come is looked at. */
void tcp_schedule(struct connection *c);

/* A connection between SYN and SYN, with its sequence numbers, that is known
 * to nobody. */
void tcp_init(struct connection *c, struct tcpv4 *tcp, struct endpoint local,
              struct endpoint peer);

/* Its first number is another. */
void tcp_begin_at(struct connection *c, uint32_t iss);

/* A connection in its place for SYN, with its sequence numbers; NULL: the pool
 * is empty, which is counted and logged once. */
struct connection *tcp_new(struct tcpv4 *tcp, struct endpoint local,
                           struct endpoint peer);

/* The same, but in a full pool the connection that tcp_peer_to_displace names
 * is reset to make room. */
struct connection *tcp_new_by_displacing(struct tcpv4   *tcp,
                                         struct endpoint local,
                                         struct endpoint peer);

/* Would tcp_new find room? */
bool tcp_has_room(const struct tcpv4 *tcp);

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

/* Runs its handler in a fiber, or sees to it that its listener is told; until
 * the application lets go of it. */
void tcp_accept(struct connection *c);
void tcp_let_go(struct connection *c);

/* A connection that is being opened; the statuses of tcpv4_open. */
MUST_CHECK enum status tcp_begin(struct tcpv4 *tcp, struct endpoint to,
                                 struct connection **made);

/* tcp_pool.c */

/* A pool, and its end; ERR_NO_MEMORY. */
MUST_CHECK enum status tcp_pool_init(struct tcp_pool *p);
void                   tcp_pool_free(struct tcp_pool *p);

/* One that nobody has, with anything in it; NULL: the limit is reached, or
 * there is no memory. And back. */
struct connection *tcp_pool_take(struct tcp_pool *p);
void               tcp_pool_give(struct tcp_pool *p, struct connection *c);

/* The i-th of those that were ever used, i less than p->used: in any state. */
struct connection *tcp_pool_at(const struct tcp_pool *p, size_t i);

/* Can be found by its endpoints from now on; or no longer. */
void               tcp_pool_link(struct connection *c);
void               tcp_pool_unlink(struct connection *c);
struct connection *tcp_find(struct tcpv4 *tcp, struct endpoint local,
                            struct endpoint peer);

/* A number that nobody can guess, of two endpoints and a salt. */
uint64_t tcp_hash(const struct tcpv4 *tcp, const struct endpoint *local,
                  const struct endpoint *peer, uint64_t salt);

/* tcp_peers.c */

/* May this address have one more connection to the port of l? */
bool tcp_peer_may(const struct tcpv4 *tcp, const struct tcp_listener *l,
                  struct ip_address ip);

/* Counts an accepted connection; ERR_NO_MEMORY. It counts until it has ended
 * (tcp_peer_remove), for the limit of its port until the application closes it
 * (tcp_peer_let_go). For one that does not count they do nothing. */
MUST_CHECK enum status tcp_peer_add(struct connection *c);
void                   tcp_peer_remove(struct connection *c);
void                   tcp_peer_let_go(struct connection *c);

/* The peer was heard on this connection just now. */
void tcp_peer_heard(struct connection *c);

/* Of the peer that has most connections, the one on which it was not heard for
 * longest; NULL: no peer has more than the one with this address. */
struct connection *tcp_peer_to_displace(const struct tcpv4 *tcp,
                                        struct ip_address   ip);

void tcp_peers_free(struct tcp_peers *all);

/* tcp_input.c */
void tcp_input(void *ctx, const struct ipv4_packet *packet, struct buf *b);
void tcp_failed(void *ctx, const struct ipv4_packet *packet,
                const uint8_t *start, size_t len,
                const struct ipv4_error *error);

/* tcp_held.c */

/* Keeps data, len bytes from seq on, which is behind rcv_nxt, and takes them;
 * what is there already is left out. False: it is too much, and dropped. */
bool tcp_hold(struct connection *c, uint32_t seq, struct buf *data,
              uint32_t len);

/* The run in which seq lies; NULL: none. */
const struct held *tcp_held_at(const struct connection *c, uint32_t seq);

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

/* The SYN for which the cookie stands that ack brings back; false: none. Its
 * has_timestamps may differ from ack's. */
bool tcp_cookie_check(const struct tcpv4 *tcp, const struct endpoint *local,
                      const struct endpoint    *peer,
                      const struct tcp_segment *ack, struct tcp_segment *syn);

/* tcp_output.c */

/* Sends what may be sent, and an ACK if one is due. */
void tcp_output(struct connection *c);

/* Sends len bytes of the queue from seq on, or the SYN or FIN there. */
void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags);

/* Sends once more what r has. */
void tcp_resend(struct connection *c, struct sent *r);
/* The first len bytes of what is under way, or all that was sent with them. */
void tcp_resend_first(struct connection *c, uint32_t len);
/* Sends a new segment whatever cwnd says; false: there is none to be sent. */
bool tcp_send_one(struct connection *c);
void tcp_send_ack(struct connection *c);
void tcp_send_reset(struct connection *c);

/* Answers a segment with a reset, as one that belongs to no connection (RFC
 * 9293, 3.10.7.1). c: the connection that it came to, or NULL. */
void tcp_refuse(struct tcpv4 *tcp, const struct connection *c,
                const struct ipv4_packet *packet, const struct tcp_segment *s,
                uint32_t len);

/* The window to announce now, in bytes. */
uint32_t tcp_window(const struct connection *c);

/* The milliseconds of our timestamps. */
uint32_t tcp_time(const struct connection *c);

/* Bytes of the queue that wait to be sent. */
static inline uint32_t tcp_unsent(const struct connection *c)
{
    uint32_t end = c->queue_seq + c->queue_len;

    return seq_before(c->snd_nxt, end) ? end - c->snd_nxt : 0;
}

/* Bytes that may be written now. */
static inline uint32_t tcp_room(const struct connection *c)
{
    uint32_t queue = c->queue_len < c->queue_limit
                         ? c->queue_limit - c->queue_len
                         : 0;
    uint32_t unsent = tcp_unsent(c) < TCP_UNSENT_MOST
                          ? TCP_UNSENT_MOST - tcp_unsent(c)
                          : 0;

    return queue < unsent ? queue : unsent;
}

/* May it ask whether the peer lives? It does not before it is open. */
static inline bool tcp_may_ask(const struct connection *c)
{
    return c->state != TCP_CLOSED && c->state != TCP_SYN_SENT &&
           c->state != TCP_SYN_RECEIVED && c->state != TCP_TIMED_WAIT;
}

/* tcp_sent.c */

/* Is there a record for a further piece? One who has none always gets one. */
bool sent_has_room(const struct connection *c);

/* Bytes from snd_nxt to end have been sent, for the first time. */
void sent_add(struct connection *c, uint32_t end);

/* r has been sent once more. */
void sent_again(struct connection *c, struct sent *r);

/* Cuts r at a number within; false: there is no record for the rest. */
bool sent_cut(struct connection *c, struct sent *r, uint32_t at);

/* Adds what follows r, in the same state. */
void sent_join(struct connection *c, struct sent *r);

void         sent_set(struct connection *c, struct sent *r,
                      enum sent_state state);
struct sent *sent_first_lost(struct connection *c);

/* What is before snd_una has arrived; and so have the ranges of s. */
void sent_acked(struct connection *c, struct delivery *d);
void sent_take(struct connection *c, const struct tcp_segment *s,
               struct delivery *d);

/* Everything is lost, what the peer has but for. */
void sent_lose_all(struct connection *c);
/* The peer has thrown away what it had told us of (RFC 2018, 8). */
void sent_forget_taken(struct connection *c);
/* Nothing is. */
void sent_find_all(struct connection *c);
void sent_free_all(struct connection *c);

/* tcp_sack.c */

/* Bytes came too early, and are held. */
void     sack_note_early(struct connection *c, uint32_t from, uint32_t to);
/* Tells the peer so, now or soon: RFC 5681, 4.2. */
void     sack_tell_early(struct connection *c);
/* Bytes came twice. */
void     sack_note_repeat(struct connection *c, uint32_t from, uint32_t to);
/* How many bytes of a segment's options take what there is to be told. */
uint32_t sack_length(struct connection *c);
/* Puts what there is to be told into s. */
void     sack_fill(struct connection *c, struct tcp_segment *s);
/* What s says was got twice: of what we have sent (RFC 2883, 4). */
bool     sack_repeat(const struct connection *c, const struct tcp_segment *s,
                     struct tcp_range *repeat);

/* tcp_rack.c */

/* Of r the bytes up to end have arrived. */
void rack_note(struct connection *c, const struct sent *r, uint32_t end,
               const struct delivery *d);
/* Marks what is lost by now, and sets the clock for what may be. */
void rack_look(struct connection *c, nanoseconds now);
void rack_note_repeat(struct connection *c);
void rack_note_recovered(struct connection *c);
/* Of those that are out, all that was sent so long ago: a time-out. */
void rack_expire(struct connection *c);
/* May the tail be probed? If so, sets the clock for it. */
bool rack_may_probe(const struct connection *c);
void rack_set_tail(struct connection *c);
void rack_ring_tail(struct connection *c);
/* False: a probe of the tail has repaired a loss. */
bool rack_tail_is_well(struct connection *c, const struct delivery *d,
                       bool is_duplicate);

/* tcp_recovery.c */

/* The bytes under way: RFC 6675's pipe. */
uint32_t tcp_in_flight(const struct connection *c);

/* All that was sent and not acknowledged. */
static inline uint32_t tcp_unacked(const struct connection *c)
{
    return c->snd_nxt - c->snd_una;
}

void recovery_take(struct connection *c, struct delivery *d,
                   bool is_duplicate);
/* Something is lost, and cwnd stays what it was. */
void recovery_begin_quietly(struct connection *c);
/* The retransmission timer has rung. */
void recovery_expire(struct connection *c);

/* tcp_pace.c */
/* How many of len bytes, at most those of the window, may leave now; the clock
 * is set for the others. */
uint32_t pace_limit(struct connection *c, uint32_t len);
/* That many have left. */
void     pace_note_sent(struct connection *c, uint32_t len);

/* tcp_congestion.c */
const struct congestion *congestion_chosen(void);

/* The first window; the one after nothing was sent for long. */
void congestion_begin(struct connection *c);
void congestion_restart(struct connection *c);

void     congestion_note_sent(struct connection *c, nanoseconds now);
/* How much may be sent at one stroke. */
uint32_t congestion_burst(struct connection *c);
/* Is the window worth more? */
bool     congestion_may_grow(const struct connection *c, uint32_t acked);
uint32_t congestion_slow_start(struct connection *c, uint32_t acked);

/* tcp_ecn.c */
enum tcpv4_ecn ecn_chosen(void);

/* Flags of our SYN; what the peer's say. */
uint8_t ecn_syn_flags(struct connection *c);
void    ecn_take_syn(struct connection *c, uint8_t flags);
/* A segment in the window has come, with len bytes of data. */
void    ecn_take(struct connection *c, uint8_t flags, uint8_t service,
                 uint32_t len);
/* IP's bits for a segment. */
uint8_t ecn_service(const struct connection *c, uint32_t seq, uint32_t len);

/* tcp_path.c */

/* Has segments of at most so many bytes of IP packets from now on, if they are
 * longer (RFC 1191: never below 68). */
bool     tcp_fit(struct connection *c, uint16_t mtu);
/* A router says that packets may be so long; 0: it does not say. */
void     path_note_mtu(struct connection *c, uint16_t mtu);
/* ICMP says that the peer cannot be reached. */
void     path_note_error(struct connection *c, enum status status);
/* What is at the front of the queue was sent in vain once more. */
void     path_note_timeout(struct connection *c);
/* A probe of segment bytes has arrived; the one that r has is lost. */
void     path_note_arrival(struct connection *c, uint16_t segment);
void     path_note_loss(struct connection *c, struct sent *r);
/* How long a segment is to be tried now, of so much that is queued and that may
 * be sent; 0: none. */
uint16_t path_probe(const struct connection *c, uint32_t queued, uint32_t may);

/* tcp_loss.c */
void tcp_measure_delivery(struct connection *c, const struct delivery *d);
void tcp_set_clock(struct connection *c, enum tcp_clock which,
                   nanoseconds deadline);
/* From since on an answer is waited for, as long as the user timeout says; 0:
 * none is. */
void tcp_set_unanswered(struct connection *c, nanoseconds since);
/* The user timeout is another. */
void tcp_note_user_timeout(struct connection *c);
void tcp_start_retransmit(struct connection *c);
void tcp_restart_retransmit(struct connection *c);
void tcp_measure(struct connection *c, nanoseconds rtt);
/* By the time stamp that has come back, if it is not absurd. */
void tcp_measure_echo(struct connection *c, uint32_t echo);
void tcp_ring(void *c);

/* tcp_flow.c */

/* Ends it at once, also what can still be read; the peer sees a reset. */
void tcp_abort(struct connection *c, enum status why);

extern const struct flow_ops tcp_flow_ops;

/* tcp_events.c */

/* Tells who has no fiber for it what is new. It may be gone then. */
void tcp_tell(struct connection *c);

#endif
