/* SPDX-License-Identifier: ISC */
/*
 * Segment arrival (RFC 9293, 3.10.7), in the order of the specification, with
 * timestamps (RFC 7323) and protection against blind RST, SYN and data attacks
 * (RFC 5961).
 */
#include "tcp.h"
#include "tcp_cookie.h"
#include "tcp_input.h"
#include "tcp_memory.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/random.h>
#include <string.h>

#define LEAST_MSS   64
#define SMALL       512 /* copied into the page before */
#define LARGE       2048 /* the same, when pages are scarce */
#define CHALLENGES  10 /* per connection and second */
#define TS_LIFETIME (24 * 86400 * SECOND) /* RFC 7323, 5.5 */

/* A received segment; data and len are what is not processed yet. */
struct arrival {
    struct tcp_segment s;
    bool is_syn; /* also when the flag is cleared since */
    struct buf *data; /* NULL: none */
    uint32_t len;
};

static void drop_data(struct arrival *a)
{
    buf_free(a->data);
    a->data = NULL;
    a->len = 0;
}

static uint32_t scaled(const struct connection *c, const struct arrival *a)
{
    return (uint32_t)a->s.window << (a->is_syn ? 0 : c->snd.wind_shift);
}

static void update_window(struct connection *c, const struct arrival *a)
{
    c->snd.wnd = scaled(c, a);
    c->snd.wl1 = a->s.seq;
    c->snd.wl2 = a->s.ack;
    if (c->snd.wnd > c->snd.max_wnd)
        c->snd.max_wnd = c->snd.wnd;
}

/* Initialises the receive side by the peer's SYN and its options. */
static void apply_syn(struct connection *c, const struct arrival *a)
{
    const struct tcp_segment *s = &a->s;
    uint16_t mss = s->has_mss ? s->mss : TCP_DEFAULT_MSS;

    c->irs = s->seq;
    c->rcv.nxt = s->seq + 1;
    c->rcv.adv = c->rcv.nxt + 65535;
    c->ts.last_ack_sent = c->rcv.nxt;
    if (mss < LEAST_MSS)
        mss = LEAST_MSS;
    c->mss = mss < c->our_mss ? mss : c->our_mss;
    if (s->has_scale) {
        c->snd.wind_shift = s->scale;
        c->rcv.wind_shift = TCP_SCALE;
    }
    c->sack.permitted = s->may_sack;
    ecn_on_syn(c, s->flags);
    c->ts.is_on = s->has_timestamps;
    if (c->ts.is_on) {
        c->mss = (uint16_t)(c->mss - TCP_TIMESTAMPS);
        c->ts.recent = s->time;
        c->ts.recent_at = time_now();
    }
    c->path.max_mss = c->path.probed_mss = c->mss;
    update_window(c, a);
}

static void establish(struct connection *c)
{
    bool passive = c->state == TCP_SYN_RECEIVED && c->is_passive;

    /* RFC 6928, 2: after a lost SYN the first window is one segment. */
    congestion_begin(c);
    if (c->rtt.backoff > 0) {
        c->cwnd = c->mss;
        c->rtt.rto = TCP_RTO_SLOW;
    }
    c->rtt.backoff = 0;
    c->state = TCP_ESTABLISHED;
    if (c->options.keepalive_idle)
        tcp_set_clock(c, TCP_KEEP_ALIVE,
                      time_after(c->options.keepalive_idle));
    wake_all(&c->writable);
    if (passive) {
        tcp_remove_half_open(c);
        tcp_accept(c);
    }
}

/*
 * Answers a SYN by a cookie, without keeping anything: too many connections are
 * half open. Only a timestamp has room for the window scale and SACK, so a peer
 * without timestamps is offered neither: what is offered would be in force
 * (RFC 7323, 2.2).
 */
static void send_cookie(struct tcpv4 *tcp, struct tcp_listener *l,
                        const struct endpoint *local,
                        const struct endpoint *peer, const struct arrival *a)
{
    struct connection c;

    tcp_init(&c, tcp, *local, *peer);
    tcp_set_iss(&c, tcp_make_cookie(tcp, local, peer, &a->s));
    c.state = TCP_SYN_RECEIVED;
    apply_syn(&c, a);
    if (c.ts.is_on) {
        c.ts.offset += tcp_make_cookie_timestamp(tcp_timestamp(&c), &a->s) -
                       tcp_timestamp(&c);
    } else {
        c.rcv.wind_shift = 0;
        c.sack.permitted = false;
    }
    tcp_send(&c, c.iss, 0, TCP_SYN | TCP_ACK);
    tcp->counters.cookies_out++;
    l->cookies = time_after(TCP_COOKIE_LIFE);
}

static void connection_input(struct connection *c, struct arrival *a,
                             const struct ipv4_packet *packet);
static void process_text(struct connection *c, struct arrival *a,
                         const struct ipv4_packet *packet);

/* Opens a connection by a SYN cookie; false: the segment returns none. */
static bool accept_cookie(struct tcpv4 *tcp, struct tcp_listener *l,
                          const struct ipv4_packet *packet, struct arrival *a)
{
    struct endpoint local = {packet->to, a->s.to};
    struct endpoint peer = {packet->from, a->s.from};
    struct arrival syn = {.is_syn = true};
    struct connection *c;

    if (l->cookies < time_now() || a->s.flags & (TCP_RST | TCP_SYN) ||
        !tcp_check_cookie(tcp, &local, &peer, &a->s, &syn.s))
        return false;
    if (syn.s.has_timestamps && !a->s.has_timestamps) {
        tcp->counters.missing_timestamps++;
        return true; /* RFC 7323, 3.2 */
    }
    /* Check before displacing: a connection over the limit is reset anyway. */
    if (!tcp_peer_has_quota(tcp, l, peer.ip)) {
        tcp->counters.over_peer_limit++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return true;
    }
    if (!tcp_may_accept(l) ||
        !(c = tcp_create_displacing(tcp, local, peer))) {
        tcp->counters.dropped_syns++;
        return true; /* the peer retransmits its data */
    }
    tcp->counters.cookies_in++;
    tcp_set_iss(c, a->s.ack - 1);
    c->snd.nxt = a->s.ack;
    c->syn_due = false;
    tcp_add_half_open(c, l);
    apply_syn(c, &syn);
    connection_input(c, a, packet);
    return true;
}

/* In LISTEN: 3.10.7.2. least: our ISS must be after it (NULL: any will do). */
static void listen_input(struct tcpv4 *tcp, const struct ipv4_packet *packet,
                         struct arrival *a, const uint32_t *least)
{
    struct tcp_listener *l = tcp->is_ending ? NULL
                                            : tcp_find_listener(tcp, a->s.to);
    struct endpoint local = {packet->to, a->s.to};
    struct endpoint peer = {packet->from, a->s.from};
    struct connection *c;

    if (!l || a->s.flags & TCP_ACK) {
        if (l && accept_cookie(tcp, l, packet, a))
            return;
        tcp->counters.no_connection++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return;
    }
    /* Drop SYN+FIN: no legitimate peer sends it. */
    if ((a->s.flags & (TCP_SYN | TCP_RST | TCP_FIN)) != TCP_SYN)
        return;
    if (!tcp_peer_has_quota(tcp, l, peer.ip)) {
        tcp->counters.over_peer_limit++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return;
    }
    /* A SYN never displaces a connection: its source may be spoofed. A cookie
     * that is returned proves the address. */
    if (tcp_may_accept(l) &&
        (!tcp_may_half_open(tcp, l) ||
         (!tcp_has_room(tcp) && tcp_peer_choose_victim(tcp, peer.ip)))) {
        send_cookie(tcp, l, &local, &peer, a);
        return;
    }
    c = tcp_may_accept(l) ? tcp_create(tcp, local, peer) : NULL;
    if (!c) {
        tcp->counters.dropped_syns++;
        return;
    }
    if (least && !seq_after(c->iss, *least))
        tcp_set_iss(c, *least + 65536 + random_below(65536));
    tcp_add_half_open(c, l);
    apply_syn(c, a);
    tcp_schedule(c);
}

/* 3.10.7.3 */
static void syn_sent_input(struct connection *c, struct arrival *a,
                           const struct ipv4_packet *packet)
{
    const struct tcp_segment *s = &a->s;
    bool has_ack = s->flags & TCP_ACK;

    if (has_ack && s->ack != c->iss + 1) {
        tcp_reply_reset(c->tcp, c, packet, s, a->len);
        return;
    }
    if (s->flags & TCP_RST) {
        if (has_ack)
            tcp_end(c, ERR_REFUSED);
        return;
    }
    if (!(s->flags & TCP_SYN))
        return;
    apply_syn(c, a);
    if (!has_ack) { /* simultaneous open */
        if (a->len > 0 && tcp_may_receive(c)) { /* kept until ESTABLISHED */
            c->syn_data = a->data;
            c->syn_data_len = a->len;
            a->data = NULL;
        }
        c->state = TCP_SYN_RECEIVED;
        c->syn_due = true;
        tcp_schedule(c);
        return;
    }
    c->snd.una = s->ack;
    if (c->rtt.backoff == 0)
        rtt_update(c, time_now() - c->last_sent);
    c->unanswered_since = 0;
    c->clock[TCP_RETRANSMIT] = FOREVER;
    establish(c);
    c->ack.now = true;
    a->s.flags &= (uint8_t)~TCP_SYN;
    a->s.seq++;
    process_text(c, a, packet);
}

/* Is any byte of the segment in the window? 3.4 */
static bool is_acceptable(const struct connection *c, const struct arrival *a)
{
    uint32_t len = a->len + (a->s.flags & TCP_FIN ? 1 : 0);
    uint32_t last = a->s.seq + (len > 0 ? len - 1 : 0);

    if (a->s.seq == c->rcv.nxt)
        return true; /* with a zero window, for its ACK */
    if (len == 0)
        return !seq_before(a->s.seq, c->rcv.nxt) &&
               !seq_after(a->s.seq, c->rcv.adv);
    return !seq_before(last, c->rcv.nxt) && seq_before(a->s.seq, c->rcv.adv);
}

/* Rate-limits challenge ACKs (RFC 5961, 7). The limit is per connection: a
 * global one is a side channel for off-path attackers (CVE-2016-5696). */
static bool may_challenge(struct connection *c)
{
    nanoseconds now = time_now();

    if (c->challenge.count == 0 || now - c->challenge.since >= SECOND) {
        c->challenge.since = now;
        c->challenge.count = 0;
    }
    if (c->challenge.count == CHALLENGES)
        return false;
    c->challenge.count++;
    c->tcp->counters.challenges++;
    return true;
}

static void send_challenge_ack(struct connection *c)
{
    if (may_challenge(c))
        tcp_send_ack(c);
}

/* Answers an unacceptable segment with an ACK, so that a desynchronised peer
 * can recover. Segments without data are rate-limited: otherwise two endpoints
 * could exchange ACKs forever. */
static void answer_unacceptable(struct connection *c, const struct arrival *a)
{
    if (a->len > 0 || a->s.flags & TCP_FIN)
        tcp_send_ack(c);
    else
        send_challenge_ack(c);
}

/* RFC 7323, 5.5: TS.Recent is invalid after 24 days without an update. */
static bool is_older(const struct connection *c, const struct arrival *a)
{
    return seq_before(a->s.time, c->ts.recent) &&
           time_now() - c->ts.recent_at < TS_LIFETIME;
}

/* PAWS (RFC 7323, 5.3): an old duplicate from before a wrap of the sequence
 * numbers. */
static bool is_stale(const struct connection *c, const struct arrival *a)
{
    return c->ts.is_on && a->s.has_timestamps && is_older(c, a);
}

/* RFC 7323, 3.2. A SYN may be from a peer that has restarted, and is challenged
 * (RFC 5961, 4.2). */
static bool lacks_timestamp(const struct connection *c, const struct arrival *a)
{
    return c->ts.is_on && !a->s.has_timestamps &&
           !(a->s.flags & (TCP_RST | TCP_SYN));
}

static void update_ts_recent(struct connection *c, const struct arrival *a)
{
    if (c->ts.is_on && a->s.has_timestamps && !is_older(c, a) &&
        !seq_after(a->s.seq, c->ts.last_ack_sent)) {
        c->ts.recent = a->s.time;
        c->ts.recent_at = time_now();
    }
}

/* Reports duplicate data in a D-SACK (RFC 2883, 4), unless they are so old that
 * they may be spoofed. */
static void report_old_data(struct connection *c, const struct arrival *a)
{
    if (a->len > 0 && !seq_after(a->s.seq + a->len, c->rcv.nxt) &&
        seq_after(a->s.seq, c->rcv.nxt - (65535u << c->rcv.wind_shift)) &&
        seq_after(a->s.seq, c->irs)) {
        c->tcp->counters.duplicates_in++;
        sack_note_duplicate(c, a->s.seq, a->s.seq + a->len);
    }
}

/* RFC 5961, 3.2: only a RST at exactly rcv.nxt is accepted. */
static void process_reset(struct connection *c, const struct arrival *a)
{
    c->tcp->counters.resets_in++;
    if (a->s.seq != c->rcv.nxt) {
        if (a->s.seq - c->rcv.nxt < c->rcv.adv - c->rcv.nxt)
            send_challenge_ack(c);
        else
            c->tcp->counters.out_of_window++;
    } else if (c->state != TCP_TIMED_WAIT) { /* RFC 1337, 3 */
        tcp_end(c, c->is_passive || c->state != TCP_SYN_RECEIVED
                       ? ERR_RESET
                       : ERR_REFUSED);
    }
}

/* RFC 5961, 4.2; but a passive connection in SYN-RECEIVED returns to LISTEN:
 * 3.10.7.4, fourth. */
static void process_unexpected_syn(struct connection *c,
                                   const struct arrival *a)
{
    if (c->state == TCP_SYN_RECEIVED && c->is_passive && is_acceptable(c, a))
        tcp_end(c, ERR_RESET);
    else
        send_challenge_ack(c);
}

/* In SYN-RECEIVED the peer retransmits its SYN, since our SYN,ACK was lost; or
 * in a simultaneous open sends SYN,ACK. False: the segment is done with. */
static bool process_repeated_syn(struct connection *c, struct arrival *a)
{
    if (!(a->s.flags & TCP_ACK)) {
        if (may_challenge(c))
            tcp_send(c, c->iss, 0, TCP_SYN | TCP_ACK);
        return false;
    }
    a->s.flags &= (uint8_t)~TCP_SYN;
    a->s.seq++;
    return true;
}

/* 3.10.7.4, first to fourth; false: the segment is done with. */
static bool check_segment(struct connection *c, struct arrival *a)
{
    if (a->s.flags & TCP_RST) {
        process_reset(c, a);
        return false;
    }
    if (lacks_timestamp(c, a)) {
        c->tcp->counters.missing_timestamps++;
        return false;
    }
    if (is_stale(c, a)) {
        c->tcp->counters.stale_timestamps++;
        answer_unacceptable(c, a);
        return false;
    }
    if (a->s.flags & TCP_SYN) {
        if (c->state != TCP_SYN_RECEIVED || a->s.seq != c->irs) {
            process_unexpected_syn(c, a);
            return false;
        }
        if (!process_repeated_syn(c, a))
            return false;
    }
    if (!is_acceptable(c, a)) {
        c->tcp->counters.out_of_window++;
        report_old_data(c, a);
        answer_unacceptable(c, a);
        /* The peer has not got our last ACK: restart the 2 MSL timer. */
        if (c->state == TCP_TIMED_WAIT && a->s.flags & TCP_FIN &&
            a->s.seq + a->len + 1 == c->rcv.nxt)
            tcp_set_clock(c, TCP_END, time_after(TCP_TIME_WAIT));
        return false;
    }
    return true;
}

static void trim_queue(struct connection *c, uint32_t len)
{
    c->sndq.first = buf_trim_list(c->sndq.first, len);
    if (!c->sndq.first)
        c->sndq.last = NULL;
    c->sndq.seq += len;
    c->sndq.len -= len;
    c->sndq.progress_at = time_now();
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

static void start_time_wait(struct connection *c)
{
    tcp_enter_time_wait(c);
    c->clock[TCP_RETRANSMIT] = FOREVER;
    tcp_set_clock(c, TCP_END, time_after(TCP_TIME_WAIT));
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
        start_time_wait(c);
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
           scaled(c, a) == c->snd.wnd && c->snd.wnd > 0;
}

/* Updates the send window, unless the segment is older than the last update. */
static void update_window_if_newer(struct connection *c,
                                   const struct arrival *a)
{
    uint32_t before = c->snd.wnd;

    if (seq_before(a->s.ack, c->snd.una) || seq_after(c->snd.wl1, a->s.seq) ||
        (c->snd.wl1 == a->s.seq && seq_before(a->s.ack, c->snd.wl2)))
        return;
    update_window(c, a);
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
                                 c->snd.wnd < c->cwnd ? c->snd.wnd : c->cwnd);
    }
    tcp_schedule(c);
}

/* Processes SND.UNA and the SACK blocks. */
static void process_ack_number(struct connection *c, const struct arrival *a,
                               bool is_duplicate)
{
    uint32_t acked = a->s.ack - c->snd.una, of_data = 0;
    struct delivery d = {.now = time_now(),
                         .has_echo = a->s.has_timestamps,
                         .echo = a->s.echo,
                         .is_new = seq_after(a->s.ack, c->snd.una),
                         .is_marked = c->ecn.is_on && a->s.flags & TCP_ECE};

    if (d.is_new) {
        c->snd.una = a->s.ack;
        if (seq_before(c->sndq.seq, a->s.ack))
            of_data = a->s.ack - c->sndq.seq;
        if (of_data > c->sndq.len)
            of_data = c->sndq.len;
        if (of_data > 0)
            trim_queue(c, of_data);
        d.acked = acked < of_data ? acked : of_data;
        sent_apply_ack(c, &d);
    }
    if (c->sack.permitted && a->s.sack_count > 0) {
        sent_apply_sack(c, &a->s, &d);
        d.has_dsack = sack_find_dsack(c, &a->s, &d.dsack);
    }
    if (!d.is_new && d.bytes == 0 && !d.has_dsack && !is_duplicate &&
        !d.is_marked)
        return;
    recovery_on_ack(c, &d, is_duplicate);
    tcp_schedule(c);
}

/* 3.10.7.4, fifth; false: the segment is done with. */
static bool process_ack(struct connection *c, const struct arrival *a,
                        const struct ipv4_packet *packet)
{
    bool is_new = seq_after(a->s.ack, c->snd.una), is_repeated;

    if (!(a->s.flags & TCP_ACK))
        return false;
    /* RFC 5961, 5.2: an attacker must guess the ACK number, too. */
    if (c->state != TCP_SYN_RECEIVED &&
        seq_before(a->s.ack, c->snd.una - c->snd.max_wnd)) {
        send_challenge_ack(c);
        return false;
    }
    if (seq_after(a->s.ack, c->snd.nxt)) {
        if (c->state == TCP_SYN_RECEIVED)
            tcp_reply_reset(c->tcp, c, packet, &a->s, a->len);
        else
            send_challenge_ack(c);
        return false;
    }
    if (c->state == TCP_SYN_RECEIVED) {
        if (!is_new) {
            tcp_reply_reset(c->tcp, c, packet, &a->s, a->len);
            return false;
        }
        if (c->is_passive && !tcp_may_accept(c->listener))
            return false; /* our SYN,ACK and then its ACK are repeated */
        update_window(c, a);
        /* last_sent is 0 for a connection from a cookie. */
        if (c->rtt.backoff == 0 && c->last_sent)
            rtt_update(c, time_now() - c->last_sent);
        establish(c);
        if (c->state == TCP_CLOSED)
            return false;
    }
    is_repeated = is_duplicate(c, a);
    update_window_if_newer(c, a);
    process_ack_number(c, a, is_repeated);
    return !is_new || !is_fin_acked(c) || advance_state_by_fin_ack(c);
}

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
    if (room > len)
        room = len;
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
    data->offload = (struct offload){0, 0, 0, false};
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
    if (trip < MILLISECOND)
        trip = MILLISECOND;
    if (c->autotune.rtt == 0 || trip < c->autotune.rtt)
        c->autotune.rtt = trip;
    else
        c->autotune.rtt += (trip - c->autotune.rtt) / 8;
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
        sack_note_out_of_order(c, seq, end);
        sack_send_or_delay_ack(c);
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
        start_time_wait(c);
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

/* Data and FIN: 3.10.7.4, seventh and eighth. */
static void process_text(struct connection *c, struct arrival *a,
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

static void connection_input(struct connection *c, struct arrival *a,
                             const struct ipv4_packet *packet)
{
    if (c->state == TCP_SYN_SENT) {
        syn_sent_input(c, a, packet);
        return;
    }
    if (!check_segment(c, a))
        return;
    c->last_heard = time_now();
    tcp_peer_touch(c);
    c->keepalives = 0;
    ecn_on_segment(c, a->s.flags, packet->service, a->len);
    if (!process_ack(c, a, packet))
        return;
    /* Only after the ACK was found valid: the segment may be spoofed. */
    update_ts_recent(c, a);
    if (c->state != TCP_TIMED_WAIT && !c->fin_received)
        process_text(c, a, packet);
}

/* RFC 6191, 2: may a SYN end TIME-WAIT? Only if no segment of the old
 * connection can be taken for one of the new connection. */
static bool is_fresh_syn(const struct connection *c, const struct arrival *a)
{
    if (c->state != TCP_TIMED_WAIT || c->is_held ||
        (a->s.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN ||
        !tcp_find_listener(c->tcp, a->s.to))
        return false;
    if (a->s.has_timestamps && !c->ts.is_on)
        return true;
    if (a->s.has_timestamps && a->s.time != c->ts.recent)
        return seq_after(a->s.time, c->ts.recent);
    return !seq_before(a->s.seq, c->rcv.nxt);
}

static bool has_good_checksum(const struct ipv4_packet *packet,
                              const struct buf *b, size_t len)
{
    return b->offload.csum_good ||
           checksum_fold(checksum_add_bufs(
               checksum_pseudo(packet->from, packet->to, PROTOCOL_TCP, len),
               b, 0, len)) == 0xffff;
}

void tcp_input(void *ctx, const struct ipv4_packet *packet, struct buf *b)
{
    struct tcpv4 *tcp = ctx;
    struct connection *c;
    struct arrival a;
    size_t len = buf_length(b);
    uint32_t last, *least = NULL;

    tcp->counters.in++;
    b = buf_pull(b, len < TCP_MOST ? len : TCP_MOST);
    if (!b || packet->to_many || !tcp_parse(b->data, b->len, &a.s) ||
        !has_good_checksum(packet, b, len)) {
        tcp->counters.malformed++;
        buf_free(b);
        return;
    }
    a.is_syn = a.s.flags & TCP_SYN;
    a.len = (uint32_t)(len - a.s.header);
    a.data = buf_trim_list(b, a.s.header);
    c = tcp_find(tcp, (struct endpoint){packet->to, a.s.to},
                 (struct endpoint){packet->from, a.s.from});
    if (c && is_fresh_syn(c, &a)) {
        last = c->snd.nxt; /* RFC 1122, 4.2.2.13 */
        least = &last;
        tcp_end(c, OK);
        c = NULL;
    }
    if (c)
        connection_input(c, &a, packet);
    else
        listen_input(tcp, packet, &a, least);
    drop_data(&a);
}

void tcp_icmp_error(void *ctx, const struct ipv4_packet *packet,
                    const uint8_t *start, size_t len,
                    const struct ipv4_error *error)
{
    struct tcpv4 *tcp = ctx;
    struct connection *c;
    uint32_t seq;

    if (len < 8)
        return;
    c = tcp_find(tcp, (struct endpoint){packet->from, get_be16(start)},
                 (struct endpoint){packet->to, get_be16(start + 2)});
    seq = get_be32(start + 4);
    /* RFC 5927, 4: ignore errors for segments that are not in flight. */
    if (!c || seq_before(seq, c->snd.una) || !seq_before(seq, c->snd.nxt))
        return;
    if (error->status == ERR_RANGE)
        path_on_icmp_mtu(c, error->mtu);
    else
        path_on_icmp_error(c, error->status);
}
