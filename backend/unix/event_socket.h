/* SPDX-License-Identifier: ISC */
/*
 * Flows on sockets without a fiber each: one fiber of the stack calls their
 * handlers (flow_on_event), sends their queues, and completes connections that
 * are being opened.
 */
#ifndef UNIX_EVENT_SOCKET_H
#define UNIX_EVENT_SOCKET_H

#include "events.h"
#include <mirage/fiber.h>
#include <mirage/flow.h>
#include <sys/uio.h>

struct sockets;
struct socket_flow;

/* The part of a flow that is event_socket.c's. */
struct flow_events {
    struct events_watch watch;
    bool is_watched;
    bool is_opening; /* connect has not ended yet */
    bool is_closed; /* by its owner: freed when all is sent */
    bool is_dead; /* freed when its turn comes */
    bool lacks_pages; /* a call found none; looked at again soon */
    unsigned ready; /* enum events_kind: since a call found otherwise */
    flow_event_handler *fn; /* NULL: none */
    void *ctx;
    unsigned told; /* enum flow_event: not reported again */
    struct waiters waiters; /* fibers that wait for it to be ready */
    bool is_scheduled;
    struct socket_flow *scheduled; /* the next of the stack's list */
    struct buf *unsent, *unsent_last; /* the queue: data that the host has not
                                         taken yet */
    size_t unsent_len;
};

/* A flow that is one of the host's TCP connections. */
struct socket_flow {
    struct flow flow;
    struct sockets *stack;
    struct socket_flow *next, **back; /* of the stack's flows */
    int fd, write_fd; /* the same socket; -1: not needed yet */
    unsigned shut; /* enum flow_side */
    bool has_ended; /* the peer has finished */
    enum status over; /* why it ended; OK: it did not */
    struct buf *came; /* received and not yet read */
    unsigned pages; /* for the next read */
    struct endpoint local, peer;
    struct flow_options options;
    void (*on_close)(void *ctx); /* NULL: nothing */
    void *on_close_ctx;
    struct flow_events events;
};

/* Starts the fiber that calls handlers. ERR_NO_MEMORY. */
MUST_CHECK enum status event_start(struct sockets *s);

/* Ends it. Blocks. */
void event_stop(struct sockets *s);

/* Watches the flow for good. If that takes a file descriptor and there is none,
 * the flow ends with ERR_NO_MEMORY. */
void event_watch(struct socket_flow *f);

/* Has the stack's fiber look at the flow. */
void event_schedule(struct socket_flow *f);

/* A call found no data and no end (EVENTS_READ), or no room (EVENTS_WRITE): it
 * is reported when there is some. */
void event_rearm(struct socket_flow *f, enum events_kind kind);

/* The same for a call that found no pages, or no memory of the host's. */
void event_lacks_pages(struct socket_flow *f, enum events_kind kind);

/* Waits until the flow is ready for kind; in a handler: ERR_TIMEOUT. Blocks. */
MUST_CHECK enum status event_await(struct socket_flow *f,
                                   enum events_kind kind,
                                   nanoseconds deadline);

/* Waits a moment, since a call for kind found no pages, or no memory of the
 * host's; in a handler: ERR_TIMEOUT. Blocks. */
MUST_CHECK enum status event_await_memory(struct socket_flow *f,
                                          enum events_kind kind,
                                          nanoseconds deadline);

/* Bytes that may be queued now. */
size_t event_room(const struct socket_flow *f);

/* Appends b, one buf, to the queue. */
void event_queue(struct socket_flow *f, struct buf *b);

/* Sends count pieces by one call of the host's: *sent is how much it took.
 * ERR_TIMEOUT: nothing, for now. Others: the flow has ended. */
MUST_CHECK enum status event_send(struct socket_flow *f, struct iovec *iov,
                                  size_t count, size_t *sent);

/* Sends the queue, then the end, if our writing side is shut. ERR_TIMEOUT:
 * not all, for now. Others: the flow has ended. */
MUST_CHECK enum status event_flush(struct socket_flow *f);

/* Drops the queue. */
void event_drop(struct socket_flow *f);

/* Ends the flow for a reason of the host's, unless it has ended before. Returns
 * why it has ended. */
enum status event_break(struct socket_flow *f, int error);

/* Frees the flow and closes its sockets; with is_to_send when all that is
 * queued was sent. */
void event_close(struct socket_flow *f, bool is_to_send);

/* Ends all flows of a stack, with an orderly end for their peers (ERR_GONE).
 * They are still to be closed. */
void event_end_all(struct sockets *s);

/* What an error of connect means; refusals are counted. */
enum status event_connect_status(struct sockets *s, int error);

/* The outcome of a connect that has ended: 0, or the error. */
int event_connect_outcome(int fd);

/* Has the host connected a socket to itself (RFC 9293, 3.5, simultaneous open),
 * since it chose the port that is called? Then nothing listens there. */
bool event_is_own_peer(const struct socket_flow *f);

#endif
