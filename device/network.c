/* SPDX-License-Identifier: ISC */
/*
 * The front of network devices: does in software what a frame's offload asks
 * for and the device cannot do, drops what cannot be sent, keeps the listener,
 * and counts.
 */
#include "segment.h"
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <mirage/panic.h>

static void drop(struct network *n, struct buf *frame)
{
    n->counters.dropped_out++;
    buf_free(frame);
}

/* Whether the frame of len bytes, or if it is to be cut each segment, is longer
 * than the device can send. Segments have at least `header` bytes before their
 * data. */
static bool is_too_long(const struct network *n, const struct buf *frame,
                        size_t len)
{
    const struct offload *o = &frame->offload;
    size_t transport = offload_is_tcp(o->kind) ? 20 : 8;
    size_t header = o->csum_start + transport;
    size_t most = (size_t)n->mtu + ETHERNET_HEADER;

    return len > most &&
           (o->segment == 0 || header + o->segment > most);
}

#define TO_IPV4 3 /* bits that the features for IPv6 are to the left */
_Static_assert(NETWORK_CHECKSUM_IPV6 == NETWORK_CHECKSUM << TO_IPV4 &&
                   NETWORK_TCP_SEGMENTS_IPV6 ==
                       NETWORK_TCP_SEGMENTS << TO_IPV4 &&
                   NETWORK_UDP_SEGMENTS_IPV6 == NETWORK_UDP_SEGMENTS << TO_IPV4,
               "the features for IPv6 are in the order of those for IPv4");

/* What the device can do for frames of this kind, as features for IPv4. */
static unsigned features_for(const struct network *n, enum offload_kind kind)
{
    return offload_is_ipv6(kind) ? n->features >> TO_IPV4 : n->features;
}

/* Sends a frame of len bytes that is one segment, or that the device cuts. */
static void write_one(struct network *n, struct buf *frame, size_t len)
{
    if (frame->offload.kind != OFFLOAD_NONE &&
        !(features_for(n, frame->offload.kind) & NETWORK_CHECKSUM) &&
        !checksum_fill(frame)) {
        drop(n, frame);
        return;
    }
    n->counters.frames_out++;
    n->counters.bytes_out += len;
    n->ops->write(n, frame);
}

/* A segment that is too long has longer headers than is_too_long knows of the
 * frame that was cut. */
static void write_segment(void *ctx, struct buf *segment)
{
    size_t len = buf_length(segment);

    if (is_too_long(ctx, segment, len))
        drop(ctx, segment);
    else
        write_one(ctx, segment, len);
}

/* Whether the device cuts frames of this kind into segments. */
static bool can_segment(const struct network *n, enum offload_kind kind)
{
    unsigned feature = offload_is_tcp(kind) ? NETWORK_TCP_SEGMENTS
                                            : NETWORK_UDP_SEGMENTS;

    return kind != OFFLOAD_NONE && features_for(n, kind) & feature;
}

void network_write(struct network *n, struct buf *frame)
{
    size_t len = buf_length(frame);
    bool cut = frame->offload.segment != 0;

    if (!n->up || len < ETHERNET_HEADER || len > NETWORK_FRAME ||
        is_too_long(n, frame, len)) {
        drop(n, frame);
        return;
    }
    if (cut && (len > NETWORK_JOINED || !can_segment(n, frame->offload.kind)))
        n->counters.dropped_out += segment_cut(frame, write_segment, n);
    else
        write_one(n, frame, len);
}

void network_deliver(struct network *n, struct buf *const *frames,
                     size_t count)
{
    struct buf *good[NETWORK_BATCH];
    size_t good_count = 0;

    require(count <= NETWORK_BATCH);
    for (size_t i = 0; i < count; i++) {
        size_t len = buf_length(frames[i]);

        if (n->listener && len >= ETHERNET_HEADER && len <= NETWORK_FRAME) {
            n->counters.frames_in++;
            n->counters.bytes_in += len;
            good[good_count++] = frames[i];
            continue;
        }
        n->counters.dropped_in++;
        buf_free(frames[i]);
    }
    if (good_count > 0)
        n->listener(n->listener_ctx, good, good_count);
}

void network_listen(struct network *n, frames_handler *fn, void *ctx)
{
    n->listener = fn;
    n->listener_ctx = ctx;
}

void network_disconnect(struct network *n)
{
    n->listener = NULL;
    n->ops->disconnect(n);
}
