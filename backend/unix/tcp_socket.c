/* SPDX-License-Identifier: ISC */
/*
 * TCP by the host's sockets: accepts connections and runs their handlers;
 * opens connections.
 */
#include "tcp_socket.h"
#include "events.h"
#include "flow_socket.h"
#include "stackv4_socket.h"
#include <errno.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_OF_FILES (100 * MILLISECOND)

/* A connection that was accepted, until its flow is closed. */
struct arrival {
    struct arrival *next, *before; /* of those that are handled */
    struct port *port;
    struct flow *flow;
    tcp_handler *fn;
    void *ctx;
    struct endpoint peer;
};

static struct arrival *arrival_new(struct port *p, struct endpoint peer)
{
    struct arrival *a = malloc(sizeof *a);

    if (!a)
        return NULL;
    *a = (struct arrival){.port = p, .peer = peer, .next = p->running};
    if (a->next)
        a->next->before = a;
    p->running = a;
    p->handlers++;
    return a;
}

static void arrival_free(void *arrival)
{
    struct arrival *a = arrival;
    struct port *p = a->port;

    if (a->before)
        a->before->next = a->next;
    else
        p->running = a->next;
    if (a->next)
        a->next->before = a->before;
    free(a);
    p->handlers--;
    wake_all(&p->returned);
    port_free_if_over(p);
}

static void handle(void *arrival)
{
    struct arrival *a = arrival;

    a->flow->is_handlers = true;
    a->fn(a->ctx, a->flow, a->peer);
    a->flow->is_handlers = false;
    flow_close(a->flow);
}

/* Has this address as many connections as the port allows? */
static bool is_over_peer_limit(const struct port *p, struct ip_address ip)
{
    unsigned count = 0;

    if (!p->limits.peer)
        return false;
    for (const struct arrival *a = p->running; a; a = a->next)
        count += ip_equal(a->peer.ip, ip);
    return count >= p->limits.peer;
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* Gives a flow without a fiber to its owner. */
static void call_accepted(struct port *p, struct socket_flow *f)
{
    struct sockets *s = p->stack;

    event_watch(f);
    f->events.told = FLOW_WRITABLE;
    s->is_in_handler = true;
    p->calls.accepted(p->calls.ctx, &f->flow, f->peer);
    s->is_in_handler = false;
}

/* Runs the handler for a new connection, fd, or calls it. False: no memory. */
static bool start_serving(struct port *p, int fd,
                          const struct sockaddr_in *from)
{
    static const struct flow_options none;
    struct endpoint peer = socket_endpoint(from);
    struct socket_flow *f = flow_socket_new(p->stack, fd, peer);
    struct arrival *a = f ? arrival_new(p, peer) : NULL;
    char name[16];
    struct fiber_options fiber = {name, p->options.stack};

    if (!a) {
        if (f)
            flow_close(&f->flow);
        return false;
    }
    f->on_close = arrival_free;
    f->on_close_ctx = a;
    if (memcmp(&p->options.flow, &none, sizeof none) != 0)
        flow_set_options(&f->flow, &p->options.flow);
    if (p->calls.accepted) {
        call_accepted(p, f);
        return true;
    }
    a->flow = &f->flow;
    a->fn = p->calls.tcp;
    a->ctx = p->calls.ctx;
    (void)text_format(name, sizeof name, "tcp:%u", p->number);
    if (fiber_start_with(&fiber, handle, a) == OK)
        return true;
    flow_close(&f->flow);
    return false;
}

/* accept has failed: waits until it may succeed. An error of the one connection
 * that it would have returned (accept(2)) does not concern the others. */
static void on_accept_error(struct listener *l, int error)
{
    struct sockets *s = l->port->stack;

    switch (error) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
        if (events_wait(l->fd, false, FOREVER) != OK)
            return; /* cancelled: the caller looks */
        break;
    case EINTR:
    case ECONNABORTED:
        break;
    default:
        if (!s->was_short_of_files)
            log_warning(&stackv4_socket,
                        "tcp %s:%u: no connection can be taken for now: %s%s",
                        ip_text(l->ip).s, l->port->number, strerror(error),
                        error == EMFILE ? "; `ulimit -n` says how many files "
                                          "this process may have open"
                        : error == ENFILE
                            ? "; `sysctl fs.file-max` says how many files this "
                              "host may have open"
                            : "");
        s->was_short_of_files = true;
        (void)time_sleep(OUT_OF_FILES);
    }
}

static void serve(void *listener)
{
    struct listener *l = listener;
    struct port *p = l->port;

    l->fiber = fiber_self();
    while (port_is_wanted(p) && !fiber_is_cancelled()) {
        struct sockaddr_in from;
        int fd;

        if (p->limits.handlers && p->handlers >= p->limits.handlers) {
            if (wait_until(&p->returned, FOREVER) != OK)
                break;
            continue;
        }
        fd = socket_accept(l->fd, &from);
        if (fd < 0) {
            on_accept_error(l, errno);
            (void)fiber_yield();
            continue;
        }
        if (is_over_peer_limit(p, socket_endpoint(&from).ip)) {
            p->stack->counters.over_peer_limit++;
            reset(fd);
        } else if (start_serving(p, fd, &from))
            p->stack->counters.accepted++;
        else
            p->stack->counters.dropped++;
        (void)fiber_yield();
    }
    listener_end(l);
}

/* So that connections that have just ended (RFC 9293, 3.6.1) do not keep the
 * port from the next run. */
static void prepare(int fd)
{
    int yes = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

const struct port_protocol tcp_socket_protocol = {
    .name = "tcp",
    .type = SOCK_STREAM,
    .prepare = prepare,
    .serve = serve,
};

/* Begins to connect; 0, EINPROGRESS or the error. */
static int start_connecting(int fd, struct endpoint to)
{
    struct sockaddr_in a = socket_address(to);

    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return 0;
    return errno == EINTR ? EINPROGRESS : errno;
}

enum status tcp_socket_connect(struct sockets *s, struct endpoint to,
                               nanoseconds deadline, struct flow **flow)
{
    int fd = socket_new(SOCK_STREAM), error;
    enum status status = OK;
    struct socket_flow *f;

    if (fd < 0)
        return event_connect_status(s, errno);
    error = start_connecting(fd, to);
    if (error == EINPROGRESS) {
        status = events_wait(fd, true, deadline);
        error = status ? 0 : event_connect_outcome(fd);
    }
    if (error)
        status = event_connect_status(s, error);
    if (status) {
        close(fd);
        return status;
    }
    f = flow_socket_new(s, fd, to);
    if (!f)
        return ERR_NO_MEMORY;
    if (event_is_own_peer(f)) {
        flow_abort(&f->flow);
        flow_close(&f->flow);
        return event_connect_status(s, ECONNREFUSED);
    }
    s->counters.opened++;
    *flow = &f->flow;
    return OK;
}

enum status tcp_socket_begin(struct sockets *s, struct endpoint to,
                             flow_event_handler *fn, void *ctx,
                             struct flow **flow)
{
    int fd = socket_new(SOCK_STREAM), error;
    struct socket_flow *f;

    if (fd < 0)
        return ERR_NO_MEMORY;
    error = start_connecting(fd, to);
    if (error && error != EINPROGRESS && error != ECONNREFUSED) {
        close(fd);
        return event_connect_status(s, error);
    }
    f = flow_socket_new(s, fd, to);
    if (!f)
        return ERR_NO_MEMORY;
    if (error == ECONNREFUSED)
        f->over = event_connect_status(s, error);
    else
        f->events.is_opening = true;
    flow_on_event(&f->flow, fn, ctx);
    *flow = &f->flow;
    return OK;
}
