/* SPDX-License-Identifier: ISC */
/*
 * Emission of segments (RFC 9293, 3.8): header and options, checksum, the
 * receive window. Data are sent as shared bufs of the send queue behind a page
 * with the header.
 */
#include "tcp.h"
#include "tcp_memory.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/macros.h>

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
    least = min(least, c->our_mss);
    if (space < offered + least)
        space = offered;
    /* Round up, or the edge would move back by a part of a unit (RFC 7323,
     * 2.4). That lets the edge advance by up to a unit with each ACK. With a
     * full queue round down: otherwise small segments that are not read would
     * exceed the limit without end. */
    if (c->rcvq.len < c->rcvq.limit)
        space += unit - 1;
    return min(space / unit * unit, most);
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
        .window = (uint16_t)(is_syn ? min(window, 65535u)
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
    c->sack.since_hole = min(c->sack.since_hole, TCP_SINGLE_ACKS);
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
    c->tcp->counters.segments_out++;
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
    tcp->counters.segments_out++;
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
