/* SPDX-License-Identifier: ISC */
/*
 * tx_frame: a frame in the form in which the pages that it lies in can be
 * granted to a backend.
 */
#ifndef XEN_TX_FRAME_H
#define XEN_TX_FRAME_H

#include <mirage/buf.h>

/*
 * The frame as a list of at most `most` bufs, each within one page that may be
 * granted: a page of the pool, or one of memory that was given to buf_over, if
 * that memory has the whole page and lies at its physical address. All else is
 * copied, since the backend can read the whole of a granted page. Takes frame.
 * Yours: buf_free. NULL: it has too many bytes, or the pool is empty.
 */
struct buf *tx_frame(struct buf *frame, size_t most);

#endif
