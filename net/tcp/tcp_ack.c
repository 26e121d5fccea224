/* SPDX-License-Identifier: ISC */
/*
 * ACK processing (RFC 9293, 3.10.7.4, fifth): the send window, the send queue,
 * and the scoreboard, by which loss recovery is run.
 */
#include "tcp_ack.h"
#include "tcp_arrival.h"
#include "tcp_handshake.h"
#include "tcp_validate.h"
#include <mirage/macros.h>

static void trim_queue(struct connection *c, uint32_t len)
{
    c->sndq.first = buf_trim_list(c->sndq.first, len);
    if (!c->sndq.first)
        c->sndq.last = NULL;
    c->sndq.seq += len;
    c->sndq.len -= len;
    c->sndq.progress_at = c->last_heard;
    if (c->sndq.cursor && seq_before(c->sndq.cursor_seq, c->sndq.seq))
        c->sndq.cursor = NULL;
    /* Size the send queue to twice the congestion window, so that the
     * connection is not limited by the application. */
    if (c->sndq.limit < TCP_QUEUE_MOST && c->cwnd > c->sndq.limit / 2)
        c->sndq.limit *= 2;
    if (c->sndq.len < c->sndq.limit / 2 || c->sndq.len == 0)
        wake_all(&c->writable);
}

static bool is_fin_acked(const struct connection *c)
{
    return c->fin_sent && c->snd.una == c->sndq.seq + c->sndq.len + 1;
}

/* Our FIN is acknowledged. False: the connection has ended. */
static bool advance_state_by_fin_ack(struct connection *c)
{
    switch (c->state) {
    case TCP_FIN_WAIT_1:
        c->state = TCP_FIN_WAIT_2;
        if (!c->is_held)
            tcp_set_clock(c, TCP_END, time_after(TCP_FIN_WAIT));
        return true;
    case TCP_CLOSING:
        tcp_enter_time_wait(c);
        return true;
    case TCP_LAST_ACK:
        tcp_end(c, OK);
        return false;
    default:
        return true;
    }
}

/* A duplicate ACK (RFC 5681, 2); while a tail loss probe is outstanding also
 * one that acknowledges all. */
static bool is_duplicate(const struct connection *c, const struct arrival *a)
{
    return a->s.ack == c->snd.una && a->len == 0 &&
           !(a->s.flags & (TCP_SYN | TCP_FIN)) &&
           (c->snd.una != c->snd.nxt || c->tlp.is_outstanding) &&
           arrival_window(c, a) == c->snd.wnd && c->snd.wnd > 0;
}

/* Updates the send window, unless the segment is older than the last update. */
static void update_window_if_newer(struct connection *c,
                                   const struct arrival *a)
{
    uint32_t before = c->snd.wnd;

    if (seq_before(a->s.ack, c->snd.una) || seq_after(c->snd.wl1, a->s.seq) ||
        (c->snd.wl1 == a->s.seq && seq_before(a->s.ack, c->snd.wl2)))
        return;
    arrival_set_window(c, a);
    /* A peer that answers window probes is alive (RFC 1122, 4.2.2.17); but it
     * cannot keep a connection forever that the application has closed. */
    if (c->snd.wnd == 0 && c->is_held)
        c->unanswered_since = 0;
    if (c->snd.wnd <= before)
        return;
    if (before == 0) {
        c->rtt.backoff = 0;
        c->clock[TCP_RETRANSMIT] = FOREVER;
        tcp_start_rto(c);
        /* The peer may have dropped the window probe. */
        if (c->sent.first && c->snd.una == a->s.ack)
            tcp_retransmit_first(c,
                                 min(c->snd.wnd, c->cwnd));
    }
    tcp_schedule(c);
}

/* Processes SND.UNA and the SACK blocks. */
static void process_ack_number(struct connection *c, const struct arrival *a,
                               bool is_duplicate)
{
    uint32_t acked = a->s.ack - c->snd.una, of_data = 0;
    struct delivery d = {.now = c->last_heard,
                         .has_echo = a->s.has_timestamps,
                         .echo = a->s.echo,
                         .is_new = seq_after(a->s.ack, c->snd.una),
                         .is_marked = c->ecn.is_on && a->s.flags & TCP_ECE};

    if (d.is_new) {
        c->snd.una = a->s.ack;
        if (seq_before(c->sndq.seq, a->s.ack))
            of_data = a->s.ack - c->sndq.seq;
        of_data = min(of_data, c->sndq.len);
        if (of_data > 0)
            trim_queue(c, of_data);
        d.acked = min(acked, of_data);
        delivery_by_ack(c, &d);
    }
    if (c->sack.permitted && a->s.sack_count > 0) {
        delivery_by_sack(c, &a->s, &d);
        d.has_dsack = sack_find_dsack(c, &a->s, &d.dsack);
    }
    if (!d.is_new && d.bytes == 0 && !d.has_dsack && !is_duplicate &&
        !d.is_marked)
        return;
    recovery_on_ack(c, &d, is_duplicate);
    tcp_schedule(c);
}

bool tcp_process_ack(struct connection *c, const struct arrival *a,
                     const struct ipv4_packet *packet)
{
    bool is_new = seq_after(a->s.ack, c->snd.una), is_repeated;

    if (!(a->s.flags & TCP_ACK))
        return false;
    /* RFC 5961, 5.2: an attacker must guess the ACK number, too. */
    if (c->state != TCP_SYN_RECEIVED &&
        seq_before(a->s.ack, c->snd.una - c->snd.max_wnd)) {
        tcp_challenge(c);
        return false;
    }
    if (seq_after(a->s.ack, c->snd.nxt)) {
        if (c->state == TCP_SYN_RECEIVED)
            tcp_reply_reset(c->tcp, c, packet, &a->s, a->len);
        else
            tcp_challenge(c);
        return false;
    }
    if (c->state == TCP_SYN_RECEIVED) {
        if (!is_new) {
            tcp_reply_reset(c->tcp, c, packet, &a->s, a->len);
            return false;
        }
        if (c->is_passive && !tcp_may_accept(c->listener))
            return false; /* our SYN,ACK and then its ACK are repeated */
        arrival_set_window(c, a);
        /* last_sent is 0 for a connection from a cookie. */
        if (c->rtt.backoff == 0 && c->last_sent)
            rtt_update(c, time_now() - c->last_sent);
        tcp_establish(c);
        if (c->state == TCP_CLOSED)
            return false;
    }
    is_repeated = is_duplicate(c, a);
    update_window_if_newer(c, a);
    process_ack_number(c, a, is_repeated);
    return !is_new || !is_fin_acked(c) || advance_state_by_fin_ack(c);
}
