/* SPDX-License-Identifier: ISC */
/*
 * The front of every network device: what a frame asks for and the device
 * cannot do is done here, in one place, and what cannot be sent is dropped.
 */
#include "segment.h"
#include <mirage/network.h>
#include <mirage/panic.h>

static void drop(struct network *n, struct buf *frame)
{
    n->counters.dropped_out++;
    buf_free(frame);
}

/* Whether the device cannot send frame as it is, nor, if it is to cut it, the
 * segments: header is the least that each has before its data. */
static bool is_too_long(const struct network *n, const struct buf *frame)
{
    const struct offload *o = &frame->offload;
    size_t transport = o->csum_offset == 16 ? 20 : 8;
    size_t header = o->csum_start + transport;
    size_t most = (size_t)n->mtu + ETHERNET_HEADER;

    return buf_length(frame) > most &&
           (o->segment == 0 || header + o->segment > most);
}

/* A frame that is one segment, or that the device cuts. */
static void write_one(void *ctx, struct buf *frame)
{
    struct network *n = ctx;

    if (is_too_long(n, frame)) {
        drop(n, frame);
        return;
    }
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
    bool cut = frame->offload.segment != 0;

    if (!n->up || len < ETHERNET_HEADER || len > NETWORK_FRAME ||
        is_too_long(n, frame)) {
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

/* Hands on what arrives, if its length is one that the handler must expect,
 * whatever the host says. */
static void take_frames(void *ctx, struct buf *const *frames, size_t count)
{
    struct network *n = ctx;
    struct buf *good[NETWORK_BATCH];
    size_t good_count = 0;

    require(count <= NETWORK_BATCH);
    for (size_t i = 0; i < count; i++) {
        size_t len = buf_length(frames[i]);

        if (len >= ETHERNET_HEADER && len <= NETWORK_FRAME) {
            good[good_count++] = frames[i];
            continue;
        }
        n->counters.dropped_in++;
        buf_free(frames[i]);
    }
    if (good_count > 0)
        n->heard(n->heard_ctx, good, good_count);
}

void network_listen(struct network *n, frames_handler *fn, void *ctx)
{
    n->heard = fn;
    n->heard_ctx = ctx;
    n->ops->listen(n, take_frames, n);
}
