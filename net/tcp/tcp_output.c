/* SPDX-License-Identifier: ISC */
/*
 * Segment transmission (RFC 9293, 3.8). Data are sent as shared bufs of the
 * send queue behind a page with the header. More than one segment leaves in one
 * piece: the device, or its front, segments it.
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

    /* When pages are scarce it opens for a few segments only. */
    if (tcp_memory_is_low()) {
        uint32_t few = TCP_LEAST_ROOM * c->our_mss;

        few = few > c->rcvq.len ? few - c->rcvq.len : 0;
        if (few < space)
            space = few;
    }
    /* RFC 9293, 3.8.6.2.2: advance the right edge by a segment at least
     * (silly window syndrome); never move it back (3.8.6). */
    if (least > c->our_mss)
        least = c->our_mss;
    if (space < offered + least)
        space = offered;
    space = (space + unit - 1) / unit * unit;
    return space < most ? space : most;
}

static size_t emit_header(struct connection *c, uint32_t seq, uint32_t len,
                          uint8_t flags, uint8_t *p)
{
    bool is_syn = flags & TCP_SYN;
    uint32_t window = tcp_receive_window(c);
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
    } else if (len == 0 || c->sack.with_data ||
               len + sack_option_length(c) <= c->mss) {
        sack_fill_option(c, &s);
    }
    if (c->ts.is_on || (is_syn && !(flags & TCP_ACK))) {
        s.has_timestamps = true;
        s.time = tcp_timestamp(c);
        s.echo = flags & TCP_ACK ? c->ts.recent : 0;
    }
    return tcp_emit(&s, p);
}

/* Shares len bytes of the send queue, from seq on. */
static struct buf *share_queue(struct connection *c, uint32_t seq,
                               uint32_t len)
{
    struct buf *b = c->sndq.first;
    uint32_t at = c->sndq.seq;

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

/* Updates the receive side after an ACK was sent. */
static void on_ack_sent(struct connection *c)
{
    uint32_t edge = c->rcv.nxt + tcp_receive_window(c);

    if (seq_after(edge, c->rcv.adv))
        c->rcv.adv = edge;
    if (tcp_memory_is_low())
        tcp_memory_low(c->tcp);
    c->ts.last_ack_sent = c->rcv.nxt;
    c->ack.unacked = 0;
    c->ack.now = false;
    if (c->sack.since_hole > TCP_SINGLE_ACKS)
        c->sack.since_hole = TCP_SINGLE_ACKS;
    tcp_set_clock(c, TCP_ACKNOWLEDGE, FOREVER);
}

/* Sends b: a TCP header, then data in the bufs that follow. */
static void send_packet(struct connection *c, struct buf *b, size_t header,
                        uint8_t service)
{
    struct ipv4_packet packet = {.from = c->local.ip,
                                 .to = c->peer.ip,
                                 .protocol = PROTOCOL_TCP,
                                 .service = service,
                                 .whole = !c->path.may_fragment};
    size_t len = buf_length(b);

    put_be16(b->data + 16,
             checksum_fold(checksum_pseudo(packet.from, packet.to,
                                           PROTOCOL_TCP, len)));
    b->offload = (struct offload){
        .kind = OFFLOAD_TCP_IPV4,
        .segment = len - header > c->mss ? c->mss : 0,
    };
    c->tcp->counters.out++;
    /* After other errors the timers retransmit, as after a loss. */
    if (ipv4_write(c->tcp->ip, &packet, b) == ERR_RANGE)
        path_set_mtu(c, ipv4_mtu(c->tcp->ip));
}

void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags)
{
    struct buf *b = buf_new(IPV4_HEADROOM);
    size_t header;

    if (b && len > 0)
        b->next = share_queue(c, seq, len);
    if (!b || (len > 0 && !b->next)) {
        buf_free(b); /* retransmitted like a lost one */
        tcp_memory_low(c->tcp);
        if (c->ack.unacked > 0 || c->ack.now)
            tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(TCP_DELAYED_ACK));
        return;
    }
    header = emit_header(c, seq, len, flags, buf_append(b, TCP_MOST));
    b->len = header;
    send_packet(c, b, header, ecn_codepoint(c, seq, len));
    if (flags & TCP_ACK)
        on_ack_sent(c);
}

/*
 * The sequence number of a segment without data. It must be within the peer's
 * window to be acceptable, and a window probe may have moved snd.nxt beyond it.
 */
static uint32_t acceptable_seq(const struct connection *c)
{
    uint32_t edge = c->snd.una + c->snd.wnd;

    return c->snd.una != c->iss && seq_after(c->snd.nxt, edge) ? edge
                                                               : c->snd.nxt;
}

void tcp_send_ack(struct connection *c)
{
    tcp_send(c, acceptable_seq(c), 0, TCP_ACK);
}

static void send_header(struct tcpv4 *tcp, struct endpoint from,
                        struct endpoint to, const struct tcp_segment *s)
{
    struct ipv4_packet packet = {.from = from.ip,
                                 .to = to.ip,
                                 .protocol = PROTOCOL_TCP,
                                 .whole = true};
    struct buf *b = buf_new(IPV4_HEADROOM);

    if (!b)
        return;
    b->len = tcp_emit(s, buf_append(b, TCP_MOST));
    put_be16(b->data + 16,
             checksum_fold(checksum_pseudo(from.ip, to.ip, PROTOCOL_TCP,
                                           b->len)));
    b->offload = (struct offload){.kind = OFFLOAD_TCP_IPV4};
    tcp->counters.out++;
    tcp->counters.resets_out++;
    if (ipv4_write(tcp->ip, &packet, b) != OK)
        return; /* the peer repeats its segment */
}

/* The timestamp of a reset, where the two have agreed on them (RFC 7323, 3.2).
 */
static void add_timestamp(const struct connection *c, struct tcp_segment *s)
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
    bool is_opening = c->state == TCP_SYN_RECEIVED;
    struct tcp_segment s = {.from = c->local.port,
                            .to = c->peer.port,
                            .seq = acceptable_seq(c),
                            .ack = is_opening ? c->rcv.nxt : 0,
                            .flags = is_opening ? TCP_RST | TCP_ACK : TCP_RST};

    if (c->state == TCP_SYN_SENT)
        return;
    add_timestamp(c, &s);
    send_header(c->tcp, c->local, c->peer, &s);
}

void tcp_reply_reset(struct tcpv4 *tcp, const struct connection *c,
                     const struct ipv4_packet *packet,
                     const struct tcp_segment *s, uint32_t len)
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
        add_timestamp(c, &answer);
    send_header(tcp, (struct endpoint){packet->to, s->to},
                (struct endpoint){packet->from, s->from}, &answer);
}

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

/* The most data bytes of one piece, in whole segments. Only the first segment
 * may have CWR, and not every device clears it in the others. */
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

/* Retransmits lost segments as far as cwnd allows. False: some have to wait. */
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
        if (may > most)
            may = most;
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
 * The bytes to send in one piece now, at most free; 0: none. Sender's silly
 * window avoidance and Nagle's algorithm (RFC 9293, 3.8.6.2.1 and 3.7.4): whole
 * segments; or the end of the queue when nothing is in flight; or half of the
 * largest window that the peer ever offered.
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

/* Sends a probe of the path MTU: a longer segment. */
static bool send_path_probe(struct connection *c)
{
    uint32_t edge = c->snd.una + c->snd.wnd, may = usable_window(c);
    uint16_t usual = c->mss, len;
    bool may_fragment = c->path.may_fragment;

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

/* Has the window opened enough for an update? */
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
    /* A D-SACK goes in a segment without data. */
    if (c->ack.now && c->sack.dsack.from != c->sack.dsack.to)
        tcp_send_ack(c);
    if (may_send_data(c->state) && send_data(c))
        return;
    if (c->ack.now || is_worth_telling(c))
        tcp_send_ack(c);
    else if (c->ack.unacked > 0 && c->clock[TCP_ACKNOWLEDGE] == FOREVER)
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(TCP_DELAYED_ACK));
}
