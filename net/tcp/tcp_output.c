/* SPDX-License-Identifier: ISC */
/*
 * What goes out. Data leave as windows on the pages of the queue, behind a
 * header of their own; what is more than a segment leaves in one piece, and
 * the device, or its front, cuts it.
 */
#include "tcp.h"
#include "tcp_memory.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <string.h>

#define LONGEST 65535u /* bytes of a packet */

uint32_t tcp_timestamp(const struct connection *c)
{
    return (uint32_t)(time_now() / MILLISECOND) + c->ts.offset;
}

uint32_t tcp_receive_window(const struct connection *c)
{
    uint32_t space = c->rcvq.limit > c->rcvq.len ? c->rcvq.limit - c->rcvq.len
                                                 : 0;
    uint32_t offered = c->rcv.adv - c->rcv.nxt, unit = 1u << c->rcv.wind_shift;
    uint32_t most = 65535u << c->rcv.wind_shift, least = c->rcvq.limit / 2;

    /* Not while pages are scarce, but for a few segments. */
    if (tcp_memory_is_low()) {
        uint32_t few = TCP_LEAST_ROOM * c->our_mss;

        few = few > c->rcvq.len ? few - c->rcvq.len : 0;
        if (few < space)
            space = few;
    }
    /* RFC 9293, 3.8.6.2.2: grows by what is worth a segment, or not at all;
     * and never shrinks (3.8.6). */
    if (least > c->our_mss)
        least = c->our_mss;
    if (space < offered + least)
        space = offered;
    space = (space + unit - 1) / unit * unit;
    return space < most ? space : most;
}

static size_t emit(struct connection *c, uint32_t seq, uint32_t len,
                   uint8_t flags, uint8_t *p)
{
    bool               is_syn = flags & TCP_SYN;
    uint32_t           window = tcp_receive_window(c);
    struct tcp_segment s = {
        .from = c->local.port,
        .to = c->peer.port,
        .seq = seq,
        .flags = flags,
        .ack = flags & TCP_ACK ? c->rcv.nxt : 0,
        .window = (uint16_t)(is_syn ? (window < 65535 ? window : 65535)
                                    : window >> c->rcv.wind_shift),
    };

    if (c->ecn.echo_ce && !is_syn)
        s.flags |= TCP_ECE;
    if (is_syn) {
        s.has_mss = true;
        s.mss = c->our_mss;
        s.has_scale = !(flags & TCP_ACK) || c->rcv.wind_shift > 0;
        s.scale = TCP_SCALE;
        s.may_sack = !(flags & TCP_ACK) || c->sack.permitted;
    } else if (len == 0 || c->sack.with_data || len + sack_option_length(c) <= c->mss) {
        sack_fill_option(c, &s);
    }
    if (c->ts.is_on || (is_syn && !(flags & TCP_ACK))) {
        s.has_timestamps = true;
        s.time = tcp_timestamp(c);
        s.echo = flags & TCP_ACK ? c->ts.recent : 0;
    }
    return tcp_emit(&s, p);
}

/* Bytes of the queue, from seq on. */
static struct buf *share_queue(struct connection *c, uint32_t seq,
                               uint32_t len)
{
    struct buf *b = c->sndq.first;
    uint32_t    at = c->sndq.seq;

    if (c->sndq.cursor && !seq_after(c->sndq.cursor_seq, seq)) {
        b = c->sndq.cursor;
        at = c->sndq.cursor_seq;
    }
    while (seq - at >= b->len) {
        at += (uint32_t)b->len;
        b = b->next;
    }
    c->sndq.cursor = b;
    c->sndq.cursor_seq = at;
    return buf_share_list(b, seq - at, len);
}

/* What an ACK that has left settles. */
static void note_ack(struct connection *c)
{
    uint32_t edge = c->rcv.nxt + tcp_receive_window(c);

    if (seq_after(edge, c->rcv.adv))
        c->rcv.adv = edge;
    if (tcp_memory_is_low())
        tcp_memory_low(c->tcp);
    c->ts.last_ack_sent = c->rcv.nxt;
    c->ack.unacked = 0;
    c->ack.now = false;
    if (c->sack.untold > TCP_TOLD_SINGLY)
        c->sack.untold = TCP_TOLD_SINGLY;
    tcp_set_clock(c, TCP_ACKNOWLEDGE, FOREVER);
}

/* Sends b, a header and what follows it. */
static void send_packet(struct connection *c, struct buf *b, size_t header,
                        uint8_t service)
{
    struct ipv4_packet packet = {.from = c->local.ip,
                                 .to = c->peer.ip,
                                 .protocol = PROTOCOL_TCP,
                                 .service = service,
                                 .whole = !c->path.may_fragment};
    size_t             len = buf_length(b);

    put_be16(b->data + 16,
             checksum_fold(checksum_pseudo(packet.from, packet.to,
                                           PROTOCOL_TCP, len)));
    b->offload = (struct offload){
        .csum_start = 0,
        .csum_offset = 16,
        .segment = len - header > c->mss ? c->mss : 0,
    };
    c->tcp->counters.out++;
    /* Else it is as if it were lost: the timers see to it. */
    if (ipv4_write(c->tcp->ip, &packet, b) == ERR_RANGE)
        path_set_mtu(c, ipv4_mtu(c->tcp->ip));
}

void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags)
{
    struct buf *b = buf_new(IPV4_HEADROOM);
    size_t      header;

    if (b && len > 0)
        b->next = share_queue(c, seq, len);
    if (!b || (len > 0 && !b->next)) {
        buf_free(b); /* as if it were lost */
        tcp_memory_low(c->tcp);
        if (c->ack.unacked > 0 || c->ack.now)
            tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(TCP_DELAYED_ACK));
        return;
    }
    header = emit(c, seq, len, flags, buf_append(b, TCP_MOST));
    b->len = header;
    send_packet(c, b, header, ecn_codepoint(c, seq, len));
    if (flags & TCP_ACK)
        note_ack(c);
}

/*
 * The number of a segment without data, at which the peer will look: not
 * beyond the peer's window, where a probe may have led.
 */
static uint32_t present(const struct connection *c)
{
    uint32_t edge = c->snd.una + c->snd.wnd;

    return c->snd.una != c->iss && seq_after(c->snd.nxt, edge) ? edge
                                                               : c->snd.nxt;
}

void tcp_send_ack(struct connection *c)
{
    tcp_send(c, present(c), 0, TCP_ACK);
}

static void send_header(struct tcpv4 *tcp, struct endpoint from,
                        struct endpoint to, const struct tcp_segment *s)
{
    struct ipv4_packet packet = {.from = from.ip,
                                 .to = to.ip,
                                 .protocol = PROTOCOL_TCP,
                                 .whole = true};
    struct buf        *b = buf_new(IPV4_HEADROOM);

    if (!b)
        return;
    b->len = tcp_emit(s, buf_append(b, TCP_MOST));
    put_be16(b->data + 16,
             checksum_fold(checksum_pseudo(from.ip, to.ip, PROTOCOL_TCP,
                                           b->len)));
    b->offload = (struct offload){.csum_start = 0, .csum_offset = 16};
    tcp->counters.out++;
    tcp->counters.resets_out++;
    if (ipv4_write(tcp->ip, &packet, b) != OK)
        return; /* whom it concerns will ask again */
}

/* The timestamp of a reset, where the two have agreed on them (RFC 7323, 3.2).
 */
static void stamp(const struct connection *c, struct tcp_segment *s)
{
    s->has_timestamps = c->ts.is_on;
    s->time = tcp_timestamp(c);
    s->echo = c->ts.recent;
}

/* ABORT (RFC 9293, 3.10.5): nothing is sent in SYN-SENT. In SYN-RECEIVED the
 * peer may not have our SYN yet, and accepts only a reset that acknowledges its
 * own. */
void tcp_send_reset(struct connection *c)
{
    bool               is_opening = c->state == TCP_SYN_RECEIVED;
    struct tcp_segment s = {.from = c->local.port,
                            .to = c->peer.port,
                            .seq = present(c),
                            .ack = is_opening ? c->rcv.nxt : 0,
                            .flags = is_opening ? TCP_RST | TCP_ACK : TCP_RST};

    if (c->state == TCP_SYN_SENT)
        return;
    stamp(c, &s);
    send_header(c->tcp, c->local, c->peer, &s);
}

void tcp_reply_reset(struct tcpv4 *tcp, const struct connection *c,
                     const struct ipv4_packet *packet, const struct tcp_segment *s,
                     uint32_t len)
{
    struct tcp_segment answer = {
        .from = s->to, .to = s->from, .flags = TCP_RST};

    if (s->flags & TCP_RST)
        return;
    if (s->flags & TCP_ACK) {
        answer.seq = s->ack;
    } else {
        answer.flags |= TCP_ACK;
        answer.ack = s->seq + len + (s->flags & TCP_SYN ? 1 : 0) +
                     (s->flags & TCP_FIN ? 1 : 0);
    }
    if (c)
        stamp(c, &answer);
    send_header(tcp, (struct endpoint){packet->to, s->to},
                (struct endpoint){packet->from, s->from}, &answer);
}

static uint32_t queue_end(const struct connection *c)
{
    return c->sndq.seq + c->sndq.len;
}

/* Something leaves: from now on an answer is waited for. */
static void note_sent(struct connection *c)
{
    nanoseconds now = time_now();

    if (c->snd.una == c->snd.nxt)
        c->clock[TCP_RETRANSMIT] = FOREVER; /* it asked about the window */
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
    note_sent(c);
    c->snd.nxt = c->iss + 1;
}

void tcp_retransmit(struct connection *c, struct sent_record *r)
{
    uint32_t end = queue_end(c), len = r->end - r->seq;
    bool     fin = seq_after(r->end, end);

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
    note_sent(c);
    if (r == c->sent.first)
        tcp_restart_rto(c); /* it waits for what was sent just now */
}

void tcp_retransmit_first(struct connection *c, uint32_t len)
{
    if (c->sent.first->end - c->sent.first->seq <= len ||
        sent_split(c, c->sent.first, c->snd.una + len))
        tcp_retransmit(c, c->sent.first);
}

/* The most data bytes of one piece, in whole segments. A CWR is for the first
 * of them alone, and devices differ in whether they know. */
static uint32_t longest_piece(const struct connection *c)
{
    if (c->ecn.cwr_due)
        return c->mss;
    return (LONGEST - IPV4_HEADER - TCP_MOST) / c->mss * c->mss;
}

/* What cwnd has room for. */
static uint32_t room(struct connection *c)
{
    uint32_t in_flight = tcp_in_flight(c);

    return pacing_limit(c, c->cwnd > in_flight ? c->cwnd - in_flight : 0);
}

/* Sends once more what is lost, as far as cwnd lets it. False: some of it has
 * to wait. */
static bool resend_lost(struct connection *c, bool *sent)
{
    struct sent_record *r;

    while ((r = sent_first_lost(c)) != NULL) {
        uint32_t most = longest_piece(c), may = room(c), len;
        uint32_t edge = c->snd.una + c->snd.wnd;

        while (r->next && r->next->state == SENT_LOST &&
               r->next->is_retransmitted == r->is_retransmitted &&
               r->next->end - r->seq <= most)
            sent_merge_next(c, r);
        len = r->end - r->seq;
        if (may > edge - r->seq)
            may = seq_before(r->seq, edge) ? edge - r->seq : 0;
        if (may > most)
            may = most;
        if (len > may) {
            may -= may % c->mss;
            if (may == 0 || (!sent_split(c, r, r->seq + may) && c->sent.in_flight > 0))
                return false;
        }
        tcp_retransmit(c, r);
        *sent = true;
    }
    return true;
}

/*
 * How many bytes, of the free ones, may leave in one piece now; 0: none. RFC
 * 9293, 3.8.6.2.1 and 3.7.4: whole segments, but for the end of what there is,
 * and that not while something small is under way (Nagle); or half of what the
 * peer ever offered.
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

    if (may > free)
        may = free;
    len = left < may ? left : may;
    if (len > most)
        len = most;
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
    bool     fin = ends && c->shut_writing;

    tcp_send(c, seq, len,
             (uint8_t)(TCP_ACK | (ends && len > 0 ? TCP_PSH : 0) |
                       (fin ? TCP_FIN : 0) | (c->ecn.cwr_due ? TCP_CWR : 0)));
    c->ecn.cwr_due = false;
    if (fin && !c->fin_sent) {
        c->fin_sent = true;
        c->state = c->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1;
    }
    note_sent(c);
    if (c->recovery.phase != TCP_OPEN)
        c->prr.out += len;
    pacing_on_sent(c, len);
    sent_add(c, seq + len + fin);
    congestion_on_sent(c, c->last_sent);
}

/* Is there anything that was not sent yet? */
static bool has_more(const struct connection *c)
{
    return seq_before(c->snd.nxt, queue_end(c) + c->shut_writing);
}

bool tcp_send_one_segment(struct connection *c)
{
    uint32_t len;
    bool     ends;

    if (!has_more(c) || !sent_can_add(c))
        return false;
    len = next_piece(c, c->mss, &ends);
    if (len == 0)
        return false;
    send_piece(c, len, ends);
    return true;
}

/* A segment that is longer than others, to see whether it arrives. */
static bool send_path_probe(struct connection *c)
{
    uint32_t edge = c->snd.una + c->snd.wnd, may = room(c);
    uint16_t usual = c->mss, len;
    bool     may_fragment = c->path.may_fragment;

    if (c->path.raise_at == 0 || !sent_can_add(c) ||
        !seq_before(c->snd.nxt, edge) || !seq_before(c->snd.nxt, queue_end(c)))
        return false;
    if (may > edge - c->snd.nxt)
        may = edge - c->snd.nxt;
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

/* What was not sent yet, in bursts of at most so many bytes. */
static bool send_new(struct connection *c, uint32_t burst)
{
    uint16_t usual = c->mss, less = (uint16_t)(usual - sack_option_length(c));
    bool     sent = false;

    /* RFC 2018, 4: what came too early is told with data, too. */
    c->sack.with_data = less < usual;
    c->mss = less;
    while (has_more(c) && sent_can_add(c)) {
        bool     ends;
        uint32_t free = room(c);
        uint32_t len = next_piece(c, free < burst ? free : burst, &ends);

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
    bool     sent = false;
    uint32_t burst;

    /* RFC 5681, 4.1: what was under way long ago says nothing of now. */
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
        tcp_start_rto(c); /* to ask about the window */
    if (sent)
        tlp_set_pto(c);
    return sent;
}

/* The window has opened by so much that the peer should know. */
static bool is_worth_telling(const struct connection *c)
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
    /* What came twice is told by a segment without data. */
    if (c->ack.now && c->sack.dsack.from != c->sack.dsack.to)
        tcp_send_ack(c);
    if (may_send_data(c->state) && send_data(c))
        return;
    if (c->ack.now || is_worth_telling(c))
        tcp_send_ack(c);
    else if (c->ack.unacked > 0 && c->clock[TCP_ACKNOWLEDGE] == FOREVER)
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(TCP_DELAYED_ACK));
}
