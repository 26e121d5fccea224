/* SPDX-License-Identifier: ISC */
/*
 * segment: segmentation in software.
 */
#ifndef DEVICE_SEGMENT_H
#define DEVICE_SEGMENT_H

#include <mirage/buf.h>

/*
 * Cuts a frame of TCP or UDP into frames of offload.segment data
 * bytes each, the last maybe with fewer, and calls out with each, which takes
 * it. Each asks for its checksum. Takes frame. Returns the number of segments
 * that were lost since the pool was empty; 1 if the frame has other headers or
 * no data.
 */
typedef void segment_sink(void *ctx, struct buf *frame);
unsigned segment_cut(struct buf *frame, segment_sink *out, void *ctx);

#endif
