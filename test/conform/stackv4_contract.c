/* SPDX-License-Identifier: ISC */
/*
 * The contract of stacks and flows (mirage/stackv4.h, mirage/flow.h).
 */
#include "stackv4_contract.h"
#include <stdio.h>
#include <string.h>

#define PORT        24000
#define SECOND_PORT 24001
#define LONG        (20 * SECOND)
#define MANY        100
#define LARGE       ((size_t)8 << 20)

static const char *pair;
static unsigned failures;
static struct stackv4 *server, *client;
static struct ip_address address;

#define HOLDS(condition)                                       \
    ((condition) ? (void)0                                     \
                 : (void)(failures++,                          \
                          printf("%s: %s: not so: %s\n", pair, \
                                 __func__, #condition)))

/* The bytes of a stream, as they should be. */
static uint8_t byte_at(size_t at)
{
    return (uint8_t)(at * 167 + (at >> 8) * 13 + (at >> 16));
}

static void fill(uint8_t *p, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = byte_at(at + i);
}

/* Reads to the end: how many right bytes came; the status in *s. */
static size_t read_all(struct flow *f, enum status *s)
{
    struct buf *b;
    size_t at = 0;

    while ((*s = flow_read(f, &b, time_after(LONG))) == OK) {
        for (size_t i = 0; i < b->len; i++)
            if (b->data[i] != byte_at(at + i)) {
                *s = ERR_CORRUPT;
                break;
            }
        at += b->len;
        buf_free(b);
        if (*s != OK)
            return at;
    }
    return at;
}

static enum status write_all(struct flow *f, size_t len)
{
    uint8_t piece[5000];
    enum status s = OK;

    for (size_t at = 0; at < len && s == OK;) {
        size_t n = at * 7919 % sizeof piece + 1;

        if (n > len - at)
            n = len - at;
        fill(piece, at, n);
        s = flow_write(f, piece, n, time_after(LONG));
        at += n;
    }
    return s;
}

/* What the server does with the next connection, and what came of it. */
static struct {
    void (*fn)(struct flow *flow);
    unsigned running, served;
    size_t got;
    enum status status;
    struct endpoint local, peer;
    struct waiters done;
} serving;

static void serve(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx;
    serving.running++;
    serving.peer = peer;
    serving.local = flow_local(flow);
    serving.fn(flow);
    serving.running--;
    serving.served++;
    wake_all(&serving.done);
}

static void wait_for_server(void)
{
    nanoseconds deadline = time_after(LONG);

    while (serving.running > 0 || serving.served == 0)
        if (wait_until(&serving.done, deadline) != OK) {
            HOLDS(!"the server's handler has ended");
            return;
        }
}

/* Waits until *count has this value. */
static bool becomes(const unsigned *count, unsigned wanted)
{
    nanoseconds deadline = time_after(LONG);

    while (*count != wanted && time_now() < deadline)
        if (time_sleep(MILLISECOND) != OK)
            return false;
    return *count == wanted;
}

static struct flow *open_flow(void (*fn)(struct flow *flow))
{
    struct flow *f = NULL;

    serving.fn = fn;
    serving.served = 0;
    serving.got = 0;
    if (stackv4_connect(client, (struct endpoint){address, PORT},
                        time_after(LONG), &f) != OK)
        HOLDS(!"a connection");
    return f;
}

static void read_to_end(struct flow *f)
{
    serving.got = read_all(f, &serving.status);
}

static void echo(struct flow *f)
{
    struct buf *b;

    while ((serving.status = flow_read(f, &b, time_after(LONG))) == OK)
        if (flow_write_bufs(f, b, time_after(LONG)) != OK)
            return;
}

static void write_large_then_read(struct flow *f)
{
    HOLDS(write_all(f, LARGE) == OK);
    flow_shutdown(f, FLOW_WRITING);
    HOLDS(flow_write(f, "x", 1, time_after(LONG)) == ERR_EOF);
    serving.got = read_all(f, &serving.status);
}

static void abort_it(struct flow *f)
{
    struct buf *b;

    if (flow_read(f, &b, time_after(LONG)) == OK)
        buf_free(b);
    flow_abort(f);
    serving.status = flow_read(f, &b, time_after(LONG));
}

static void bytes_arrive_in_order_and_then_the_end(void)
{
    struct flow *f = open_flow(read_to_end);
    struct buf *b;
    struct endpoint peer;

    if (!f)
        return;
    peer = flow_peer(f);
    HOLDS(peer.port == PORT && ip_equal(peer.ip, address));
    HOLDS(write_all(f, LARGE) == OK);
    flow_shutdown(f, FLOW_WRITING);
    wait_for_server();
    HOLDS(serving.got == LARGE && serving.status == ERR_EOF);
    HOLDS(serving.peer.port == flow_local(f).port);
    HOLDS(serving.local.port == PORT);
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_EOF);
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_EOF);
    flow_close(f);
}

static void shutting_one_side_leaves_the_other_open(void)
{
    struct flow *f = open_flow(write_large_then_read);
    enum status s;

    if (!f)
        return;
    HOLDS(read_all(f, &s) == LARGE && s == ERR_EOF);
    HOLDS(write_all(f, 100000) == OK);
    flow_close(f);
    wait_for_server();
    HOLDS(serving.got == 100000 && serving.status == ERR_EOF);
}

static void a_port_without_a_listener_refuses(void)
{
    struct flow *f;

    HOLDS(stackv4_connect(client, (struct endpoint){address, 24999},
                          time_after(LONG), &f) == ERR_REFUSED);
}

static void an_abort_is_seen_by_both(void)
{
    struct flow *f = open_flow(abort_it);
    struct buf *b;

    if (!f)
        return;
    HOLDS(flow_write(f, "x", 1, time_after(LONG)) == OK);
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_RESET);
    flow_close(f);
    wait_for_server();
    HOLDS(serving.status == ERR_RESET);

    f = open_flow(read_to_end);
    if (!f)
        return;
    HOLDS(flow_write(f, "x", 1, time_after(LONG)) == OK);
    HOLDS(time_sleep(50 * MILLISECOND) == OK);
    flow_abort(f);
    HOLDS(flow_write(f, "x", 1, time_after(LONG)) == ERR_RESET);
    flow_close(f);
    wait_for_server();
    HOLDS(serving.status == ERR_RESET || serving.status == ERR_CORRUPT);
}

static void a_deadline_that_has_passed_does_not_wait(void)
{
    struct flow *f = open_flow(echo);
    struct buf *b;
    nanoseconds began;

    if (!f)
        return;
    HOLDS(flow_read(f, &b, 0) == ERR_TIMEOUT);
    began = time_now();
    HOLDS(flow_read(f, &b, time_after(50 * MILLISECOND)) == ERR_TIMEOUT);
    HOLDS(time_now() - began >= 50 * MILLISECOND);
    HOLDS(flow_write(f, "x", 1, time_after(LONG)) == OK);
    HOLDS(flow_read(f, &b, time_after(LONG)) == OK);
    buf_free(b);
    flow_close(f);
    wait_for_server();
}

/* Reads one buf, answers, and finishes. */
static void answer_and_finish(struct flow *f)
{
    struct buf *b;

    if (flow_read(f, &b, time_after(LONG)) == OK)
        buf_free(b);
    HOLDS(write_all(f, 100000) == OK);
    serving.status = flow_finish(f, time_after(LONG));
}

static void the_last_data_arrives_by_flow_finish(void)
{
    struct flow *f = open_flow(answer_and_finish);
    enum status s;

    if (!f)
        return;
    HOLDS(write_all(f, 50000) == OK);
    HOLDS(time_sleep(20 * MILLISECOND) == OK);
    HOLDS(write_all(f, 50000) == OK);
    HOLDS(read_all(f, &s) == 100000 && s == ERR_EOF);
    HOLDS(flow_finish(f, time_after(LONG)) == OK);
    wait_for_server();
    HOLDS(serving.status == OK);
}

static void read_one_and_go(struct flow *f)
{
    struct buf *b;

    HOLDS(time_sleep(50 * MILLISECOND) == OK);
    if (flow_read(f, &b, time_after(LONG)) == OK)
        buf_free(b);
}

static void a_close_with_unread_data_is_a_reset(void)
{
    struct flow *f = open_flow(read_one_and_go);
    struct buf *b;

    if (!f)
        return;
    HOLDS(write_all(f, 20000) == OK);
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_RESET);
    flow_close(f);
    wait_for_server();
}

static void go_at_once(struct flow *f)
{
    (void)f;
}

static void data_after_a_close_are_answered_by_a_reset(void)
{
    struct flow *f = open_flow(go_at_once);
    nanoseconds deadline = time_after(LONG);
    enum status s;
    struct buf *b;

    if (!f)
        return;
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_EOF);
    do {
        s = flow_write(f, "x", 1, time_after(LONG));
    } while (s == OK && time_now() < deadline &&
             time_sleep(MILLISECOND) == OK);
    HOLDS(s == ERR_RESET);
    flow_close(f);
    wait_for_server();
}

static void wait_and_go(struct flow *f)
{
    (void)f;
    HOLDS(time_sleep(300 * MILLISECOND) == OK);
}

static void flow_finish_ends_at_its_deadline(void)
{
    struct flow *f = open_flow(wait_and_go);
    nanoseconds began = time_now();

    if (!f)
        return;
    HOLDS(flow_finish(f, time_after(50 * MILLISECOND)) == ERR_TIMEOUT);
    HOLDS(time_now() - began >= 50 * MILLISECOND);
    HOLDS(serving.running == 1);
    wait_for_server();
}

static void a_read_after_shutting_the_reading_side_returns_the_end(void)
{
    struct flow *f = open_flow(echo);
    struct buf *b;

    if (!f)
        return;
    flow_shutdown(f, FLOW_READING);
    HOLDS(flow_read(f, &b, time_after(LONG)) == ERR_EOF);
    flow_close(f);
    wait_for_server();
}

static void pieces_and_bufs_arrive_as_one_stream(void)
{
    struct flow *f = open_flow(read_to_end);
    uint8_t data[9000];
    struct span spans[] = {
        {data, 1},
        {data + 1, 0},
        {data + 1, 4000},
        {data + 4001, 999},
    };
    struct buf *b;

    if (!f)
        return;
    fill(data, 0, sizeof data);
    HOLDS(flow_write_spans(f, spans, 4, time_after(LONG)) == OK);
    b = buf_copy_in(data + 5000, 4000, 0);
    HOLDS(b != NULL && flow_write_bufs(f, b, time_after(LONG)) == OK);
    flow_close(f);
    wait_for_server();
    HOLDS(serving.got == 9000 && serving.status == ERR_EOF);
}

static void note_release(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void foreign_memory_is_sent_and_released_once(void)
{
    static uint8_t data[300000];
    static unsigned released;
    struct flow *f = open_flow(read_to_end);
    struct buf *b;

    if (!f)
        return;
    released = 0;
    fill(data, 0, sizeof data);
    b = buf_over(data, sizeof data, note_release, &released);
    HOLDS(b != NULL && flow_write_bufs(f, b, time_after(LONG)) == OK);
    flow_close(f);
    wait_for_server();
    HOLDS(serving.got == sizeof data && serving.status == ERR_EOF);
    for (unsigned i = 0; i < 100 && released == 0; i++)
        HOLDS(time_sleep(100 * MILLISECOND) == OK);
    HOLDS(released == 1);
}

static void flow_options_are_kept(void)
{
    struct flow *f = open_flow(echo);
    struct flow_options o, wanted = {.no_delay = true,
                                     .keepalive_idle = 60 * SECOND,
                                     .keepalive_interval = 10 * SECOND,
                                     .keepalive_probes = 3,
                                     .user_timeout = 30 * SECOND};

    if (!f)
        return;
    flow_options(f, &o);
    HOLDS(!o.no_delay && o.keepalive_idle == 0);
    flow_set_options(f, &wanted);
    flow_options(f, &o);
    HOLDS(o.no_delay && o.keepalive_idle == 60 * SECOND);
    HOLDS(o.keepalive_probes == 3 && o.user_timeout == 30 * SECOND);
    flow_close(f);
    wait_for_server();
}

/* Uses more stack than FIBER_STACK has. */
static void look_at_options(struct flow *f)
{
    volatile char large[3 * FIBER_STACK / 2];
    struct flow_options o;

    for (size_t i = 0; i < sizeof large; i += 1024)
        large[i] = 1;
    flow_options(f, &o);
    HOLDS(o.no_delay && o.user_timeout == 30 * SECOND);
    HOLDS(large[1024] == 1);
}

static void connections_begin_with_the_options_of_their_port(void)
{
    static const struct tcp_options none;
    static const struct tcp_options wanted = {
        .flow = {.no_delay = true, .user_timeout = 30 * SECOND},
        .stack = 2 * FIBER_STACK};
    struct flow *f;

    HOLDS(stackv4_set_tcp_options(server, SECOND_PORT, &wanted) ==
          ERR_NOT_FOUND);
    HOLDS(stackv4_set_tcp_options(server, PORT, &wanted) == OK);
    f = open_flow(look_at_options);
    wait_for_server();
    if (f)
        flow_close(f);
    HOLDS(stackv4_set_tcp_options(server, PORT, &none) == OK);
}

static void look_at_names(struct flow *f)
{
    HOLDS(strcmp(fiber_name(fiber_self()), "tcp:24000") == 0);
    HOLDS(f->is_handlers);
}

static void a_handlers_fiber_has_its_ports_name_and_a_flow_of_the_stacks(void)
{
    struct flow *f = open_flow(look_at_names);

    if (!f)
        return;
    HOLDS(!f->is_handlers);
    wait_for_server();
    flow_close(f);
}

static unsigned asked, answered;
static struct waiters asking;

static void ask(void *ctx)
{
    struct flow *f;
    struct buf *b;

    (void)ctx;
    if (stackv4_connect(client, (struct endpoint){address, PORT},
                        time_after(LONG), &f) == OK) {
        if (flow_write(f, "question", 8, time_after(LONG)) == OK &&
            flow_read(f, &b, time_after(LONG)) == OK) {
            answered += b->len == 8 && memcmp(b->data, "question", 8) == 0;
            buf_free(b);
        }
        flow_close(f);
    }
    asked++;
    wake_all(&asking);
}

static void many_connections_are_served_at_once(void)
{
    nanoseconds deadline = time_after(2 * LONG);

    serving.fn = echo;
    asked = answered = 0;
    for (int i = 0; i < MANY; i++)
        HOLDS(fiber_start(ask, NULL) == OK);
    while (asked < MANY && wait_until(&asking, deadline) == OK)
        continue;
    HOLDS(asked == MANY && answered == MANY);
}

static size_t datagram_len;
static struct endpoint datagram_from;
static unsigned datagrams;
static struct waiters datagram_came;

static void send_back(void *ctx, struct endpoint from, struct endpoint to,
                      const struct buf *b)
{
    static uint8_t data[UDP_MOST];
    size_t len = buf_length(b);

    (void)ctx;
    buf_copy_out(b, 0, data, len);
    HOLDS(stackv4_udp_write(server, to.port, from, data, len) == OK);
}

static void note(void *ctx, struct endpoint from, struct endpoint to,
                 const struct buf *b)
{
    (void)ctx;
    (void)to;
    datagram_len = buf_length(b);
    datagram_from = from;
    datagrams++;
    wake_all(&datagram_came);
}

static void datagrams_are_echoed(void)
{
    static uint8_t data[UDP_MOST + 1];
    static const size_t sizes[] = {0, 1, 1000, 1473, 9000, UDP_MOST};
    struct endpoint to = {address, PORT};
    nanoseconds deadline;
    enum status s;
    uint16_t port;

    HOLDS(stackv4_listen_udp(server, PORT, send_back, NULL) == OK);
    HOLDS(stackv4_open_udp(client, &to, note, NULL, &port) == OK);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        deadline = time_after(LONG);
        datagrams = 0;
        HOLDS(stackv4_udp_write(client, port, to, data, sizes[i]) == OK);
        while (datagrams == 0 && wait_until(&datagram_came, deadline) == OK)
            continue;
        HOLDS(datagrams == 1 && datagram_len == sizes[i]);
        HOLDS(datagram_from.port == PORT);
    }
    HOLDS(stackv4_udp_write(client, port, to, data, UDP_MOST + 1) ==
          ERR_RANGE);
    HOLDS(stackv4_listen_udp(server, PORT, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
    deadline = time_after(LONG);
    do {
        s = stackv4_udp_write(client, port, to, data, 1);
    } while (s == OK && time_now() < deadline &&
             time_sleep(MILLISECOND) == OK);
    HOLDS(s == ERR_REFUSED);
    HOLDS(stackv4_listen_udp(client, port, NULL, NULL) == OK);
}

static enum status run_result;

static void run_stack(void *stack)
{
    run_result = stackv4_run(stack);
}

static void listening_on_an_opened_udp_port_fails(void)
{
    struct endpoint to = {address, PORT};
    struct fiber *runner;
    uint16_t port = 0;

    HOLDS(stackv4_open_udp(client, &to, note, NULL, &port) == OK);
    HOLDS(port >= 1024);
    HOLDS(stackv4_listen_udp(client, port, send_back, NULL) == ERR_IN_USE);
    HOLDS(stackv4_run(client) == ERR_IN_USE);
    HOLDS(stackv4_listen_udp(client, port, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
    HOLDS(stackv4_listen_udp(client, port, send_back, NULL) == OK);
    /* Nothing is wrong any more: it serves until it is cancelled. */
    run_result = OK;
    HOLDS(fiber_spawn(NULL, run_stack, client, &runner) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK && run_result == OK);
    fiber_cancel(runner);
    HOLDS(fiber_join(runner, FOREVER) == OK && run_result == ERR_CANCELLED);
    HOLDS(stackv4_listen_udp(client, port, NULL, NULL) == OK);
    HOLDS(stackv4_udp_write(client, 0, (struct endpoint){address, 0}, "x",
                            1) == ERR_UNREACHABLE);
}

static void a_listener_is_replaced_and_ended(void)
{
    struct flow *f;

    HOLDS(stackv4_listen_tcp(server, SECOND_PORT, serve, NULL) == OK);
    HOLDS(stackv4_listen_tcp(server, SECOND_PORT, serve, NULL) == OK);
    HOLDS(stackv4_listen_tcp(server, SECOND_PORT, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
    HOLDS(stackv4_connect(client, (struct endpoint){address, SECOND_PORT},
                          time_after(LONG), &f) == ERR_REFUSED);
}

static void open_and_echo(void *served)
{
    struct flow *f = open_flow(echo);
    struct buf *b = NULL;

    if (f && flow_write(f, "x", 1, time_after(LONG)) == OK &&
        flow_read(f, &b, time_after(LONG)) == OK)
        *(bool *)served = true;
    buf_free(b);
    if (f)
        flow_close(f);
}

static void a_connection_beyond_the_limit_waits_for_a_handler_to_return(void)
{
    static const struct tcp_limits one = {.handlers = 1, .half_open = 10};
    static const struct tcp_limits none;
    static bool is_served;
    struct fiber *second;
    struct flow *f;

    HOLDS(stackv4_limit_tcp(server, SECOND_PORT, &one) == ERR_NOT_FOUND);
    HOLDS(stackv4_limit_tcp(server, PORT, &one) == OK);
    f = open_flow(echo);
    if (!f)
        return;
    HOLDS(becomes(&serving.running, 1));
    is_served = false;
    if (fiber_spawn(NULL, open_and_echo, &is_served, &second) != OK) {
        HOLDS(!"a fiber");
        return;
    }
    HOLDS(time_sleep(200 * MILLISECOND) == OK);
    HOLDS(!is_served && serving.running == 1);
    flow_close(f);
    HOLDS(fiber_join(second, time_after(LONG)) == OK && is_served);
    wait_for_server();
    HOLDS(stackv4_limit_tcp(server, PORT, &none) == OK);
}

static void a_connection_beyond_the_limit_of_a_peer_is_reset(void)
{
    static const struct tcp_limits one = {.peer = 1}, none;
    struct flow *f, *second = NULL;
    struct buf *b = NULL;
    enum status s;

    HOLDS(stackv4_limit_tcp(server, PORT, &one) == OK);
    f = open_flow(echo);
    HOLDS(f && flow_write(f, "x", 1, time_after(LONG)) == OK &&
          flow_read(f, &b, time_after(LONG)) == OK);
    buf_free(b);
    s = stackv4_connect(client, (struct endpoint){address, PORT},
                        time_after(LONG), &second);
    if (s == OK) { /* the host's own stack answers a SYN before we are asked */
        s = flow_read(second, &b, time_after(LONG));
        HOLDS(s == ERR_RESET);
        flow_close(second);
    } else {
        HOLDS(s == ERR_REFUSED || s == ERR_RESET);
    }
    flow_close(f);
    wait_for_server();
    serving.served = 0;
    f = open_flow(echo);
    HOLDS(f && flow_write(f, "x", 1, time_after(LONG)) == OK &&
          flow_read(f, &b, time_after(LONG)) == OK);
    buf_free(b);
    flow_close(f);
    wait_for_server();
    HOLDS(stackv4_limit_tcp(server, PORT, &none) == OK);
}

/* Flows without a fiber. */
#define EVENT_PORT 24002

static struct {
    unsigned accepted, calls, over, closed;
    enum status status; /* of the last flow_read that was no OK */
    struct waiters changed;
} events;

static void changed(void)
{
    wake_all(&events.changed);
}

static bool wait_until_events(const unsigned *count, unsigned wanted)
{
    nanoseconds deadline = time_after(LONG);

    while (*count < wanted)
        if (wait_until(&events.changed, deadline) != OK)
            return false;
    return true;
}

static void close_flow(struct flow *f)
{
    events.closed++;
    flow_close(f);
    changed();
}

/* As in mirage/stackv4.h, and notes why the flow has ended. */
static void echo_events(void *ctx, struct flow *f, unsigned what)
{
    enum status s = OK;
    struct buf *data;

    (void)ctx;
    events.calls++;
    events.over += what & FLOW_OVER ? 1 : 0;
    while (s == OK && flow_room(f) > 0)
        if ((s = flow_read(f, &data, FOREVER)) == OK)
            s = flow_write_bufs(f, data, FOREVER);
    while (what & FLOW_OVER && (s = flow_read(f, &data, FOREVER)) == OK)
        buf_free(data);
    if (s != OK && s != ERR_TIMEOUT)
        events.status = s;
    if (what & FLOW_OVER || (s != OK && s != ERR_TIMEOUT))
        close_flow(f);
}

static void accept_echo(void *ctx, struct flow *f, struct endpoint peer)
{
    HOLDS(ctx == &events && peer.port == flow_peer(f).port);
    HOLDS(flow_local(f).port == EVENT_PORT && !f->is_handlers);
    events.accepted++;
    flow_on_event(f, echo_events, NULL);
    changed();
}

static void listen_events(tcp_accepted *fn)
{
    events.accepted = events.calls = events.over = events.closed = 0;
    events.status = OK;
    HOLDS(stackv4_listen_events(server, EVENT_PORT, fn, &events) == OK);
}

static struct flow *connect_to_events(void)
{
    struct flow *f = NULL;

    HOLDS(stackv4_connect(client, (struct endpoint){address, EVENT_PORT},
                          time_after(LONG), &f) == OK);
    return f;
}

static void write_and_shut(void *flow)
{
    HOLDS(write_all(flow, LARGE) == OK);
    flow_shutdown(flow, FLOW_WRITING);
}

static void a_server_without_fibers_echoes_a_stream_and_its_end(void)
{
    struct flow *f;
    struct fiber *writer;
    enum status s;

    listen_events(accept_echo);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(fiber_spawn(NULL, write_and_shut, f, &writer) == OK);
    HOLDS(read_all(f, &s) == LARGE && s == ERR_EOF);
    HOLDS(fiber_join(writer, time_after(LONG)) == OK);
    flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
    HOLDS(events.accepted == 1 && events.status == ERR_EOF);
}

static void each_of_many_flows_without_a_fiber_has_its_own_events(void)
{
    struct flow *f[MANY];
    struct buf *b;

    listen_events(accept_echo);
    for (unsigned i = 0; i < MANY; i++)
        f[i] = connect_to_events();
    for (unsigned i = 0; i < MANY; i++)
        HOLDS(f[i] && flow_write(f[i], &i, sizeof i, time_after(LONG)) == OK);
    for (unsigned i = 0; i < MANY; i++) {
        unsigned got = MANY;

        if (!f[i])
            continue;
        HOLDS(flow_read(f[i], &b, time_after(LONG)) == OK);
        HOLDS(b->len == sizeof got);
        memcpy(&got, b->data, sizeof got);
        HOLDS(got == i);
        buf_free(b);
        flow_close(f[i]);
    }
    HOLDS(wait_until_events(&events.closed, MANY));
    HOLDS(events.accepted == MANY && events.closed == MANY);
}

static void write_until_stopped(void *flow)
{
    (void)!write_all(flow, SIZE_MAX / 2);
}

static void a_peer_that_does_not_read_makes_the_handler_wait_and_not_spin(void)
{
    struct fiber *writer;
    struct flow *f;
    unsigned before;

    listen_events(accept_echo);
    f = connect_to_events();
    if (!f || fiber_spawn(NULL, write_until_stopped, f, &writer) != OK)
        return;
    do { /* until both send queues are full */
        before = events.calls;
        HOLDS(time_sleep(300 * MILLISECOND) == OK);
    } while (events.calls > before + 1);
    HOLDS(events.calls > 0 && events.closed == 0);
    fiber_cancel(writer);
    HOLDS(fiber_join(writer, time_after(LONG)) == OK);
    flow_abort(f);
    flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
    HOLDS(events.over == 1);
}

static void a_reset_by_the_peer_is_reported_with_its_reason(void)
{
    struct flow *f;

    listen_events(accept_echo);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(wait_until_events(&events.accepted, 1));
    flow_abort(f);
    flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
    HOLDS(events.over == 1 && events.status == ERR_RESET);
}

static size_t poured; /* bytes that were queued */
static unsigned refused; /* writes of bufs, for want of room */

/* Writes what there is room for, by each of the calls. */
static void pour(void *ctx, struct flow *f, unsigned what)
{
    uint8_t piece[3000];
    size_t room;

    (void)ctx;
    if (what & FLOW_OVER) {
        close_flow(f);
        return;
    }
    events.calls++;
    while ((room = flow_room(f)) > 0) {
        size_t n = room < sizeof piece ? room : sizeof piece;

        fill(piece, poured, n);
        if (poured % 2 == 0)
            HOLDS(flow_write(f, piece, n, FOREVER) == OK);
        else
            HOLDS(flow_write_bufs(f, buf_copy_in(piece, n, 0), 0) == OK);
        poured += n;
    }
    /* Also a write that is refused sends what it may by now: then there can be
     * room after it. */
    HOLDS(flow_write(f, piece, 1, FOREVER) == ERR_TIMEOUT);
    if (flow_room(f) > 0)
        return;
    HOLDS(flow_write_bufs(f, buf_copy_in(piece, 1, 0), 0) == ERR_TIMEOUT);
    refused++;
    changed();
}

static void accept_pour(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    events.accepted++;
    HOLDS(flow_room(f) > 0);
    flow_on_event(f, pour, NULL);
    pour(NULL, f, FLOW_WRITABLE); /* it is not reported of a new flow */
}

static void data_within_flow_room_is_accepted_and_new_room_is_reported(void)
{
    struct flow *f;
    struct buf *b;
    size_t at = 0, much = 4 * LARGE;

    poured = 0;
    refused = 0;
    listen_events(accept_pour);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(wait_until_events(&refused, 1) && poured > 0 && poured < much);
    while (at < much && flow_read(f, &b, time_after(LONG)) == OK) {
        for (size_t i = 0; i < b->len; i += 61)
            if (b->data[i] != byte_at(at + i)) {
                HOLDS(!"the bytes are those that were written");
                at = much;
                break;
            }
        at += b->len;
        buf_free(b);
    }
    HOLDS(at >= much && poured >= much && events.calls > 1);
    flow_abort(f);
    flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
}

static void accept_write_and_close(void *ctx, struct flow *f,
                                   struct endpoint peer)
{
    uint8_t piece[1000];

    (void)ctx, (void)peer;
    for (poured = 0; flow_room(f) >= sizeof piece; poured += sizeof piece) {
        fill(piece, poured, sizeof piece);
        HOLDS(flow_write(f, piece, sizeof piece, 0) == OK);
    }
    close_flow(f);
}

static void queued_data_is_sent_after_a_close_in_a_handler(void)
{
    struct flow *f;
    enum status s;

    listen_events(accept_write_and_close);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(wait_until_events(&events.closed, 1) && poured > 0);
    HOLDS(read_all(f, &s) == poured && s == ERR_EOF);
    flow_close(f);
}

static uint8_t foreign[60000];
static unsigned foreign_released;

static void accept_write_foreign(void *ctx, struct flow *f,
                                 struct endpoint peer)
{
    struct buf *b = buf_over(foreign, sizeof foreign, note_release,
                             &foreign_released);

    (void)ctx, (void)peer;
    HOLDS(flow_room(f) >= sizeof foreign);
    HOLDS(b != NULL && flow_write_bufs(f, b, 0) == OK);
    close_flow(f);
}

static void a_handler_sends_foreign_memory_and_it_is_released_once(void)
{
    struct flow *f;
    enum status s;

    fill(foreign, 0, sizeof foreign);
    foreign_released = 0;
    listen_events(accept_write_foreign);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(read_all(f, &s) == sizeof foreign && s == ERR_EOF);
    flow_close(f);
    for (unsigned i = 0; i < 100 && foreign_released == 0; i++)
        HOLDS(time_sleep(100 * MILLISECOND) == OK);
    HOLDS(foreign_released == 1);
}

static void accept_and_shut(void *ctx, struct flow *f, struct endpoint peer)
{
    accept_pour(ctx, f, peer);
    flow_shutdown(f, FLOW_WRITING);
    HOLDS(flow_room(f) == 0);
    HOLDS(flow_write(f, "x", 1, FOREVER) == ERR_EOF);
}

static void the_end_follows_queued_data(void)
{
    struct flow *f;
    enum status s;

    poured = 0;
    listen_events(accept_and_shut);
    f = connect_to_events();
    if (!f)
        return;
    HOLDS(wait_until_events(&events.accepted, 1));
    HOLDS(read_all(f, &s) == poured && s == ERR_EOF && poured > 0);
    flow_abort(f);
    flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
}

static void flows_without_a_fiber_count_as_handlers(void)
{
    static const struct tcp_limits one = {.handlers = 1};
    struct flow *first, *second;
    struct buf *b;

    listen_events(accept_echo);
    HOLDS(stackv4_limit_tcp(server, EVENT_PORT, &one) == OK);
    first = connect_to_events();
    HOLDS(wait_until_events(&events.accepted, 1));
    if (!first || stackv4_begin(client, (struct endpoint){address, EVENT_PORT},
                                NULL, NULL, &second) != OK)
        return;
    HOLDS(time_sleep(200 * MILLISECOND) == OK);
    HOLDS(events.accepted == 1);
    flow_close(first);
    HOLDS(wait_until_events(&events.accepted, 2));
    HOLDS(flow_write(second, "x", 1, time_after(LONG)) == OK);
    HOLDS(flow_read(second, &b, time_after(LONG)) == OK);
    buf_free(b);
    flow_close(second);
    HOLDS(wait_until_events(&events.closed, 2));
}

static struct flow *begun;
static unsigned writable, readable, ended;
static enum status ended_by;

static void follow(void *ctx, struct flow *f, unsigned what)
{
    struct buf *b;
    enum status s;

    HOLDS(ctx == &begun && f == begun);
    if (what & FLOW_WRITABLE && writable++ == 0)
        HOLDS(flow_write(f, "question", 8, 0) == OK);
    if (what & FLOW_READABLE) {
        s = flow_read(f, &b, FOREVER);
        if (s == OK) {
            readable += b->len == 8 && memcmp(b->data, "question", 8) == 0;
            buf_free(b);
            s = flow_read(f, &b, FOREVER);
        }
        ended_by = s;
    }
    ended += what & FLOW_OVER ? 1 : 0;
    changed();
}

static enum status begin(uint16_t port)
{
    writable = readable = ended = 0;
    ended_by = OK;
    return stackv4_begin(client, (struct endpoint){address, port}, follow,
                         &begun, &begun);
}

static void a_connection_is_opened_without_a_fiber_or_fails_with_a_reason(void)
{
    struct buf *b;

    listen_events(accept_echo);
    HOLDS(begin(EVENT_PORT) == OK);
    HOLDS(writable == 0); /* nothing is called before the caller waits */
    HOLDS(flow_peer(begun).port == EVENT_PORT && flow_local(begun).port != 0);
    HOLDS(wait_until_events(&readable, 1));
    HOLDS(writable == 1 && ended == 0 && ended_by == ERR_TIMEOUT);
    flow_close(begun);
    HOLDS(wait_until_events(&events.closed, 1));

    HOLDS(begin(24999) == OK);
    HOLDS(wait_until_events(&ended, 1));
    HOLDS(writable == 0 && ended_by == ERR_REFUSED);
    HOLDS(flow_room(begun) == 0);
    HOLDS(flow_read(begun, &b, 0) == ERR_REFUSED);
    flow_close(begun);
    HOLDS(begin(0) == ERR_UNREACHABLE);

    /* Of one that is closed before it is open nothing is reported. */
    HOLDS(begin(EVENT_PORT) == OK);
    flow_close(begun);
    HOLDS(time_sleep(50 * MILLISECOND) == OK && writable == 0 && ended == 0);
}

static void a_flow_of_a_fiber_can_be_given_a_handler_and_be_taken_back(void)
{
    struct buf *b;

    listen_events(accept_echo);
    begun = connect_to_events();
    if (!begun)
        return;
    writable = readable = ended = 0;
    flow_on_event(begun, follow, &begun);
    HOLDS(wait_until_events(&readable, 1) && writable == 1);
    flow_on_event(begun, NULL, NULL);
    HOLDS(flow_write(begun, "more", 4, time_after(LONG)) == OK);
    HOLDS(flow_read(begun, &b, time_after(LONG)) == OK);
    HOLDS(b->len == 4 && readable == 1);
    buf_free(b);
    HOLDS(flow_read(begun, &b, time_after(20 * MILLISECOND)) == ERR_TIMEOUT);
    flow_close(begun);
    HOLDS(wait_until_events(&events.closed, 1));
}

static void a_listener_without_fibers_is_replaced_and_ended(void)
{
    struct flow *f;

    HOLDS(stackv4_listen_tcp(server, EVENT_PORT, serve, NULL) == OK);
    serving.fn = echo;
    serving.served = 0;
    f = connect_to_events();
    HOLDS(becomes(&serving.running, 1));
    if (f)
        flow_close(f);
    wait_for_server();
    listen_events(accept_echo);
    f = connect_to_events();
    HOLDS(wait_until_events(&events.accepted, 1));
    if (f)
        flow_close(f);
    HOLDS(wait_until_events(&events.closed, 1));
    HOLDS(stackv4_listen_events(server, EVENT_PORT, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
    HOLDS(stackv4_connect(client, (struct endpoint){address, EVENT_PORT},
                          time_after(LONG), &f) == ERR_REFUSED);
}

static struct udp_port *asking_port;

static void note_and_close(void *ctx, struct endpoint from, struct endpoint to,
                           const struct buf *b)
{
    HOLDS(to.port == asking_port->number);
    note(ctx, from, to, b);
    udp_port_close(asking_port);
}

static bool wait_for_datagram(void)
{
    nanoseconds deadline = time_after(LONG);

    while (datagrams == 0)
        if (wait_until(&datagram_came, deadline) != OK)
            return false;
    return true;
}

static void a_udp_port_belongs_to_its_opener_until_it_is_closed(void)
{
    static uint8_t large[UDP_MOST + 1];
    struct endpoint to = {address, PORT}, nowhere = {address, 0};
    struct udp_port *port;
    uint16_t number;

    HOLDS(stackv4_listen_udp(server, PORT, send_back, NULL) == OK);
    HOLDS(stackv4_udp_open(client, &to, note, NULL, &port) == OK);
    number = port->number;
    HOLDS(number >= 1024);
    datagrams = 0;
    HOLDS(udp_port_write(port, to, "hello", 5) == OK);
    HOLDS(wait_for_datagram() && datagram_len == 5);
    HOLDS(udp_port_write(port, to, large, sizeof large) == ERR_RANGE);
    HOLDS(udp_port_write(port, nowhere, "x", 1) == ERR_UNREACHABLE);
    /* Its number is of no use to close it, or to listen there. */
    HOLDS(stackv4_listen_udp(client, number, NULL, NULL) == OK);
    HOLDS(stackv4_listen_udp(client, number, send_back, NULL) == ERR_IN_USE);
    HOLDS(stackv4_listen_udp(client, number, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
    datagrams = 0;
    HOLDS(stackv4_udp_write(client, number, to, "again", 5) == OK);
    HOLDS(wait_for_datagram() && datagram_len == 5);
    udp_port_close(port);
    HOLDS(time_sleep(MILLISECOND) == OK);
    HOLDS(stackv4_listen_udp(client, number, send_back, NULL) == OK);
    HOLDS(stackv4_listen_udp(client, number, NULL, NULL) == OK);

    /* After a close in its handler it receives nothing. */
    HOLDS(stackv4_udp_open(client, NULL, note_and_close, NULL, &asking_port) ==
          OK);
    number = asking_port->number;
    datagrams = 0;
    HOLDS(udp_port_write(asking_port, to, "1", 1) == OK);
    HOLDS(udp_port_write(asking_port, to, "2", 1) == OK);
    HOLDS(wait_for_datagram());
    HOLDS(time_sleep(50 * MILLISECOND) == OK && datagrams == 1);
    HOLDS(stackv4_listen_udp(server, PORT, NULL, NULL) == OK);
    HOLDS(time_sleep(MILLISECOND) == OK);
}

static void all_calls_for_our_address_agree(void)
{
    struct stackv4_address a, first;
    struct ip_address ip;
    size_t count = 0;

    stackv4_address(server, &first);
    HOLDS(ip_equal(first.ip, stackv4_ip(server)));
    while (stackv4_address_at(server, count, &a) == OK) {
        HOLDS(stackv4_ip_at(server, count, &ip) == OK);
        HOLDS(ip_equal(ip, a.ip));
        if (count++ == 0)
            HOLDS(ip_equal(first.ip, a.ip) && first.prefix == a.prefix);
    }
    HOLDS(count > 0);
    HOLDS(stackv4_ip_at(server, count, &ip) == ERR_NOT_FOUND);
}

unsigned contract_failures(const char *name, struct stackv4 *s,
                           struct stackv4 *c, struct ip_address ip)
{
    pair = name;
    failures = 0;
    server = s;
    client = c;
    address = ip;
    serving.fn = echo;
    HOLDS(stackv4_listen_tcp(server, PORT, serve, NULL) == OK);
    bytes_arrive_in_order_and_then_the_end();
    shutting_one_side_leaves_the_other_open();
    a_port_without_a_listener_refuses();
    an_abort_is_seen_by_both();
    a_deadline_that_has_passed_does_not_wait();
    the_last_data_arrives_by_flow_finish();
    a_close_with_unread_data_is_a_reset();
    data_after_a_close_are_answered_by_a_reset();
    flow_finish_ends_at_its_deadline();
    a_read_after_shutting_the_reading_side_returns_the_end();
    pieces_and_bufs_arrive_as_one_stream();
    foreign_memory_is_sent_and_released_once();
    flow_options_are_kept();
    connections_begin_with_the_options_of_their_port();
    a_handlers_fiber_has_its_ports_name_and_a_flow_of_the_stacks();
    many_connections_are_served_at_once();
    datagrams_are_echoed();
    listening_on_an_opened_udp_port_fails();
    a_connection_beyond_the_limit_waits_for_a_handler_to_return();
    a_connection_beyond_the_limit_of_a_peer_is_reset();
    a_listener_is_replaced_and_ended();
    a_server_without_fibers_echoes_a_stream_and_its_end();
    each_of_many_flows_without_a_fiber_has_its_own_events();
    a_peer_that_does_not_read_makes_the_handler_wait_and_not_spin();
    a_reset_by_the_peer_is_reported_with_its_reason();
    data_within_flow_room_is_accepted_and_new_room_is_reported();
    queued_data_is_sent_after_a_close_in_a_handler();
    a_handler_sends_foreign_memory_and_it_is_released_once();
    the_end_follows_queued_data();
    flows_without_a_fiber_count_as_handlers();
    a_connection_is_opened_without_a_fiber_or_fails_with_a_reason();
    a_flow_of_a_fiber_can_be_given_a_handler_and_be_taken_back();
    a_listener_without_fibers_is_replaced_and_ended();
    a_udp_port_belongs_to_its_opener_until_it_is_closed();
    all_calls_for_our_address_agree();
    HOLDS(stackv4_listen_tcp(server, PORT, NULL, NULL) == OK);
    return failures;
}

static void read_until_over(struct flow *f)
{
    struct buf *b;

    while ((serving.status = flow_read(f, &b, FOREVER)) == OK)
        buf_free(b);
}

/* Keeps the flow, and asks for its state now and then. */
static void sleep_until_over(struct flow *f)
{
    struct buf *b;

    do {
        HOLDS(time_sleep(20 * MILLISECOND) == OK);
        serving.status = flow_read(f, &b, 0);
    } while (serving.status == ERR_TIMEOUT);
}

static bool is_end(enum status s)
{
    return s == ERR_EOF || s == ERR_RESET || s == ERR_GONE;
}

unsigned contract_disconnect(const char *name, struct stackv4 *s,
                             struct stackv4 *c, struct ip_address ip)
{
    struct flow *reading, *sleeping, *evented;
    struct buf *b;
    uint16_t number;

    pair = name;
    failures = 0;
    server = s;
    client = c;
    address = ip;
    HOLDS(stackv4_listen_tcp(server, PORT, serve, NULL) == OK);
    HOLDS(stackv4_listen_udp(server, PORT, send_back, NULL) == OK);
    HOLDS(stackv4_open_udp(server, NULL, note, NULL, &number) == OK);
    listen_events(accept_echo);
    reading = open_flow(read_until_over);
    HOLDS(becomes(&serving.running, 1));
    sleeping = open_flow(sleep_until_over);
    evented = connect_to_events();
    HOLDS(wait_until_events(&events.accepted, 1));
    HOLDS(becomes(&serving.running, 2));
    if (!reading || !sleeping || !evented)
        return failures;
    HOLDS(flow_write(evented, "x", 1, time_after(LONG)) == OK);
    HOLDS(flow_read(evented, &b, time_after(LONG)) == OK);
    buf_free(b);
    stackv4_disconnect(server);
    HOLDS(serving.running == 0 && is_end(serving.status));
    HOLDS(events.closed == 1);
    HOLDS(is_end(flow_read(reading, &b, time_after(LONG))));
    HOLDS(is_end(flow_read(sleeping, &b, time_after(LONG))));
    HOLDS(is_end(flow_read(evented, &b, time_after(LONG))));
    flow_close(reading);
    flow_close(sleeping);
    flow_close(evented);
    return failures;
}
