/* SPDX-License-Identifier: ISC */
/*
 * The operations of a TCP flow (mirage/flow.h), and the receive window's
 * growth.
 */
#include "tcp.h"
#include "tcp_memory.h"
#include <mirage/macros.h>
#include <string.h>

/* Unsent bytes that are sent without waiting for more. */
#define ENOUGH ((uint32_t)64 << 10)

/* Bytes of one buf by which the send queue may exceed its limit. */
#define LONGEST_BUF ((size_t)64 << 10)

static struct connection *connection_of(const struct flow *f)
{
    return containing((struct flow *)(uintptr_t)f, struct connection, flow);
}

/*
 * Receive buffer auto-tuning: doubles the receive window when the application
 * reads more than a quarter of it in a round trip, while there are pages. In
 * the next round trip twice as much may be in flight, and as much again may
 * wait beyond a hole. A connection that only receives measures the round trip
 * by timestamps.
 */
static void autotune_receive_window(struct connection *c, uint32_t len,
                                    nanoseconds now)
{
    nanoseconds passed = now - c->autotune.since;
    nanoseconds trip = c->autotune.rtt ? c->autotune.rtt : c->rtt.srtt;

    if (trip < 100 * MICROSECOND)
        trip = 100 * MICROSECOND;
    c->autotune.bytes += len;
    if (passed < trip)
        return;
    if (passed < 16 * trip &&
        c->autotune.bytes * trip > c->rcvq.limit / 4 * passed &&
        c->rcvq.limit < TCP_QUEUE_MOST && c->rcv.wind_shift > 0 &&
        buf_pages_free() > buf_pages() / 2)
        c->rcvq.limit *= 2;
    c->autotune.bytes = 0;
    c->autotune.since = now;
}

static enum status read_flow(struct flow *f, struct buf **data,
                             nanoseconds deadline)
{
    struct connection *c = connection_of(f);
    struct buf *b;

    while (!c->rcvq.first) {
        enum status s;

        if (c->state == TCP_CLOSED && c->error != OK && !c->fin_received)
            return c->error;
        if (c->fin_received || c->shut_reading || c->state == TCP_CLOSED)
            return ERR_EOF;
        c->events.told &= ~(unsigned)FLOW_READABLE;
        if (c->tcp->is_in_handler)
            return ERR_TIMEOUT;
        s = wait_until(&c->readable, deadline);
        if (s != OK)
            return s;
    }
    b = c->rcvq.first;
    c->rcvq.first = b->next;
    b->next = NULL;
    if (!c->rcvq.first)
        c->rcvq.last = NULL;
    c->rcvq.len -= (uint32_t)b->len;
    c->rcvq.progress_at = time_now();
    autotune_receive_window(c, (uint32_t)b->len, c->rcvq.progress_at);
    if (c->rcv.adv - c->rcv.nxt < c->rcvq.limit / 2)
        tcp_schedule(c);
    *data = b;
    return OK;
}

/* Blocks until there is room in the send queue. */
static enum status wait_for_room(struct connection *c, nanoseconds deadline)
{
    for (;;) {
        enum status s;

        if (c->state == TCP_CLOSED)
            return c->error ? c->error : ERR_RESET;
        if (c->shut_writing)
            return ERR_EOF;
        if (tcp_send_room(c) > 0)
            return OK;
        c->events.told &= ~(unsigned)FLOW_WRITABLE;
        if (c->tcp->is_in_handler)
            return ERR_TIMEOUT;
        s = wait_until(&c->writable, deadline);
        if (s != OK)
            return s;
    }
}

static enum status wait_for_pages(struct connection *c, nanoseconds deadline)
{
    tcp_output(c);
    c->events.told &= ~(unsigned)FLOW_WRITABLE;
    tcp_memory_low(c->tcp);
    if (c->tcp->is_in_handler)
        return ERR_NO_MEMORY;
    return wait_until(&c->writable, deadline);
}

static void enqueue(struct connection *c, struct buf *b)
{
    if (c->sndq.len == 0)
        c->sndq.progress_at = time_now();
    if (c->sndq.last)
        c->sndq.last->next = b;
    else
        c->sndq.first = b;
    c->sndq.last = b;
}

/* Copies into the last page of the send queue, unless it is shared, or into a
 * new one. Returns the bytes copied; 0: there is no page. */
static size_t append_copy(struct connection *c, const uint8_t *data, size_t len)
{
    struct buf *b = c->sndq.last;
    size_t n;

    if (!b || !buf_is_sole(b) || buf_tailroom(b) == 0) {
        if (!tcp_may_queue(c))
            return 0;
        b = buf_new(0);
        if (!b)
            return 0;
        enqueue(c, b);
    }
    n = min(len, buf_tailroom(b));
    memcpy(buf_append(b, n), data, n);
    c->sndq.len += (uint32_t)n;
    return n;
}

static enum status write_span(struct connection *c, const struct span *span,
                              nanoseconds deadline)
{
    size_t at = 0;

    while (at < span->len) {
        enum status s = wait_for_room(c, deadline);
        size_t n;

        if (s != OK)
            return s;
        n = min(span->len - at, tcp_send_room(c));
        n = append_copy(c, span->data + at, n);
        at += n;
        if (n == 0 && (s = wait_for_pages(c, deadline)) != OK)
            return s;
        /* A full queue is sent at once; the rest follows. */
        if (tcp_send_room(c) == 0)
            tcp_output(c);
    }
    return OK;
}

/*
 * Sends written data: at once if nothing is in flight or enough is unsent;
 * otherwise by the work fiber, together with later writes. (An echo server
 * would otherwise send one segment for each page that it reads.)
 */
static void send_or_schedule(struct connection *c)
{
    if (c->snd.una == c->snd.nxt || tcp_unsent(c) >= ENOUGH)
        tcp_output(c);
    else
        tcp_schedule(c);
}

static enum status write_flow(struct flow *f, const struct span *spans,
                              size_t count, nanoseconds deadline)
{
    struct connection *c = connection_of(f);
    enum status s = wait_for_room(c, deadline);

    for (size_t i = 0; i < count && s == OK; i++)
        s = write_span(c, &spans[i], deadline);
    send_or_schedule(c);
    return s;
}

/* Removes the first buf of the list, or a part of it where it is longer than
 * the send queue may be exceeded by. NULL: there is no window for the part. */
static struct buf *remove_first(struct buf **data)
{
    struct buf *b = *data, *part;

    if (b->len <= LONGEST_BUF) {
        *data = b->next;
        b->next = NULL;
        return b;
    }
    part = buf_share(b, 0, LONGEST_BUF);
    if (part)
        buf_trim(b, LONGEST_BUF);
    return part;
}

static enum status write_bufs(struct flow *f, struct buf *data,
                              nanoseconds deadline)
{
    struct connection *c = connection_of(f);

    while (data) {
        enum status s = wait_for_room(c, deadline);
        struct buf *b = s == OK ? remove_first(&data) : NULL;

        if (s == OK && !b)
            s = wait_for_pages(c, deadline);
        if (s != OK) {
            buf_free(data);
            return s;
        }
        if (!b)
            continue;
        b->offload = (struct offload){0};
        if (b->len == 0) {
            buf_free(b);
            continue;
        }
        enqueue(c, b);
        c->sndq.len += (uint32_t)b->len;
        if (tcp_send_room(c) == 0)
            tcp_output(c);
    }
    send_or_schedule(c);
    return OK;
}

static void shutdown_flow(struct flow *f, enum flow_side sides)
{
    struct connection *c = connection_of(f);

    if (sides & FLOW_READING && !c->shut_reading) {
        c->shut_reading = true;
        buf_free(c->rcvq.first);
        c->rcvq.first = c->rcvq.last = NULL;
        c->rcvq.len = 0;
        wake_all(&c->readable);
        tcp_schedule(c);
    }
    if (sides & FLOW_WRITING && !c->shut_writing) {
        c->shut_writing = true;
        wake_all(&c->writable);
        tcp_output(c);
    }
}

static void abort_flow(struct flow *f)
{
    struct connection *c = connection_of(f);

    if (c->state != TCP_CLOSED)
        tcp_abort(c, ERR_RESET);
}

/* CLOSE (RFC 9293, 3.10.4). */
static void close_flow(struct flow *f)
{
    struct connection *c = connection_of(f);

    if (c->state == TCP_SYN_SENT)
        tcp_end(c, OK); /* unsent data are dropped */
    else if (c->rcvq.len > 0 && c->state != TCP_CLOSED &&
             c->state != TCP_TIMED_WAIT)
        tcp_abort(c, ERR_RESET); /* 3.6.1: the peer must learn of the loss */
    shutdown_flow(f, FLOW_BOTH);
    tcp_release(c);
    c->events.handler = NULL;
    if (c->state == TCP_CLOSED)
        tcp_free(c);
    else if (c->state == TCP_FIN_WAIT_2)
        tcp_set_clock(c, TCP_END, time_after(TCP_FIN_WAIT));
}

static struct endpoint local_of(const struct flow *f)
{
    return connection_of(f)->local;
}

static struct endpoint peer_of(const struct flow *f)
{
    return connection_of(f)->peer;
}

static void options_of(const struct flow *f, struct flow_options *options)
{
    *options = connection_of(f)->options;
}

static void set_options(struct flow *f, const struct flow_options *options)
{
    struct connection *c = connection_of(f);

    c->options = *options;
    c->keepalives = 0;
    tcp_set_clock(c, TCP_KEEP_ALIVE,
                  options->keepalive_idle && tcp_may_keep_alive(c)
                      ? time_after(options->keepalive_idle)
                      : FOREVER);
    tcp_update_user_timeout(c);
    tcp_output(c);
}

const struct flow_ops tcp_flow_ops = {
    .read = read_flow,
    .write = write_flow,
    .write_bufs = write_bufs,
    .shutdown = shutdown_flow,
    .abort = abort_flow,
    .close = close_flow,
    .local = local_of,
    .peer = peer_of,
    .options = options_of,
    .set_options = set_options,
    .on_event = tcp_on_event,
    .room = tcp_room,
};
