/* SPDX-License-Identifier: ISC */
/*
 * The sender's scoreboard (RFC 6675): the bytes between snd.una and snd.nxt,
 * and the state of each.
 */
#ifndef NET_TCP_SENT_H
#define NET_TCP_SENT_H

#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_SENT      4096 /* records in a stack, besides one per connection */
#define TCP_SENT_EACH 2048 /* of one connection */

struct connection;

enum sent_state {
    SENT_IN_FLIGHT,
    SENT_LOST, /* to be retransmitted */
    SENT_SACKED, /* received out of order, by a SACK (RFC 2018) */
};

/* Bytes that were sent as one piece, of one or more segments. */
struct sent_record {
    struct sent_record *next; /* by sequence number */
    struct sent_record *earlier, *later; /* in flight: by xmit_ts */
    nanoseconds xmit_ts; /* of the last transmission */
    uint32_t seq, end; /* including a FIN */
    uint16_t segment; /* data bytes of each but the last */
    uint8_t state;
    bool is_retransmitted, is_probe; /* is_probe: of the PMTU */
};

struct sent_list {
    struct sent_record *first, *last; /* from snd.una to snd.nxt */
    struct sent_record *earliest, *latest; /* in flight, by xmit_ts */
    struct sent_record *sacked_hint, *lost_hint; /* no such record before it */
    struct sent_record own; /* each connection has one */
    bool own_in_use;
    uint32_t count;
    uint32_t in_flight, lost, sacked; /* bytes, by state */
};

/* Is a record free? Always, while the connection uses none. */
bool sent_can_add(const struct connection *c);

/* Notes that bytes from snd.nxt to end have been sent for the first time, and
 * advances snd.nxt. */
void sent_add(struct connection *c, uint32_t end);

/* Notes that r has been retransmitted. */
void sent_note_retransmission(struct connection *c, struct sent_record *r);

/* Splits r at a sequence number within it; false: no record is free. */
bool sent_split(struct connection *c, struct sent_record *r, uint32_t at);

/* Merges the next record into r. Both have the same state. */
void sent_merge_next(struct connection *c, struct sent_record *r);

void sent_set_state(struct connection *c, struct sent_record *r,
                    enum sent_state state);
struct sent_record *sent_first_lost(struct connection *c);

/* Removes the first record, or its bytes before seq. */
void sent_remove_first(struct connection *c);
void sent_trim_first(struct connection *c, uint32_t seq);

/* Marks all that is in flight as lost. */
void sent_mark_all_lost(struct connection *c);
/* Marks all that was SACKed as lost: the peer has reneged (RFC 2018, 8). */
void sent_forget_sacked(struct connection *c);
/* Marks all that was lost as in flight again: the loss was spurious. */
void sent_unmark_lost(struct connection *c);
void sent_free_all(struct connection *c);

#endif
