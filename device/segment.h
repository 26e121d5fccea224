/* SPDX-License-Identifier: ISC */
/*
 * segment: what a frame asks of its device, done in software.
 */
#ifndef DEVICE_SEGMENT_H
#define DEVICE_SEGMENT_H

#include <mirage/buf.h>

/*
 * Cuts an IPv4 frame of TCP or UDP with offload.segment set into frames of at
 * most so many data bytes each, and gives each to out, which takes it. Each
 * asks for its checksum. Takes frame. Returns the number of those that were
 * lost: the pool was empty; or 1: it is no such frame, or one without data.
 */
typedef void segment_sink(void *ctx, struct buf *frame);
unsigned segment_cut(struct buf *frame, segment_sink *out, void *ctx);

#endif
