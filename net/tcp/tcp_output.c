/* SPDX-License-Identifier: ISC */
/*
 * Output: which segments to send now (RFC 9293, 3.8). Several segments are sent
 * as one piece, a longer packet, which the device segments (TSO), or
 * device/network.c in its place.
 */
#include "tcp.h"
#include <mirage/macros.h>

#define LONGEST 65535u /* bytes of a packet */

static uint32_t queue_end(const struct connection *c)
{
    return c->sndq.seq + c->sndq.len;
}

/* Starts the retransmission and user timeouts for a segment. */
static void on_segment_sent(struct connection *c)
{
    nanoseconds now = time_now();

    if (c->snd.una == c->snd.nxt)
        c->clock[TCP_RETRANSMIT] = FOREVER; /* it was set for a window probe */
    if (c->snd.una == c->snd.nxt || !c->unanswered_since)
        tcp_set_unanswered(c, now);
    c->last_sent = now;
    tcp_start_rto(c);
}

static void send_syn(struct connection *c)
{
    if (!c->syn_due)
        return;
    c->syn_due = false;
    if (c->snd.nxt != c->iss)
        c->tcp->counters.retransmitted++;
    tcp_send(c, c->iss, 0,
             (uint8_t)((c->state == TCP_SYN_SENT ? TCP_SYN
                                                 : TCP_SYN | TCP_ACK) |
                       ecn_syn_flags(c)));
    on_segment_sent(c);
    c->snd.nxt = c->iss + 1;
}

void tcp_retransmit(struct connection *c, struct sent_record *r)
{
    uint32_t end = queue_end(c), len = r->end - r->seq;
    bool fin = seq_after(r->end, end);

    c->tcp->counters.retransmitted++;
    c->rtt.last_retransmit_ts = tcp_timestamp(c);
    if (c->recovery.phase >= TCP_RECOVERY) {
        if (!c->undo.has_retransmitted)
            c->undo.retransmit_ts = c->rtt.last_retransmit_ts;
        c->undo.has_retransmitted = true;
        c->undo.retransmitted += len;
        c->prr.out += len;
    }
    tcp_send(c, r->seq, len - fin, (uint8_t)(TCP_ACK | (fin ? TCP_FIN : 0)));
    sent_note_retransmission(c, r);
    pacing_on_sent(c, len);
    on_segment_sent(c);
    if (r == c->sent.first)
        tcp_restart_rto(c); /* it is for the first segment in flight */
}

void tcp_retransmit_first(struct connection *c, uint32_t len)
{
    if (c->sent.first->end - c->sent.first->seq <= len ||
        sent_split(c, c->sent.first, c->snd.una + len))
        tcp_retransmit(c, c->sent.first);
}

/* The most data bytes of one piece, in whole segments. With CWR it is one
 * segment: only the first may have the flag, and not every device clears it in
 * the others. */
static uint32_t longest_piece(const struct connection *c)
{
    if (c->ecn.cwr_due)
        return c->mss;
    return (LONGEST - IPV4_HEADER - TCP_MOST) / c->mss * c->mss;
}

/* Bytes that cwnd and pacing allow now. */
static uint32_t usable_window(struct connection *c)
{
    uint32_t in_flight = tcp_in_flight(c);

    return pacing_limit(c, c->cwnd > in_flight ? c->cwnd - in_flight : 0);
}

/* Retransmits lost segments as far as the windows allow. False: some have to
 * wait. */
static bool resend_lost(struct connection *c, bool *sent)
{
    struct sent_record *r;

    while ((r = sent_first_lost(c)) != NULL) {
        uint32_t most = longest_piece(c), may = usable_window(c), len;
        uint32_t edge = c->snd.una + c->snd.wnd;

        while (r->next && r->next->state == SENT_LOST &&
               r->next->is_retransmitted == r->is_retransmitted &&
               r->next->end - r->seq <= most)
            sent_merge_next(c, r);
        len = r->end - r->seq;
        if (may > edge - r->seq)
            may = seq_before(r->seq, edge) ? edge - r->seq : 0;
        may = min(may, most);
        if (len > may) {
            may -= may % c->mss;
            if (may == 0 ||
                (!sent_split(c, r, r->seq + may) && c->sent.in_flight > 0))
                return false;
        }
        tcp_retransmit(c, r);
        *sent = true;
    }
    return true;
}

/*
 * Returns the data bytes to send in one piece now, at most free; 0: none. Sets
 * *ends if they are the last of the queue. Sender's silly window avoidance and
 * Nagle's algorithm (RFC 9293, 3.8.6.2.1 and 3.7.4) send whole segments; or the
 * end of the queue when nothing is in flight; or half of the largest window
 * that the peer ever offered.
 */
static uint32_t next_piece(const struct connection *c, uint32_t free,
                           bool *ends)
{
    uint32_t left = seq_before(c->snd.nxt, queue_end(c))
                        ? queue_end(c) - c->snd.nxt
                        : 0;
    uint32_t edge = c->snd.una + c->snd.wnd;
    uint32_t may = seq_before(c->snd.nxt, edge) ? edge - c->snd.nxt : 0;
    uint32_t most = longest_piece(c), len;

    may = min(may, free);
    len = min(left, may);
    len = min(len, most);
    *ends = len == left;
    if (len >= c->mss) {
        if (*ends && len % c->mss != 0 &&
            (c->shut_writing || c->options.no_delay))
            return len;
        if (len % c->mss != 0)
            *ends = false;
        return len - len % c->mss;
    }
    if (*ends)
        return c->shut_writing || c->options.no_delay ||
                       c->snd.una == c->snd.nxt
                   ? len
                   : 0;
    return len > 0 && len >= c->snd.max_wnd / 2 ? len : 0;
}

static void send_piece(struct connection *c, uint32_t len, bool ends)
{
    uint32_t seq = c->snd.nxt;
    bool fin = ends && c->shut_writing;

    tcp_send(c, seq, len,
             (uint8_t)(TCP_ACK | (ends && len > 0 ? TCP_PSH : 0) |
                       (fin ? TCP_FIN : 0) | (c->ecn.cwr_due ? TCP_CWR : 0)));
    c->ecn.cwr_due = false;
    if (fin && !c->fin_sent) {
        c->fin_sent = true;
        c->state = c->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1;
    }
    on_segment_sent(c);
    if (c->recovery.phase != TCP_OPEN)
        c->prr.out += len;
    pacing_on_sent(c, len);
    sent_add(c, seq + len + fin);
    congestion_on_sent(c, c->last_sent);
}

/* Is there data, or a FIN, that was not sent yet? */
static bool has_more(const struct connection *c)
{
    return seq_before(c->snd.nxt, queue_end(c) + c->shut_writing);
}

bool tcp_send_one_segment(struct connection *c)
{
    uint32_t len;
    bool ends;

    if (!has_more(c) || !sent_can_add(c))
        return false;
    len = next_piece(c, c->mss, &ends);
    if (len == 0)
        return false;
    send_piece(c, len, ends);
    return true;
}

/* Sends a path MTU probe: a segment longer than the current MSS (RFC 4821). */
static bool send_path_probe(struct connection *c)
{
    uint32_t edge = c->snd.una + c->snd.wnd, may = usable_window(c);
    uint16_t usual = c->mss, len;
    bool may_fragment = c->path.may_fragment;

    if (c->path.raise_at == 0 || !sent_can_add(c) ||
        !seq_before(c->snd.nxt, edge) || !seq_before(c->snd.nxt, queue_end(c)))
        return false;
    may = min(may, edge - c->snd.nxt);
    len = path_probe_size(c, queue_end(c) - c->snd.nxt, may);
    if (len == 0)
        return false;
    c->tcp->counters.path_probes++;
    c->mss = len;
    c->path.may_fragment = false;
    send_piece(c, len, false);
    c->path.may_fragment = may_fragment;
    c->sent.last->is_probe = true;
    if (c->mss == len)
        c->mss = usual;
    return true;
}

/* Sends new data, at most burst bytes. */
static bool send_new(struct connection *c, uint32_t burst)
{
    uint16_t usual = c->mss, less = (uint16_t)(usual - sack_option_length(c));
    bool sent = false;

    /* RFC 2018, 4: segments with data have SACK blocks, too. */
    c->sack.with_data = less < usual;
    c->mss = less;
    while (has_more(c) && sent_can_add(c)) {
        bool ends;
        uint32_t free = usable_window(c);
        uint32_t len = next_piece(c, min(free, burst), &ends);

        if (len == 0 && !(ends && c->shut_writing))
            break;
        send_piece(c, len, ends);
        burst -= burst == UINT32_MAX ? 0 : len;
        sent = true;
    }
    c->sack.with_data = false;
    if (c->mss == less)
        c->mss = usual;
    return sent;
}

static bool send_data(struct connection *c)
{
    bool sent = false;
    uint32_t burst;

    /* RFC 5681, 4.1: restart after an idle period. */
    if (c->snd.una == c->snd.nxt && c->last_sent && has_more(c) &&
        time_now() - c->last_sent > c->rtt.rto)
        congestion_restart(c);
    burst = c->recovery.phase == TCP_OPEN ? congestion_burst(c) : UINT32_MAX;
    if (!resend_lost(c, &sent))
        return sent;
    if (c->mss < c->path.max_mss && send_path_probe(c))
        sent = true;
    if (send_new(c, burst))
        sent = true;
    if (sent && tcp_unsent(c) < TCP_UNSENT_MOST / 2)
        wake_all(&c->writable);
    if (has_more(c) && c->snd.una == c->snd.nxt)
        tcp_start_rto(c); /* for a window probe */
    if (sent)
        tlp_set_pto(c);
    return sent;
}

/* Has the receive window opened enough for an update (RFC 9293, 3.8.6.2.2)? */
static bool is_window_update_due(const struct connection *c)
{
    uint32_t offered = c->rcv.adv - c->rcv.nxt, now = tcp_receive_window(c);

    return !c->fin_received && offered < c->rcvq.limit / 2 &&
           now - offered >= c->rcvq.limit / 4;
}

static bool may_send_data(enum tcp_state state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT ||
           state == TCP_FIN_WAIT_1 || state == TCP_CLOSING ||
           state == TCP_LAST_ACK;
}

void tcp_output(struct connection *c)
{
    if (c->state == TCP_CLOSED)
        return;
    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED) {
        send_syn(c);
        return;
    }
    /* A D-SACK goes in a segment without data. */
    if (c->ack.now && c->sack.dsack.from != c->sack.dsack.to)
        tcp_send_ack(c);
    if (may_send_data(c->state) && send_data(c))
        return;
    if (c->ack.now || is_window_update_due(c))
        tcp_send_ack(c);
    else if (c->ack.unacked > 0 && c->clock[TCP_ACKNOWLEDGE] == FOREVER)
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(TCP_DELAYED_ACK));
}
