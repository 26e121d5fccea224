/* SPDX-License-Identifier: ISC */
/*
 * The timers of a connection, and RTT measurement with the retransmission
 * timeout (RFC 6298).
 */
#ifndef NET_TCP_TIMER_H
#define NET_TCP_TIMER_H

#include <mirage/time.h>

#define TCP_RTO_FIRST    SECOND
#define TCP_RTO_SLOW     (3 * SECOND) /* a SYN was lost: RFC 6298, 5.7 */
#define TCP_RTO_LEAST    (200 * MILLISECOND) /* beyond SRTT: decision 0015 */
#define TCP_RTO_MOST     (60 * SECOND)
#define TCP_TIME_WAIT    (60 * SECOND)
#define TCP_FIN_WAIT     (60 * SECOND) /* in FIN-WAIT-2 after CLOSE */
#define TCP_USER_TIMEOUT (300 * SECOND) /* RFC 9293, 3.9.1 */
#define TCP_SYN_TRIES    6 /* retransmissions: 123 s */

struct connection;
struct delivery;

/* Deadlines; FOREVER: the timer is not set. Of those due together the first
 * here runs first. */
enum tcp_clock {
    TCP_PTO, /* tail loss probe (RFC 8985, 7), in place of a timeout */
    TCP_RETRANSMIT, /* and window probes */
    TCP_REORDER, /* RFC 8985, 6.2 */
    TCP_ACKNOWLEDGE,
    TCP_PACE,
    TCP_KEEP_ALIVE,
    TCP_GIVE_UP, /* the user timeout */
    TCP_END, /* of TIME-WAIT, FIN-WAIT-2 */
    TCP_CLOCKS,
};

struct tcp_rtt {
    nanoseconds srtt, rttvar, rto; /* srtt 0: no sample yet */
    uint32_t next_sample; /* one sample each round trip */
    uint32_t last_retransmit_ts; /* our timestamp of then */
    unsigned backoff; /* times that rto is doubled */
};

void tcp_set_clock(struct connection *c, enum tcp_clock which,
                   nanoseconds deadline);
/* Starts the user timeout at since, when something that is not acknowledged
 * was sent; 0: stops it. */
void tcp_set_unanswered(struct connection *c, nanoseconds since);
/* The user timeout of what was sent at unanswered_since. */
nanoseconds tcp_user_deadline(const struct connection *c);
/* The application has set another user timeout. */
void tcp_update_user_timeout(struct connection *c);
void tcp_start_rto(struct connection *c);
void tcp_restart_rto(struct connection *c);

/* Updates SRTT, RTTVAR and RTO. */
void rtt_update(struct connection *c, nanoseconds rtt);
/* The same by an echoed timestamp, if that is plausible. */
void rtt_update_by_echo(struct connection *c, uint32_t echo);
void rtt_sample_delivery(struct connection *c, const struct delivery *d);

#endif
