/* SPDX-License-Identifier: ISC */
/*
 * Segment arrival (RFC 9293, 3.10.7): finds the connection of a segment, and
 * runs the steps of the specification in their order. Each step has a file:
 * tcp_handshake, tcp_validate, tcp_ack, tcp_text.
 */
#include "tcp_ack.h"
#include "tcp_arrival.h"
#include "tcp_handshake.h"
#include "tcp_input.h"
#include "tcp_text.h"
#include "tcp_validate.h"
#include <mirage/checksum.h>
#include <mirage/macros.h>

static void connection_input(struct connection *c, struct arrival *a,
                             const struct ipv4_packet *packet)
{
    if (c->state == TCP_SYN_SENT) {
        if (tcp_process_syn_sent(c, a, packet))
            tcp_process_text(c, a, packet);
        return;
    }
    if (!tcp_validate(c, a))
        return;
    c->last_heard = time_now();
    tcp_peer_touch(c);
    c->keepalives = 0;
    ecn_on_segment(c, a->s.flags, packet->service, a->len);
    if (!tcp_process_ack(c, a, packet))
        return;
    /* Only after the ACK was found valid: the segment may be spoofed. */
    tcp_update_ts_recent(c, a);
    if (c->state != TCP_TIMED_WAIT && !c->fin_received)
        tcp_process_text(c, a, packet);
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

    tcp->counters.segments_in++;
    b = buf_pullup(b, min(len, TCP_MOST));
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
    if (!c)
        c = tcp_process_listen(tcp, packet, &a, least);
    if (c)
        connection_input(c, &a, packet);
    buf_free(a.data);
}
