/* SPDX-License-Identifier: ISC */
/*
 * RACK-TLP loss detection (RFC 8985). Variables have the names of the RFC.
 */
#ifndef NET_TCP_RACK_H
#define NET_TCP_RACK_H

#include <mirage/time.h>
#include <stdbool.h>

#define TCP_MAX_ACK_DELAY (200 * MILLISECOND) /* TLP.max_ack_delay */
#define TCP_PTO_LEAST     (10 * MILLISECOND)

struct connection;
struct delivery;
struct sent_record;

struct tcp_rack {
    nanoseconds xmit_ts, rtt; /* of the segment delivered last of all sent */
    nanoseconds min_rtt, min_rtt_at;
    uint32_t end_seq, fack, dsack_round;
    uint16_t reo_wnd_mult; /* quarters of min_rtt; 1 at first */
    uint8_t reo_wnd_persist;
    bool reordering_seen : 1, in_dsack_round : 1;
};

struct tcp_tlp {
    bool is_outstanding, is_retrans; /* is_retrans: of old data */
    uint8_t spurious; /* probes since the last sample */
    uint32_t end_seq;
};

/* Notes that the bytes of r up to end have been delivered: 6.2, steps 1 to 3.
 */
void rack_update(struct connection *c, const struct sent_record *r,
                 uint32_t end, const struct delivery *d);
/* Marks what is lost by now, and sets the reordering timer: step 5. */
void rack_detect_loss(struct connection *c, nanoseconds now);
/* Widens the reordering window, once a round trip: step 4. */
void rack_on_dsack(struct connection *c);
/* Narrows it again after 16 recoveries without a D-SACK. */
void rack_on_recovery_end(struct connection *c);
/* Marks the first segment, and those sent long enough ago: 6.3. */
void rack_mark_losses_on_rto(struct connection *c);

/* 7.2: may a tail loss probe be sent? If so, tlp_set_pto sets its timer. */
bool tlp_may_probe(const struct connection *c);
void tlp_set_pto(struct connection *c);
/* 7.4; false: the probe has repaired a loss, which is a sign of congestion. */
bool tlp_process_ack(struct connection *c, const struct delivery *d,
                     bool is_duplicate);

#endif
