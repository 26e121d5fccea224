/* SPDX-License-Identifier: ISC */
/*
 * Data and FIN of a received segment (RFC 9293, 3.10.7.4, seventh and eighth):
 * in order into the receive queue, beyond a hole into the out-of-order queue;
 * and when to acknowledge them (RFC 5681, 4.2).
 */
#include "tcp_arrival.h"
#include "tcp_memory.h"
#include "tcp_text.h"
#include <mirage/macros.h>

#define SMALL            512 /* copied into the page before */
#define LARGE            2048 /* the same, when pages are scarce */
#define SACK_DELAY_LEAST (250 * MICROSECOND) /* a shorter delay is none */

static void link_to_receive_queue(struct connection *c, struct buf *data)
{
    if (c->rcvq.last)
        c->rcvq.last->next = data;
    else
        c->rcvq.first = data;
    c->rcvq.last = buf_last(data);
}

/* Coalesces small segments into one page, and larger ones when pages are
 * scarce. Frees data then. */
static bool coalesce(struct connection *c, struct buf *data, uint32_t len)
{
    bool is_scarce = buf_pages_free() < buf_pages() / 2;
    bool has_room = c->rcvq.last && buf_is_sole(c->rcvq.last);
    uint32_t room = has_room ? (uint32_t)buf_tailroom(c->rcvq.last) : 0;
    struct buf *more = NULL;

    if (len > (is_scarce ? LARGE : SMALL) || (!is_scarce && len > room) ||
        room == 0)
        return false;
    if (room < len && !(more = buf_new(0)))
        return false;
    room = min(room, len);
    buf_copy_out(data, 0, buf_append(c->rcvq.last, room), room);
    if (more) {
        buf_copy_out(data, room, buf_append(more, len - room), len - room);
        link_to_receive_queue(c, more);
    }
    buf_free(data);
    return true;
}

/* Adds data at rcv.nxt to the receive queue. */
static void append_in_order(struct connection *c, struct buf *data,
                            uint32_t len)
{
    c->rcv.nxt += len;
    c->ack.unacked += len;
    if (c->shut_reading) {
        buf_free(data);
        return;
    }
    data->offload = (struct offload){0};
    if (c->rcvq.len == 0)
        c->rcvq.progress_at = time_now();
    if (!coalesce(c, data, len))
        link_to_receive_queue(c, data);
    c->rcvq.len += len;
}

/* Receives the data of a SYN, once the connection is open. */
static void receive_syn_data(struct connection *c)
{
    struct buf *data = c->syn_data;

    c->syn_data = NULL;
    append_in_order(c, data, c->syn_data_len);
    c->ack.now = true;
    wake_all(&c->readable);
}

/* Moves data from the out-of-order queue to the receive queue. */
static void receive_from_ooo(struct connection *c)
{
    struct buf *data;
    uint32_t len;

    while ((data = ooo_remove_next(c, &len)) != NULL)
        append_in_order(c, data, len);
}

/* New data after CLOSE, or after both directions were shut: RFC 9293, 3.6.1. */
static bool is_unwanted(const struct connection *c, const struct arrival *a)
{
    bool has_new = a->len > 0 && seq_after(a->s.seq + a->len, c->rcv.nxt);

    return (has_new || c->syn_data) && c->shut_writing && c->shut_reading;
}

/* Measures the round trip as a receiver: the age of the timestamp that data
 * echo. A filter that falls at once and rises slowly, since the sender may have
 * been idle. */
static void measure_receiver_rtt(struct connection *c,
                                 const struct tcp_segment *s)
{
    nanoseconds trip = (tcp_timestamp(c) - s->echo) * MILLISECOND;

    if (!c->ts.is_on || !s->has_timestamps || trip > 60 * SECOND)
        return;
    trip = max(trip, MILLISECOND);
    if (c->autotune.rtt == 0 || trip < c->autotune.rtt)
        c->autotune.rtt = trip;
    else
        c->autotune.rtt += (trip - c->autotune.rtt) / 8;
}

/*
 * Acknowledges a segment beyond a hole, now or later (RFC 5681, 4.2). A sender
 * needs three duplicate ACKs to detect a loss; ACKs of more segments
 * beyond the same hole may be combined. They are delayed by a twentieth of the
 * RTT, at most a millisecond; if that is too short for a timer, until the end
 * of the batch.
 */
static void ack_out_of_order(struct connection *c)
{
    nanoseconds trip = c->autotune.rtt ? c->autotune.rtt : c->rtt.srtt,
                wait = trip / 20;

    if (c->sack.since_hole < TCP_SINGLE_ACKS + TCP_SEGMENTS_PER_ACK)
        c->sack.since_hole++;
    if (!c->sack.permitted || c->sack.since_hole <= TCP_SINGLE_ACKS ||
        c->sack.since_hole == TCP_SINGLE_ACKS + TCP_SEGMENTS_PER_ACK) {
        tcp_send_ack(c);
        return;
    }
    wait = min(wait, MILLISECOND);
    if (wait < SACK_DELAY_LEAST)
        c->ack.now = true;
    else if (c->clock[TCP_ACKNOWLEDGE] > time_after(wait))
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(wait));
}

/* 3.10.7.4, seventh */
static void process_data(struct connection *c, struct arrival *a)
{
    uint32_t seq = a->s.seq, end = seq + a->len;
    struct buf *data = a->data;

    a->data = NULL;
    if (seq_before(seq, c->rcv.nxt)) {
        uint32_t known = c->rcv.nxt - seq;

        c->tcp->counters.duplicates_in++;
        c->ack.now = true;
        sack_note_duplicate(c, seq, known < a->len ? c->rcv.nxt : end);
        if (known >= a->len) {
            buf_free(data);
            return;
        }
        data = buf_trim_list(data, known);
        seq = c->rcv.nxt;
    }
    if (seq_after(end, c->rcv.adv)) { /* beyond the window */
        c->ack.now = true;
        a->s.flags &= (uint8_t)~TCP_FIN;
        if (!seq_before(seq, c->rcv.adv)) {
            buf_free(data);
            return;
        }
        end = c->rcv.adv;
        buf_cut(data, end - seq);
    }
    /* Data that the application does not read must not take the last pages; the
     * peer retransmits them. */
    if (!tcp_may_receive(c)) {
        c->tcp->counters.starved++;
        tcp_memory_low(c->tcp);
        c->ack.now = true;
        buf_free(data);
        return;
    }
    if (seq == c->rcv.nxt) {
        bool filled = c->ooo.first != NULL;

        measure_receiver_rtt(c, &a->s);
        append_in_order(c, data, end - seq);
        if (!(a->s.flags & TCP_FIN)) /* no data follow a FIN */
            receive_from_ooo(c);
        if (filled)
            c->ack.now = true; /* RFC 5681, 4.2 */
        if (c->ack.quick > 0) {
            c->ack.quick--;
            c->ack.now = true;
        }
        if (c->ack.unacked >= 2u * c->mss)
            c->ack.now = true;
        wake_all(&c->readable);
        return;
    }
    if (ooo_insert(c, seq, data, end - seq)) {
        sack_note_out_of_order(c, ooo_find(c, seq), seq, end);
        ack_out_of_order(c);
    } else {
        tcp_send_ack(c);
    }
}

/* Processes the peer's FIN, in order: eighth. */
static void process_fin(struct connection *c)
{
    ooo_clear(c); /* no data follow a FIN */
    c->fin_received = true;
    c->fin_pending = false;
    c->rcv.nxt++;
    if (seq_after(c->rcv.nxt, c->rcv.adv)) /* a FIN takes no buffer space */
        c->rcv.adv = c->rcv.nxt;
    c->ack.now = true;
    wake_all(&c->readable);
    switch (c->state) {
    case TCP_ESTABLISHED:
        c->state = TCP_CLOSE_WAIT;
        break;
    case TCP_FIN_WAIT_1:
        c->state = TCP_CLOSING;
        break;
    case TCP_FIN_WAIT_2:
        tcp_enter_time_wait(c);
        break;
    default:
        break;
    }
}

/*
 * Remembers a FIN beyond a hole. It ends the stream, so data or another FIN
 * after it show that it is not genuine, and it is forgotten; otherwise a
 * spoofed FIN would hide the real one.
 */
static void remember_fin(struct connection *c, uint32_t seq)
{
    if (seq_before(seq, c->rcv.nxt) || seq_after(seq, c->rcv.adv) ||
        (c->ooo.last && seq_after(c->ooo.last->end, seq)) ||
        (c->fin_pending && seq_before(seq, c->fin_seq)))
        return;
    c->fin_seq = seq;
    c->fin_pending = true;
}

void tcp_process_text(struct connection *c, struct arrival *a,
                      const struct ipv4_packet *packet)
{
    uint32_t end = a->s.seq + a->len;

    if (is_unwanted(c, a)) {
        tcp_reply_reset(c->tcp, c, packet, &a->s, a->len);
        tcp_end(c, ERR_RESET);
        return;
    }
    if (c->syn_data)
        receive_syn_data(c);
    if (a->len > 0 && c->fin_pending && seq_after(end, c->fin_seq))
        c->fin_pending = false;
    if (a->s.flags & TCP_FIN)
        remember_fin(c, end);
    if (a->len > 0)
        process_data(c, a);
    if ((c->fin_pending && c->fin_seq == c->rcv.nxt) ||
        (a->s.flags & TCP_FIN && end == c->rcv.nxt))
        process_fin(c);
    else if (a->s.flags & TCP_FIN && a->len == 0)
        c->ack.now = true; /* beyond a hole */
    tcp_schedule(c);
}
