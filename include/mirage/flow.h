/* SPDX-License-Identifier: ISC */
/*
 * flow: one end of a two-way stream of bytes, such as a TCP connection.
 *
 * One fiber may read while another writes. Each wait has a deadline, a moment
 * and not a length: FOREVER, or time_after(30 * SECOND). One that has passed
 * means "look, but do not wait".
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

/* Which side of a flow. */
enum flow_side {
    FLOW_READING = 1,
    FLOW_WRITING = 2,
};

/* How a connection is to be held; the lengths of time of zero mean never. */
struct flow_options {
    bool no_delay; /* sends data at once, without Nagle's
                                       algorithm: see flow_write */
    nanoseconds keepalive_idle; /* silence after which the peer is asked
                                   whether it lives (3.8.4) */
    nanoseconds keepalive_interval; /* between such questions */
    unsigned keepalive_probes; /* unanswered ones that end the flow */
    nanoseconds user_timeout; /* how long sent data may stay without an
                                       acknowledgment (3.8.3) */
};

/*
 * Waits for data. On OK, *data is one buf with at least one byte, and yours:
 * buf_free it. It is the memory that the data came in: nothing is copied.
 * Blocks.
 *
 * ERR_EOF: the peer has finished, or our reading side is shut. ERR_RESET: the
 * peer, or flow_abort, ended the stream. ERR_UNREACHABLE, ERR_GONE: the network
 * did. ERR_TIMEOUT: nothing came before the deadline, or, with a deadline that
 * is still to come, the peer does not answer any more. ERR_NO_MEMORY: the stack
 * had no pages left, and this flow held most of them, for longest, without
 * anything being read or acknowledged; it was reset. ERR_CANCELLED.
 */
MUST_CHECK enum status flow_read(struct flow *f, struct buf **data,
                                 nanoseconds deadline);

/*
 * Queues a copy of len bytes; blocks while the queue is full.
 *
 * Nagle's algorithm (RFC 9293, 3.7.4) holds back a segment that is not full
 * while earlier data is unacknowledged, and a peer that delays its ACK (200 ms
 * are allowed, 40 ms are usual) makes that wait long: an answer whose head and
 * body are written by two calls takes one such delay each. Write head and body
 * by one flow_write_spans or flow_write_bufs, or set no_delay.
 *
 * ERR_TIMEOUT, ERR_CANCELLED: an unknown part was queued. ERR_RESET,
 * ERR_UNREACHABLE, ERR_GONE, ERR_NO_MEMORY: as above. ERR_EOF: our writing
 * side is shut.
 */
MUST_CHECK enum status flow_write(struct flow *f, const void *data, size_t len,
                                  nanoseconds deadline);

/* The same for count pieces, one behind the other. */
MUST_CHECK enum status flow_write_spans(struct flow *f,
                                        const struct span *spans, size_t count,
                                        nanoseconds deadline);

/*
 * The same for a list of bufs, which it takes, whatever happens: they are
 * sent from where they lie. Nobody may write to their pages any more.
 */
MUST_CHECK enum status flow_write_bufs(struct flow *f, struct buf *data,
                                       nanoseconds deadline);

/*
 * Shuts sides of the flow (enum flow_side, one or both): FLOW_WRITING sends
 * what is queued, then the end of our side, and reading still works;
 * FLOW_READING gives up what has come and what will come. Does not block.
 */
void flow_shutdown(struct flow *f, unsigned sides);

/* Ends the flow at once: the peer sees a reset, what is queued is lost. The
 * flow is still to be closed. Does not block. */
void flow_abort(struct flow *f);

/*
 * Shuts both sides and frees the flow; what is queued is still sent, in the
 * background. Only for a flow that is yours: a handler's flow is closed when
 * the handler returns, and closing it earlier panics. Does not block.
 *
 * The peer sees a reset, and what is queued is lost, if data came that nobody
 * has read, or if data come afterwards (RFC 9293, 3.6.1): the reset tells the
 * peer that they were lost. flow_finish avoids that. Data that FLOW_READING
 * gave up do not count.
 */
void flow_close(struct flow *f);

/*
 * Closes the flow so that the peer gets all that was written: shuts our writing
 * side, reads and frees what comes until the peer has finished as well, and
 * then frees the flow as flow_close does. For whoever writes last words to a
 * peer that may still be sending; whoever has read ERR_EOF may as well
 * flow_close. In a handler it does all but free the flow, which stays the
 * handler's until the handler returns. Blocks.
 *
 * OK: the peer has finished, or our reading side was shut before.
 * ERR_TIMEOUT: it has not before the deadline, or does not answer any more;
 * what it sends from then on is answered by a reset. The others of flow_read:
 * the stream has ended, or waiting has. The flow is freed in every case.
 */
enum status flow_finish(struct flow *f, nanoseconds deadline);

struct endpoint flow_local(const struct flow *f);
struct endpoint flow_peer(const struct flow *f);

/* The options that the flow has, and others for it. */
void flow_options(const struct flow *f, struct flow_options *options);
void flow_set_options(struct flow *f, const struct flow_options *options);

/* The driver's side: each as its namesake above. None may be NULL. */
struct flow_ops {
    enum status (*read)(struct flow *f, struct buf **data,
                        nanoseconds deadline);
    enum status (*write)(struct flow *f, const struct span *spans,
                         size_t count, nanoseconds deadline);
    enum status (*write_bufs)(struct flow *f, struct buf *data,
                              nanoseconds deadline);
    void (*shutdown)(struct flow *f, unsigned sides);
    void (*abort)(struct flow *f);
    void (*close)(struct flow *f);
    struct endpoint (*local)(const struct flow *f);
    struct endpoint (*peer)(const struct flow *f);
    void (*options)(const struct flow *f, struct flow_options *options);
    void (*set_options)(struct flow *f, const struct flow_options *options);
};

#endif
