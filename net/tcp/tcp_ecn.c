/* SPDX-License-Identifier: ISC */
/*
 * Explicit congestion notification (RFC 3168). Data that are sent for the first
 * time may be marked on their way; who gets a mark says so in each segment
 * until the sender tells that he has slowed down.
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

enum tcpv4_ecn ecn_chosen(void)
{
    return chosen;
}

uint8_t ecn_syn_flags(struct connection *c)
{
    if (c->state == TCP_SYN_SENT) {
        /* 6.1.1.1: there are those who drop such SYNs. */
        c->ecn = c->tcp->ecn == TCPV4_ECN_ASK && c->backoff == 0;
        return c->ecn ? ASKED : 0;
    }
    c->ecn = c->ecn && c->backoff == 0;
    return c->ecn ? TCP_ECE : 0;
}

void ecn_take_syn(struct connection *c, uint8_t flags)
{
    if (flags & TCP_ACK)
        c->ecn = c->ecn && (flags & ASKED) == TCP_ECE;
    else
        c->ecn = c->state != TCP_SYN_SENT && (flags & ASKED) == ASKED &&
                 c->tcp->ecn != TCPV4_ECN_NEVER;
}

void ecn_take(struct connection *c, uint8_t flags, uint8_t service,
              uint32_t len)
{
    if (!c->ecn || len == 0)
        return;
    if (flags & TCP_CWR)
        c->echo_mark = false;
    if ((service & IPV4_ECN) == IPV4_CE) {
        c->tcp->counters.marks_in++;
        c->echo_mark = true;
        c->ack_now = true;
    }
}

uint8_t ecn_service(const struct connection *c, uint32_t seq, uint32_t len)
{
    /* 6.1.5, 6.1.6: neither what is sent again, nor questions about a
     * window. */
    return c->ecn && len > 0 && c->snd_wnd > 0 && !seq_before(seq, c->snd_nxt)
               ? IPV4_ECT
               : 0;
}
