/* SPDX-License-Identifier: ISC */
/*
 * flow: one end of a two-way stream of bytes.
 */
#ifndef MIRAGE_FLOW_H
#define MIRAGE_FLOW_H

#include <mirage/buf.h>
#include <mirage/status.h>
#include <mirage/time.h>

struct flow {
    const struct flow_ops *ops;
};

/*
 * Waits for data. On OK, *data is one buf and yours: buf_free it. Blocks.
 *
 * ERR_EOF: the peer has finished. ERR_RESET: the stream is lost.
 * ERR_TIMEOUT: nothing came before the deadline. ERR_CANCELLED.
 */
MUST_CHECK enum status flow_read(struct flow *f, struct buf **data,
                                 nanoseconds deadline);

/*
 * Queues a copy of len bytes; blocks while the queue is full.
 *
 * ERR_TIMEOUT, ERR_CANCELLED: an unknown part was queued. ERR_RESET.
 */
MUST_CHECK enum status flow_write(struct flow *f, const void *data, size_t len,
                                  nanoseconds deadline);

/* Sends what is queued, then the end of our side. Reading still works. */
void flow_finish(struct flow *f);

/*
 * Finishes, and frees the flow. Only for a flow that is yours: a handler's
 * flow is closed when the handler returns.
 */
void flow_close(struct flow *f);

/* The driver's side: each as its namesake above. None may be NULL. */
struct flow_ops {
    enum status (*read)(struct flow *f, struct buf **data,
                        nanoseconds deadline);
    enum status (*write)(struct flow *f, const void *data, size_t len,
                         nanoseconds deadline);
    void (*finish)(struct flow *f);
    void (*close)(struct flow *f);
};

#endif
