/* SPDX-License-Identifier: ISC */
/*
 * Explicit congestion notification (RFC 3168). Routers may mark new data with
 * CE; the receiver sets ECE in each segment until the sender confirms by CWR
 * that it has reduced its window.
 */
#include "tcp.h"
#include <mirage/boot.h>
#include <string.h>

#define ASKED (TCP_ECE | TCP_CWR)

static enum tcpv4_ecn chosen = TCPV4_ECN_ANSWER;

static const char *parse_ecn(const char *value)
{
    static const char *const names[] = {"answer", "ask", "never"};

    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            chosen = (enum tcpv4_ecn)i;
            return NULL;
        }
    return "answer, ask or never";
}

BOOT_PARSED(tcp_ecn, "WHEN", parse_ecn,
            "marks of congestion: answer (the default), ask or never");

enum tcpv4_ecn ecn_default(void)
{
    return chosen;
}

uint8_t ecn_syn_flags(struct connection *c)
{
    if (c->state == TCP_SYN_SENT) {
        /* 6.1.1.1: some middleboxes drop such SYNs. */
        c->ecn.is_on = c->tcp->ecn == TCPV4_ECN_ASK && c->rtt.backoff == 0;
        return c->ecn.is_on ? ASKED : 0;
    }
    c->ecn.is_on = c->ecn.is_on && c->rtt.backoff == 0;
    return c->ecn.is_on ? TCP_ECE : 0;
}

void ecn_on_syn(struct connection *c, uint8_t flags)
{
    if (flags & TCP_ACK)
        c->ecn.is_on = c->ecn.is_on && (flags & ASKED) == TCP_ECE;
    else
        c->ecn.is_on = c->state != TCP_SYN_SENT && (flags & ASKED) == ASKED &&
                       c->tcp->ecn != TCPV4_ECN_NEVER;
}

void ecn_on_segment(struct connection *c, uint8_t flags, uint8_t service,
                    uint32_t len)
{
    if (!c->ecn.is_on || len == 0)
        return;
    if (flags & TCP_CWR)
        c->ecn.echo_ce = false;
    if ((service & IPV4_ECN) == IPV4_CE) {
        c->tcp->counters.marks_in++;
        c->ecn.echo_ce = true;
        c->ack.now = true;
    }
}

uint8_t ecn_codepoint(const struct connection *c, uint32_t seq, uint32_t len)
{
    /* 6.1.5, 6.1.6: neither retransmissions nor window probes. */
    return c->ecn.is_on && len > 0 && c->snd.wnd > 0 &&
                   !seq_before(seq, c->snd.nxt)
               ? IPV4_ECT
               : 0;
}
