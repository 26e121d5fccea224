/* SPDX-License-Identifier: ISC */
/*
 * flow: one end of a two-way stream of bytes, as of TCP (RFC 9293).
 *
 * One fiber may read while another writes. Each wait has a deadline, a moment
 * and not a length: FOREVER, or time_after(30 * SECOND). A deadline that has
 * passed means "look, but do not wait".
 */
#ifndef MIRAGE_FLOW_H
#define MIRAGE_FLOW_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>

struct flow {
    const struct flow_ops *ops;
    bool is_handlers; /* closed when the handler returns */
};

/* A piece of memory that is lent. */
struct span {
    const uint8_t *data;
    size_t len;
};

/* Sides of a flow. */
enum flow_side {
    FLOW_READING = 1,
    FLOW_WRITING = 2,
    FLOW_BOTH = FLOW_READING | FLOW_WRITING,
};

/* How a connection is kept; a length of time of zero means never. */
struct flow_options {
    bool no_delay; /* sends data at once, without Nagle's algorithm: see
                      flow_write */
    nanoseconds keepalive_idle; /* silence after which a keep-alive is sent
                                   (RFC 9293, 3.8.4) */
    nanoseconds keepalive_interval; /* between two keep-alives */
    unsigned keepalive_probes; /* unanswered ones that end the flow */
    nanoseconds user_timeout; /* how long sent data may stay unacknowledged
                                 (RFC 9293, 3.8.3) */
};

/*
 * Waits for data. On OK, *data is one buf with at least one byte, and yours:
 * buf_free it. It is the memory that the data arrived in: nothing is copied.
 * Blocks.
 *
 * ERR_EOF: the peer has finished, or our reading side is shut. ERR_RESET: the
 * peer, or flow_abort, ended the stream. ERR_UNREACHABLE, ERR_GONE: the network
 * did. ERR_TIMEOUT: nothing arrived before the deadline; if the deadline has
 * not passed yet, the peer does not answer any more. ERR_NO_MEMORY: the stack
 * ran out of pages, and this flow, which held the most of them for the longest
 * time without progress, was reset. ERR_CANCELLED.
 */
MUST_CHECK enum status flow_read(struct flow *f, struct buf **data,
                                 nanoseconds deadline);

/*
 * Queues a copy of len bytes; blocks while the send queue is full.
 *
 * Nagle's algorithm (RFC 9293, 3.7.4) holds back a segment that is not full
 * while earlier data is unacknowledged, and a peer that delays its ACK (200 ms
 * are allowed, 40 ms are usual) makes that wait long: an answer whose head and
 * body are written by two calls takes one such delay each. Write head and body
 * by one flow_write_spans or flow_write_bufs, or set no_delay.
 *
 * ERR_TIMEOUT, ERR_CANCELLED: an unknown part was queued. ERR_RESET,
 * ERR_UNREACHABLE, ERR_GONE, ERR_NO_MEMORY: as flow_read. ERR_EOF: our writing
 * side is shut.
 */
MUST_CHECK enum status flow_write(struct flow *f, const void *data, size_t len,
                                  nanoseconds deadline);

/* As flow_write, for count spans, one after the other. */
MUST_CHECK enum status flow_write_spans(struct flow *f,
                                        const struct span *spans, size_t count,
                                        nanoseconds deadline);

/*
 * As flow_write, for a list of bufs, which it takes, whatever happens. The data
 * is sent from where it lies, so their pages must not be written to any more.
 */
MUST_CHECK enum status flow_write_bufs(struct flow *f, struct buf *data,
                                       nanoseconds deadline);

/*
 * Shuts one side of the flow, or both: FLOW_WRITING sends the queued data, then
 * the end of our stream, and reading goes on; FLOW_READING drops received data,
 * now and later. Does not block.
 */
void flow_shutdown(struct flow *f, enum flow_side sides);

/* Ends the flow at once: the peer gets a reset, and queued data is lost. The
 * flow must still be closed. Does not block. */
void flow_abort(struct flow *f);

/*
 * Shuts both sides and frees the flow; queued data is still sent, in the
 * background. Only for a flow that is yours: a tcp_handler's flow is closed
 * when the handler returns, and closing it earlier panics. Does not block.
 *
 * The peer gets a reset, and queued data is lost, if received data is unread,
 * or if data arrives afterwards (RFC 9293, 3.6.1): the reset tells the peer of
 * the loss. flow_finish avoids that. Data that FLOW_READING dropped does not
 * count.
 */
void flow_close(struct flow *f);

/*
 * Closes the flow so that the peer receives all that was written: shuts our
 * writing side, reads and drops data until the peer has finished as well, then
 * frees the flow as flow_close does. For the last data to a peer that may still
 * be sending; after flow_read returned ERR_EOF, flow_close does the same. In a
 * tcp_handler it does not free the flow, which stays the handler's until it
 * returns. Blocks.
 *
 * OK: the peer has finished, or our reading side was shut before.
 * ERR_TIMEOUT: it has not before the deadline, or does not answer any more; its
 * later data is answered by a reset. Others: as flow_read. The flow is freed in
 * every case.
 */
enum status flow_finish(struct flow *f, nanoseconds deadline);

struct endpoint flow_local(const struct flow *f);
struct endpoint flow_peer(const struct flow *f);

/* Read, and replace, the options of a flow. */
void flow_options(const struct flow *f, struct flow_options *options);
void flow_set_options(struct flow *f, const struct flow_options *options);

/*
 * Flows without a fiber: a handler is called when something can be done. One
 * fiber then serves any number of them; see stackv4_listen_events.
 */
enum flow_event {
    FLOW_READABLE = 1, /* flow_read has data, the end, or an error */
    FLOW_WRITABLE = 2, /* there is room; of a flow that is being opened: it is
                          open */
    FLOW_OVER = 4, /* the flow has ended: flow_read has the data that arrived
                      before, then the reason */
};

/*
 * events (bits of enum flow_event) are new. Each is reported once, and again
 * only after a call found that it no longer held: a flow_read that returned
 * ERR_TIMEOUT, or a write, or flow_room, that found no room.
 *
 * Runs in a fiber of the stack, and must not block. Calls on flows of that
 * stack never wait in it, as if each deadline had passed: ERR_TIMEOUT means
 * that no data is there, or no room. The flow may be closed here. Other fibers
 * may use the flow too, and wait.
 */
typedef void flow_event_handler(void *ctx, struct flow *f, unsigned events);

/* Calls fn for events of the flow from now on, beginning with those that hold
 * already; NULL: nothing is called. One handler, the latest. Keeps ctx. */
void flow_on_event(struct flow *f, flow_event_handler *fn, void *ctx);

/*
 * The number of bytes that flow_write_bufs takes without waiting, and
 * flow_write too unless the pool of pages is empty (ERR_NO_MEMORY: an unknown
 * part was queued, and FLOW_WRITABLE is reported when there are pages again).
 * 0 also if our writing side is shut or the flow has ended.
 */
size_t flow_room(struct flow *f);

/* The driver's side: each as its namesake above. None may be NULL. */
struct flow_ops {
    enum status (*read)(struct flow *f, struct buf **data,
                        nanoseconds deadline);
    enum status (*write)(struct flow *f, const struct span *spans,
                         size_t count, nanoseconds deadline);
    enum status (*write_bufs)(struct flow *f, struct buf *data,
                              nanoseconds deadline);
    void (*shutdown)(struct flow *f, enum flow_side sides);
    void (*abort)(struct flow *f);
    void (*close)(struct flow *f);
    struct endpoint (*local)(const struct flow *f);
    struct endpoint (*peer)(const struct flow *f);
    void (*options)(const struct flow *f, struct flow_options *options);
    void (*set_options)(struct flow *f, const struct flow_options *options);
    void (*on_event)(struct flow *f, flow_event_handler *fn, void *ctx);
    size_t (*room)(struct flow *f);
};

#endif
