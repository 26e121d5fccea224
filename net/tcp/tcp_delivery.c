/* SPDX-License-Identifier: ISC */
/*
 * Applies ACK number and SACK blocks to the scoreboard (RFC 6675), and collects
 * what they say: bytes delivered, RTT samples (RFC 8985, 6.2), PMTU probes.
 */
#include "tcp.h"

/* Accounts for the delivery of the bytes [from, end) of r. */
static void account_delivery(struct connection *c, const struct sent_record *r,
                             uint32_t from, uint32_t end, struct delivery *d)
{
    if (r->state == SENT_SACKED)
        return;
    d->bytes += end - from;
    if (!r->is_retransmitted) {
        if (d->oldest == 0 || r->xmit_ts < d->oldest)
            d->oldest = r->xmit_ts;
        if (r->xmit_ts > d->newest)
            d->newest = r->xmit_ts;
        if (seq_before(r->seq, c->recovery.point))
            d->is_original = true;
    }
    rack_update(c, r, end, d);
}

void delivery_by_ack(struct connection *c, struct delivery *d)
{
    struct sent_record *r;

    while ((r = c->sent.first) != NULL && seq_before(r->seq, c->snd.una)) {
        if (seq_after(r->end, c->snd.una)) {
            account_delivery(c, r, r->seq, c->snd.una, d);
            sent_trim_first(c, c->snd.una);
            break;
        }
        account_delivery(c, r, r->seq, r->end, d);
        if (r->is_probe)
            path_on_probe_acked(c, r->segment);
        sent_remove_first(c);
    }
}

/* The last boundary between two of r's segments that is not after at. */
static uint32_t seam_before(const struct sent_record *r, uint32_t at)
{
    return at - (at - r->seq) % r->segment;
}

/* Marks [from, to), which is in flight, as SACKed. */
static void mark_sacked(struct connection *c, uint32_t from, uint32_t to,
                        struct delivery *d)
{
    struct sent_record *r = c->sent.sacked_hint, *before = NULL;

    if (!r || seq_after(r->seq, from))
        r = c->sent.first;
    for (; r && seq_before(r->seq, to); before = r, r = r->next) {
        uint32_t seam;

        if (!seq_after(r->end, from) || r->state == SENT_SACKED)
            continue;
        seam = seam_before(r, from + r->segment - 1);
        if (seq_before(r->seq, from)) {
            if (seq_before(seam, r->end) && !sent_split(c, r, seam))
                break;
            continue; /* the part from seam on is next */
        }
        seam = seam_before(r, to);
        if (seq_after(r->end, to) &&
            (seam == r->seq || !sent_split(c, r, seam)))
            break;
        account_delivery(c, r, r->seq, r->end, d);
        sent_set_state(c, r, SENT_SACKED);
        if (r->is_probe)
            path_on_probe_acked(c, r->segment);
        if (r->next && r->next->state == SENT_SACKED)
            sent_merge_next(c, r);
        if (before && before->state == SENT_SACKED) {
            sent_merge_next(c, before);
            r = before;
        }
        c->sent.sacked_hint = r;
    }
}

void delivery_by_sack(struct connection *c, const struct tcp_segment *s,
                      struct delivery *d)
{
    struct tcp_range range[TCP_RANGES];
    int count = 0;

    /* By sequence number, or RACK would see reordering. */
    for (int i = 0; i < s->sack_count; i++) {
        struct tcp_range one = s->sack[i];
        int at = count;

        if (seq_before(one.from, c->snd.una) ||
            !seq_before(one.from, one.to) || seq_after(one.to, c->snd.nxt))
            continue;
        for (; at > 0 && seq_before(one.from, range[at - 1].from); at--)
            range[at] = range[at - 1];
        range[at] = one;
        count++;
    }
    for (int i = 0; i < count; i++)
        mark_sacked(c, range[i].from, range[i].to, d);
}
