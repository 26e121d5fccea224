/* SPDX-License-Identifier: ISC */
/*
 * The front of every network device: what a frame asks for and the device
 * cannot do is done here, in one place, and what cannot be sent is dropped.
 */
#include "segment.h"
#include <mirage/network.h>

static void drop(struct network *n, struct buf *frame)
{
    n->counters.dropped_out++;
    buf_free(frame);
}

/* A frame that is one segment. */
static void write_one(void *ctx, struct buf *frame)
{
    struct network *n = ctx;

    if (frame->offload.csum_offset && !(n->features & NETWORK_CHECKSUM) &&
        !checksum_fill(frame)) {
        drop(n, frame);
        return;
    }
    n->counters.frames_out++;
    n->counters.bytes_out += buf_length(frame);
    n->ops->write(n, frame);
}

void network_write(struct network *n, struct buf *frame)
{
    size_t len = buf_length(frame);
    bool   cut = frame->offload.segment != 0;

    if (!n->up || len < ETHERNET_HEADER || len > NETWORK_FRAME ||
        (!cut && len > (size_t)n->mtu + ETHERNET_HEADER)) {
        drop(n, frame);
        return;
    }
    if (cut && (len > NETWORK_JOINED ||
                !(n->features & (frame->offload.csum_offset == 16
                                     ? NETWORK_TCP_SEGMENTS
                                     : NETWORK_UDP_SEGMENTS))))
        n->counters.dropped_out += segment_cut(frame, write_one, n);
    else
        write_one(n, frame);
}

void network_listen(struct network *n, frames_handler *fn, void *ctx)
{
    n->ops->listen(n, fn, ctx);
}
