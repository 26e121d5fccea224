/* SPDX-License-Identifier: ISC */
/*
 * Loss recovery by proportional rate reduction (RFC 6937), and the undoing of a
 * recovery that was spurious (RFC 3522, RFC 4015, RFC 5682).
 */
#ifndef NET_TCP_RECOVERY_H
#define NET_TCP_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct delivery;

/* In this order: from TCP_RECOVERY on something is to be retransmitted. */
enum tcp_phase {
    TCP_OPEN, /* cwnd may grow */
    TCP_REDUCED, /* after an ECE or a loss that a probe repaired */
    TCP_RECOVERY, /* fast recovery */
    TCP_LOSS, /* after a retransmission timeout */
};

struct tcp_recovery {
    enum tcp_phase phase;
    uint32_t point; /* RFC 6675's RecoveryPoint: where it ends */
    unsigned dup_acks;
    bool keeps_cwnd; /* the loss is no sign of congestion */
};

/* RFC 6937 */
struct tcp_prr {
    uint32_t delivered, out, recover_fs;
};

struct tcp_undo {
    bool is_allowed, has_retransmitted;
    uint32_t from; /* snd.una when the episode began */
    uint32_t retransmitted; /* bytes, less those that a D-SACK names */
    uint32_t retransmit_ts; /* RFC 3522's RetransmitTS */
    uint32_t prior_cwnd, prior_ssthresh;
};

/* Acts on an ACK: detects losses, begins, ends or undoes a recovery, and sets
 * cwnd. */
void recovery_on_ack(struct connection *c, struct delivery *d,
                     bool is_duplicate);
/* Begins the recovery of a loss that is no sign of congestion: cwnd stays. */
void recovery_begin_keeping_cwnd(struct connection *c);
void recovery_on_rto(struct connection *c);

#endif
