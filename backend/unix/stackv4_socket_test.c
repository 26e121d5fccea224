/* SPDX-License-Identifier: ISC */
/*
 * The stack talks to itself over the loopback interface; to see what only a
 * peer with manners of its own does, it talks to a socket of the test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mirage/boot.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <mirage/random.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "resolv_conf.h"

#define CROWD 300
#define LARGE ((size_t)20000000)

static char said[4096];
static size_t said_len;

static void remember(struct console *c, const char *text, size_t len)
{
    (void)c;
    if (len < sizeof said - said_len) {
        memcpy(said + said_len, text, len);
        said_len += len;
    }
    said[said_len] = '\0';
}

static const struct console_ops console_ops = {.write = remember};
static struct console console = {.ops = &console_ops};
static struct stackv4 *stack;

static nanoseconds in(nanoseconds length)
{
    return time_after(length);
}

static struct endpoint local(uint16_t port)
{
    return (struct endpoint){ipv4_address(127, 0, 0, 1), port};
}

/* Connects, with a few seconds for it. */
static struct flow *call(uint16_t port)
{
    struct flow *f = NULL;

    CHECK(stackv4_connect(stack, local(port), in(5 * SECOND), &f) == OK);
    return f;
}

/* A port nobody has; tests in another process may run at the same time. */
static uint16_t new_port(void)
{
    static uint16_t next;

    for (;;) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        int fd = socket(AF_INET, SOCK_STREAM, 0), s;

        if (next == 0)
            next = (uint16_t)(20000 + random_below(8000));
        a.sin_port = htons(++next);
        s = bind(fd, (struct sockaddr *)&a, sizeof a);
        close(fd);
        if (s == 0)
            return next;
    }
}

/* Reads until the end: the status, and how many bytes there were. */
static enum status drain(struct flow *f, size_t *len)
{
    struct buf *b;
    enum status s;

    for (*len = 0; (s = flow_read(f, &b, in(10 * SECOND))) == OK;) {
        CHECK(b->len > 0 && !b->next);
        *len += b->len;
        buf_free(b);
    }
    return s;
}

/* Reads exactly what is wanted, and nothing more. */
static void check_reads(struct flow *f, const char *wanted)
{
    char found[64] = "";
    size_t len = 0;
    struct buf *b;

    while (len < strlen(wanted) && flow_read(f, &b, in(5 * SECOND)) == OK) {
        if (b->len < sizeof found - len)
            memcpy(found + len, b->data, b->len);
        len += b->len;
        buf_free(b);
    }
    CHECK_TEXT(found, wanted);
}

TEST(connecting_logs_two_lines_and_tells_the_addresses)
{
    const char *const addresses[] = {"0.0.0.0", "127.0.0.1", NULL};
    struct ip_address ip;

    CHECK(stackv4_socket_connect(&console, addresses, &stack) == OK);
    CHECK_TEXT(said, "Manager: connect\nManager: configuring\n");
    CHECK(ipv4_number(stackv4_ip(stack)) == 0);
    CHECK(stackv4_ip_at(stack, 1, &ip) == OK);
    CHECK(ip_equal(ip, ipv4_address(127, 0, 0, 1)));
    CHECK(stackv4_ip_at(stack, 2, &ip) == ERR_NOT_FOUND);
}

TEST(an_address_has_the_netmask_and_dns_servers_of_the_host)
{
    const char *const addresses[] = {"127.0.0.1", NULL};
    struct ip_address servers[3];
    unsigned count;
    struct stackv4 *other;
    struct stackv4_address a;

    count = resolv_conf_servers("/etc/resolv.conf", servers, 3);
    stackv4_address(stack, &a);
    CHECK(ipv4_number(a.ip) == 0 && a.prefix == 0);
    CHECK(stackv4_socket_connect(&console, addresses, &other) == OK);
    stackv4_address(other, &a);
    CHECK(ip_equal(a.ip, ipv4_address(127, 0, 0, 1)) && a.prefix == 8);
    CHECK(ipv4_number(a.gateway) == 0 && a.dns_count == count);
    for (unsigned i = 0; i < count; i++)
        CHECK(ip_equal(a.dns[i], servers[i]));
}

TEST(connecting_with_a_wrong_address_fails_with_a_reason)
{
    const char *const none[] = {"0.0.0.0", "1.2.3", NULL};
    const char *const not_ours[] = {"192.0.2.1", NULL};
    struct stackv4 *other = NULL;

    CHECK(stackv4_socket_connect(&console, none, &other) == ERR_FORMAT);
    CHECK(stackv4_socket_connect(&console, not_ours, &other) ==
          ERR_NOT_FOUND);
    CHECK(other == NULL);
}

static void echo(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)peer;
    if (ctx)
        ++*(int *)ctx;
    while (flow_read(f, &b, FOREVER) == OK)
        if (flow_write_bufs(f, b, FOREVER) != OK)
            return;
}

TEST(both_ends_of_a_flow_know_both_endpoints)
{
    uint16_t port = new_port();
    struct flow *f;
    struct endpoint mine;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    mine = flow_local(f);
    CHECK(ip_equal(mine.ip, local(0).ip) && mine.port > 0);
    CHECK(flow_peer(f).port == port);
    CHECK(ip_equal(flow_peer(f).ip, local(0).ip));
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static uint16_t crowd_port;

static void one_of_many(void *ctx)
{
    char text[16];
    struct flow *f = call(crowd_port);

    if (!f)
        return;
    for (int i = 0; i < 3; i++) {
        text_format(text, sizeof text, "%d-%d;", (int)(uintptr_t)ctx, i);
        CHECK(flow_write(f, text, strlen(text), FOREVER) == OK);
        check_reads(f, text);
    }
    flow_close(f);
}

TEST(hundreds_of_connections_are_served_at_once)
{
    static struct fiber *fiber[CROWD];
    int served = 0;

    crowd_port = new_port();
    CHECK(stackv4_listen_tcp(stack, crowd_port, echo, &served) == OK);
    for (uintptr_t i = 0; i < CROWD; i++)
        CHECK(fiber_spawn(NULL, one_of_many, (void *)i, &fiber[i]) == OK);
    for (int i = 0; i < CROWD; i++)
        CHECK(fiber_join(fiber[i], FOREVER) == OK);
    CHECK(served == CROWD);
    stackv4_listen_tcp(stack, crowd_port, NULL, NULL);
}

static uint8_t *large;

static void write_large(void *flow)
{
    static const size_t sizes[] = {1, 100, 4096, 70000, 1000000};
    size_t sent = 0;

    for (unsigned i = 0; sent < LARGE; i++) {
        size_t n = sizes[i % 5];
        struct span spans[3];

        if (n > LARGE - sent)
            n = LARGE - sent;
        spans[0] = (struct span){large + sent, n / 3};
        spans[1] = (struct span){large + sent + n / 3, 0};
        spans[2] = (struct span){large + sent + n / 3, n - n / 3};
        CHECK(flow_write_spans(flow, spans, 3, FOREVER) == OK);
        sent += n;
    }
    flow_shutdown(flow, FLOW_WRITING);
}

TEST(a_large_stream_is_echoed_intact_while_it_is_written)
{
    uint16_t port = new_port();
    size_t len = 0;
    bool same = true;
    struct flow *f;
    struct fiber *writer;
    struct buf *b;
    enum status s;

    large = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + i / 256 + i / 65536);
    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    CHECK(fiber_spawn(NULL, write_large, f, &writer) == OK);
    while ((s = flow_read(f, &b, FOREVER)) == OK) {
        same &= len + b->len <= LARGE &&
                memcmp(large + len, b->data, b->len) == 0;
        len += b->len;
        buf_free(b);
    }
    CHECK(s == ERR_EOF && len == LARGE && same);
    CHECK(fiber_join(writer, FOREVER) == OK);
    flow_close(f);
    free(large);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

/* Says goodbye first, then listens to the end and answers its length. */
static void half_close(void *ctx, struct flow *f, struct endpoint peer)
{
    size_t len;

    (void)peer;
    CHECK(flow_write(f, "first", 5, FOREVER) == OK);
    flow_shutdown(f, FLOW_WRITING);
    CHECK(flow_write(f, "no", 2, FOREVER) == ERR_EOF);
    CHECK(drain(f, &len) == ERR_EOF);
    *(size_t *)ctx = len;
}

TEST(shutting_one_side_leaves_the_other_open)
{
    uint16_t port = new_port();
    size_t len = 0, none;
    struct flow *f;

    CHECK(stackv4_listen_tcp(stack, port, half_close, &len) == OK);
    f = call(port);
    check_reads(f, "first");
    CHECK(drain(f, &none) == ERR_EOF && none == 0);
    CHECK(flow_write(f, "second", 6, FOREVER) == OK);
    CHECK(drain(f, &none) == ERR_EOF); /* it stays at its end */
    CHECK(flow_write(f, "third", 5, FOREVER) == OK);
    flow_close(f);
    for (int i = 0; len == 0 && i < 1000; i++)
        time_sleep(MILLISECOND);
    CHECK(len == 11);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

TEST(a_read_after_shutting_the_reading_side_returns_the_end)
{
    uint16_t port = new_port();
    struct flow *f;
    struct buf *b;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    CHECK(flow_write(f, "lost", 4, FOREVER) == OK);
    time_sleep(10 * MILLISECOND);
    flow_shutdown(f, FLOW_READING);
    CHECK(flow_read(f, &b, FOREVER) == ERR_EOF);
    CHECK(flow_write(f, "still", 5, FOREVER) == OK);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

/* Reads the first bytes of many, and answers with many. */
static void answer_and_go(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)peer;
    CHECK(flow_read(f, &b, FOREVER) == OK);
    buf_free(b);
    CHECK(flow_write(f, large, 2000000, FOREVER) == OK);
    if (ctx)
        *(enum status *)ctx = flow_finish(f, in(20 * SECOND));
}

/* The answer, to one who writes all before it reads; NULL: without a
 * flow_finish. */
static enum status read_answer(enum status *finished, size_t *len)
{
    uint16_t port = new_port();
    enum status s;
    struct flow *f;

    large = calloc(1, 2000000);
    CHECK(stackv4_listen_tcp(stack, port, answer_and_go, finished) == OK);
    f = call(port);
    CHECK(flow_write(f, large, 100000, FOREVER) == OK);
    time_sleep(20 * MILLISECOND);
    s = flow_write(f, large, 100000, FOREVER);
    if (s == OK && finished)
        flow_shutdown(f, FLOW_WRITING);
    if (s == OK)
        s = drain(f, len);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    time_sleep(20 * MILLISECOND);
    free(large);
    return s;
}

TEST(flow_finish_delivers_the_answer_to_a_peer_that_is_still_sending)
{
    enum status finished = ERR_IN_USE;
    size_t len = 0;

    CHECK(read_answer(&finished, &len) == ERR_EOF && len == 2000000);
    CHECK(finished == OK);
}

TEST(a_close_with_unread_data_is_a_reset)
{
    size_t len = 0;

    CHECK(read_answer(NULL, &len) == ERR_RESET);
}

/* Takes one buf of what has come, and leaves. */
static void read_one(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)ctx, (void)peer;
    time_sleep(50 * MILLISECOND);
    CHECK(flow_read(f, &b, FOREVER) == OK);
    buf_free(b);
}

TEST(a_close_with_buffered_unread_data_is_a_reset)
{
    uint16_t port = new_port();
    size_t len;
    struct flow *f;

    large = calloc(1, 2 * PAGE_BYTES);
    CHECK(stackv4_listen_tcp(stack, port, read_one, NULL) == OK);
    f = call(port);
    CHECK(flow_write(f, large, 2 * PAGE_BYTES, FOREVER) == OK);
    CHECK(drain(f, &len) == ERR_RESET && len == 0);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    free(large);
}

static void shut_and_go(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    time_sleep(50 * MILLISECOND);
    flow_shutdown(f, FLOW_READING);
    CHECK(flow_write(f, "bye", 3, FOREVER) == OK);
}

TEST(data_given_up_before_a_close_causes_no_reset)
{
    uint16_t port = new_port();
    size_t len;
    struct flow *f;

    large = calloc(1, 100000);
    CHECK(stackv4_listen_tcp(stack, port, shut_and_go, NULL) == OK);
    f = call(port);
    CHECK(flow_write(f, large, 100000, FOREVER) == OK);
    CHECK(drain(f, &len) == ERR_EOF && len == 3);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    free(large);
}

/* Sends without end, and never reads. */
static void flood(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    while (flow_write(f, large, 100000, FOREVER) == OK)
        continue;
}

TEST(flow_finish_ends_at_its_deadline_while_the_peer_keeps_sending)
{
    uint16_t port = new_port();
    nanoseconds began = time_now();
    struct flow *f;

    large = calloc(1, 100000);
    CHECK(stackv4_listen_tcp(stack, port, flood, NULL) == OK);
    f = call(port);
    CHECK(flow_finish(f, in(100 * MILLISECOND)) == ERR_TIMEOUT);
    CHECK(time_now() - began >= 100 * MILLISECOND);
    CHECK(time_now() - began < 5 * SECOND);
    time_sleep(20 * MILLISECOND); /* the other end learns of it */
    stackv4_listen_tcp(stack, port, NULL, NULL);
    free(large);
}

TEST(a_writer_that_gave_up_reading_does_not_block_a_peer_that_sends_first)
{
    uint16_t port = new_port();
    struct flow *f;

    large = calloc(1, LARGE);
    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    flow_shutdown(f, FLOW_READING);
    CHECK(flow_write(f, large, LARGE, in(20 * SECOND)) == OK);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    free(large);
}

static void hear_the_end(void *ctx, struct flow *f, struct endpoint peer)
{
    size_t len;

    (void)peer;
    *(enum status *)ctx = drain(f, &len);
    CHECK(flow_write(f, "x", 1, FOREVER) == *(enum status *)ctx);
}

static void read_to_the_end(void *flow)
{
    size_t len;

    CHECK(drain(flow, &len) == ERR_RESET);
}

TEST(an_abort_resets_both_ends_and_wakes_fibers_that_wait)
{
    uint16_t port = new_port();
    enum status s = OK;
    struct flow *f;
    struct buf *b;
    struct fiber *reader;

    CHECK(stackv4_listen_tcp(stack, port, hear_the_end, &s) == OK);
    f = call(port);
    CHECK(fiber_spawn(NULL, read_to_the_end, f, &reader) == OK);
    time_sleep(10 * MILLISECOND);
    flow_abort(f);
    CHECK(fiber_join(reader, in(SECOND)) == OK);
    CHECK(flow_read(f, &b, FOREVER) == ERR_RESET);
    CHECK(flow_write(f, "x", 1, FOREVER) == ERR_RESET);
    for (int i = 0; s == OK && i < 1000; i++)
        time_sleep(MILLISECOND);
    CHECK(s == ERR_RESET);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static void stay_silent(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)f, (void)peer;
    time_sleep_until(*(nanoseconds *)ctx);
}

TEST(a_deadline_ends_a_read_and_a_write)
{
    static uint8_t zeros[1 << 20];
    uint16_t port = new_port();
    nanoseconds begun = time_now(), end = time_after(SECOND / 2);
    struct flow *f;
    struct buf *b;
    enum status s;

    CHECK(stackv4_listen_tcp(stack, port, stay_silent, &end) == OK);
    f = call(port);
    CHECK(flow_read(f, &b, 0) == ERR_TIMEOUT);
    CHECK(flow_read(f, &b, in(20 * MILLISECOND)) == ERR_TIMEOUT);
    CHECK(time_now() - begun >= 20 * MILLISECOND);
    do
        s = flow_write(f, zeros, sizeof zeros, in(20 * MILLISECOND));
    while (s == OK);
    CHECK(s == ERR_TIMEOUT);
    CHECK(flow_write(f, zeros, sizeof zeros, 0) == ERR_TIMEOUT);
    flow_close(f);
    time_sleep_until(end + 10 * MILLISECOND);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static void read_forever(void *flow)
{
    struct buf *b;

    CHECK(flow_read(flow, &b, FOREVER) == ERR_CANCELLED);
}

TEST(a_fiber_that_waits_can_be_cancelled)
{
    uint16_t port = new_port();
    struct flow *f;
    struct fiber *reader;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    CHECK(fiber_spawn(NULL, read_forever, f, &reader) == OK);
    time_sleep(10 * MILLISECOND);
    fiber_cancel(reader);
    CHECK(fiber_join(reader, in(SECOND)) == OK);
    CHECK(flow_write(f, "on", 2, FOREVER) == OK);
    check_reads(f, "on");
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

TEST(flow_write_bufs_sends_bufs_and_frees_them)
{
    uint16_t port = new_port();
    size_t before;
    struct flow *f;
    struct buf *b, **end = &b;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    before = buf_pages_free();
    for (int i = 0; i < 5; i++) {
        *end = buf_new(0);
        if (i != 2) /* an empty one does no harm */
            memcpy(buf_append(*end, 2), "ab", 2);
        end = &(*end)->next;
    }
    CHECK(flow_write_bufs(f, b, FOREVER) == OK);
    check_reads(f, "abababab");
    CHECK(buf_pages_free() == before);
    flow_shutdown(f, FLOW_WRITING);
    b = buf_copy_in("x", 1, 0);
    CHECK(flow_write_bufs(f, b, FOREVER) == ERR_EOF);
    CHECK(buf_pages_free() == before);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

TEST(a_read_waits_for_pages_when_there_are_none)
{
    uint16_t port = new_port();
    struct flow *f;
    struct buf *all = NULL, *b;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    CHECK(flow_write(f, "x", 1, FOREVER) == OK);
    time_sleep(20 * MILLISECOND);
    while ((b = buf_new(0))) {
        b->next = all;
        all = b;
    }
    CHECK(flow_read(f, &b, in(10 * MILLISECOND)) == ERR_TIMEOUT);
    buf_free(all);
    check_reads(f, "x");
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static unsigned page_calls;
static size_t page_bytes;
static enum status page_write;

static void read_and_answer(void *ctx, struct flow *f, unsigned events)
{
    static const uint8_t answer[5000];
    struct buf *b;
    enum status s;

    (void)ctx, (void)events;
    page_calls++;
    while ((s = flow_read(f, &b, FOREVER)) == OK) {
        page_bytes += b->len;
        buf_free(b);
    }
    while (flow_room(f) > 0 && page_write == OK)
        page_write = flow_write(f, answer, sizeof answer, FOREVER);
    if (s != ERR_TIMEOUT)
        flow_close(f);
}

static void accept_reader(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    flow_on_event(f, read_and_answer, NULL);
}

static struct buf *hoard_pages(void)
{
    struct buf *hoard = NULL, *b;

    while ((b = buf_new(0))) {
        b->next = hoard;
        hoard = b;
    }
    return hoard;
}

TEST(a_handler_without_pages_is_called_again_when_there_are_some)
{
    uint16_t port = new_port();
    struct buf *hoard;
    struct flow *f;
    unsigned before;

    CHECK(stackv4_listen_events(stack, port, accept_reader, NULL) == OK);
    f = call(port);
    CHECK(time_sleep(20 * MILLISECOND) == OK && page_calls == 0);
    hoard = hoard_pages();
    CHECK(flow_write(f, "hello", 5, in(SECOND)) == OK);
    CHECK(time_sleep(50 * MILLISECOND) == OK && page_bytes == 0);
    CHECK(page_calls > 0 && page_write == ERR_NO_MEMORY);
    before = page_calls;
    CHECK(time_sleep(50 * MILLISECOND) == OK && page_calls == before);
    buf_free(hoard);
    CHECK(time_sleep(50 * MILLISECOND) == OK && page_bytes == 5);
    flow_abort(f);
    flow_close(f);
    CHECK(stackv4_listen_events(stack, port, NULL, NULL) == OK);
    CHECK(time_sleep(20 * MILLISECOND) == OK);
}

/* A counter of the stack. */
struct counted {
    const char *name;
    uint64_t value;
};

static void find_counter(void *ctx, const char *name, uint64_t value)
{
    struct counted *c = ctx;

    if (strcmp(name, c->name) == 0)
        c->value = value;
}

static uint64_t counter(const char *name)
{
    struct counted c = {name, UINT64_MAX};

    stackv4_counters(stack, find_counter, &c);
    CHECK(c.value != UINT64_MAX);
    return c.value;
}

TEST(a_connection_to_a_port_without_a_listener_is_refused)
{
    struct flow *f = NULL;
    uint64_t refused = counter("tcp_refused");

    CHECK(stackv4_connect(stack, local(new_port()), FOREVER, &f) ==
          ERR_REFUSED);
    CHECK(counter("tcp_refused") == refused + 1);
    CHECK(stackv4_connect(stack, local(0), FOREVER, &f) == ERR_UNREACHABLE);
    CHECK(f == NULL && counter("tcp_refused") == refused + 1);
}

TEST(connecting_to_a_silent_host_ends_at_its_deadline)
{
    uint16_t port = new_port();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct flow *f[8];
    int had = 0;
    enum status s = OK;

    /* A listener that takes nothing: its queue is soon full. */
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(listen(fd, 0) == 0);
    while (had < 8 && (s = stackv4_connect(stack, local(port),
                                           in(50 * MILLISECOND),
                                           &f[had])) == OK)
        had++;
    CHECK(s == ERR_TIMEOUT);
    while (had > 0)
        flow_close(f[--had]);
    close(fd);
}

TEST(flow_options_reach_the_socket)
{
    const struct flow_options wanted = {.no_delay = true,
                                        .keepalive_idle = 5 * SECOND,
                                        .keepalive_interval = SECOND,
                                        .keepalive_probes = 3,
                                        .user_timeout = 7 * SECOND};
    uint16_t port = new_port();
    struct flow_options found;
    struct flow *f;

    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == OK);
    f = call(port);
    flow_options(f, &found);
    CHECK(!found.no_delay && found.keepalive_idle == 0 &&
          found.user_timeout == 0);
    flow_set_options(f, &wanted);
    flow_options(f, &found);
    CHECK(found.no_delay && found.keepalive_idle == 5 * SECOND &&
          found.keepalive_probes == 3 && found.user_timeout == 7 * SECOND);
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static void greet(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)peer;
    CHECK(flow_write(f, ctx, strlen(ctx), FOREVER) == OK);
}

static void check_greets(uint16_t port, const char *wanted)
{
    struct flow *f = call(port);

    if (!f)
        return;
    check_reads(f, wanted);
    flow_close(f);
}

TEST(a_later_listener_replaces_the_earlier_and_null_ends_it)
{
    uint16_t port = new_port();
    struct flow *f;

    CHECK(stackv4_listen_tcp(stack, port, greet, "one") == OK);
    check_greets(port, "one");
    CHECK(stackv4_listen_tcp(stack, port, greet, "two") == OK);
    check_greets(port, "two");
    stackv4_listen_tcp(stack, port, NULL, NULL);
    CHECK(stackv4_listen_tcp(stack, port, greet, "three") == OK);
    check_greets(port, "three");
    stackv4_listen_tcp(stack, port, NULL, NULL);
    time_sleep(MILLISECOND);
    CHECK(stackv4_connect(stack, local(port), FOREVER, &f) == ERR_REFUSED);
    CHECK(stackv4_listen_tcp(stack, port, greet, "four") == OK);
    check_greets(port, "four");
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

static void run(void *result)
{
    *(enum status *)result = stackv4_run(stack);
}

TEST(a_port_in_use_ends_stackv4_run_until_it_is_given_up)
{
    uint16_t port = new_port();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    enum status result = OK;
    struct fiber *runner;

    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(listen(fd, 1) == 0);
    CHECK(fiber_spawn(NULL, run, &result, &runner) == OK);
    time_sleep(MILLISECOND);
    CHECK(result == OK);
    CHECK(stackv4_listen_tcp(stack, port, echo, NULL) == ERR_IN_USE);
    CHECK(fiber_join(runner, in(SECOND)) == OK && result == ERR_IN_USE);
    CHECK(stackv4_run(stack) == ERR_IN_USE);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    result = OK;
    CHECK(fiber_spawn(NULL, run, &result, &runner) == OK);
    time_sleep(MILLISECOND);
    fiber_cancel(runner);
    CHECK(fiber_join(runner, in(SECOND)) == OK && result == ERR_CANCELLED);
    close(fd);
}

TEST(connections_wait_while_no_file_descriptor_is_free)
{
    uint16_t port = new_port();
    struct rlimit limit, none;
    struct flow *f, *g = NULL;

    CHECK(stackv4_listen_tcp(stack, port, greet, "late") == OK);
    f = call(port);
    time_sleep(10 * MILLISECOND); /* it is accepted, and over */
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = limit;
    none.rlim_cur = (rlim_t)dup(0) + 1; /* the caller's end, and no more */
    close((int)none.rlim_cur - 1);
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(stackv4_connect(stack, local(port), FOREVER, &g) == OK);
    time_sleep(30 * MILLISECOND);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (g) {
        check_reads(g, "late");
        flow_close(g);
    }
    flow_close(f);
    stackv4_listen_tcp(stack, port, NULL, NULL);
}

struct heard {
    struct endpoint from, to;
    size_t len, count;
    uint8_t data[UDP_MOST];
};

static void hear(void *ctx, struct endpoint from, struct endpoint to,
                 const struct buf *datagram)
{
    struct heard *h = ctx;

    h->from = from;
    h->to = to;
    h->len = buf_length(datagram);
    h->count++;
    buf_copy_out(datagram, 0, h->data, h->len);
}

static void await(const struct heard *h, size_t count)
{
    for (int i = 0; h->count < count && i < 1000; i++)
        time_sleep(MILLISECOND);
    CHECK(h->count == count);
}

/* To the listener, and back to who asked. */
static void answer(void *ctx, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    hear(ctx, from, to, datagram);
    CHECK(stackv4_udp_write(stack, to.port, from, ((struct heard *)ctx)->data,
                            buf_length(datagram)) == OK);
}

TEST(datagrams_of_any_length_are_echoed)
{
    static const size_t lengths[] = {0, 1, 4096, 4097, 40000, UDP_MOST};
    static struct heard there, here;
    static uint8_t data[UDP_MOST + 1];
    uint16_t server = new_port(), port = 0;
    size_t pages = buf_pages_free();
    uint64_t in_before = counter("udp_in"), out_before = counter("udp_out");
    /* Not the address that the host would answer from by itself. */
    const struct endpoint peer = {ipv4_address(127, 0, 0, 9), server};

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 5 + i / 256);
    CHECK(stackv4_listen_udp(stack, server, answer, &there) == OK);
    CHECK(stackv4_open_udp(stack, &peer, hear, &here, &port) == OK);
    CHECK(port > 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];

        CHECK(stackv4_udp_write(stack, port, peer, data, len) == OK);
        await(&here, i + 1);
        CHECK(there.len == len && memcmp(there.data, data, len) == 0);
        CHECK(here.len == len && memcmp(here.data, data, len) == 0);
        CHECK(there.from.port == port && there.to.port == server);
        CHECK(ipv4_number(there.to.ip) == 0); /* as it was listened on */
        CHECK(here.from.port == server && ip_equal(here.from.ip, peer.ip));
    }
    CHECK(counter("udp_in") == in_before + 12);
    CHECK(counter("udp_out") == out_before + 12);
    CHECK(stackv4_udp_write(stack, port, peer, data, UDP_MOST + 1) ==
          ERR_RANGE);
    CHECK(counter("udp_out") == out_before + 12);
    stackv4_listen_udp(stack, port, NULL, NULL);
    stackv4_listen_udp(stack, server, NULL, NULL);
    time_sleep(MILLISECOND);
    CHECK(buf_pages_free() == pages);
}

TEST(a_connected_udp_port_receives_only_from_its_peer)
{
    static struct heard h;
    const struct endpoint peer = local(new_port());
    uint16_t stranger = new_port(), port = 0, any = 0;

    CHECK(stackv4_open_udp(stack, &peer, hear, &h, &port) == OK);
    CHECK(stackv4_open_udp(stack, NULL, hear, &h, &any) == OK && any != port);
    CHECK(stackv4_udp_write(stack, stranger, local(port), "no", 2) == OK);
    CHECK(stackv4_udp_write(stack, peer.port, local(port), "yes", 3) == OK);
    await(&h, 1);
    CHECK(h.len == 3 && h.from.port == peer.port);
    CHECK(stackv4_udp_write(stack, stranger, local(any), "also", 4) == OK);
    await(&h, 2);
    CHECK(h.len == 4 && h.from.port == stranger && h.to.port == any);
    stackv4_listen_udp(stack, port, NULL, NULL);
    stackv4_listen_udp(stack, any, NULL, NULL);
}

TEST(listening_on_an_opened_udp_port_fails)
{
    static struct heard h, other;
    const struct endpoint peer = local(new_port());
    uint16_t port = 0;

    CHECK(stackv4_open_udp(stack, &peer, hear, &h, &port) == OK);
    CHECK(stackv4_listen_udp(stack, port, hear, &other) == ERR_IN_USE);
    CHECK(stackv4_udp_write(stack, peer.port, local(port), "yes", 3) == OK);
    await(&h, 1);
    CHECK(other.count == 0);
    stackv4_listen_udp(stack, port, NULL, NULL); /* the opened one, */
    time_sleep(MILLISECOND);
    CHECK(stackv4_listen_udp(stack, port, hear, &other) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(port), "now", 3) == OK);
    await(&other, 1);
    CHECK(h.count == 1);
    stackv4_listen_udp(stack, port, NULL, NULL); /* and the listener */
}

/* Ends its own port, and wants it again for another. */
static void hand_on(void *ctx, struct endpoint from, struct endpoint to,
                    const struct buf *datagram)
{
    (void)from, (void)datagram;
    stackv4_listen_udp(stack, to.port, NULL, NULL);
    CHECK(stackv4_listen_udp(stack, to.port, hear, ctx) == OK);
}

TEST(a_udp_handler_may_end_and_reopen_its_port)
{
    static struct heard h;
    uint16_t port = new_port();

    CHECK(stackv4_listen_udp(stack, port, hand_on, &h) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(port), "a", 1) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(port), "b", 1) == OK);
    await(&h, 1);
    CHECK(h.len == 1 && h.data[0] == 'b');
    stackv4_listen_udp(stack, port, NULL, NULL);
}

TEST(a_datagram_from_port_0_is_sent_from_a_chosen_port)
{
    static struct heard h;
    uint16_t server = new_port(), mine = new_port();

    CHECK(stackv4_listen_udp(stack, server, hear, &h) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(server), "x", 1) == OK);
    await(&h, 1);
    CHECK(h.from.port > 0 && h.from.port != server);
    CHECK(stackv4_udp_write(stack, mine, local(server), "y", 1) == OK);
    await(&h, 2);
    CHECK(h.from.port == mine && h.data[0] == 'y');
    stackv4_listen_udp(stack, server, NULL, NULL);
}

TEST(a_refused_datagram_is_reported_once_and_only_for_its_peer)
{
    static struct heard h;
    uint16_t port = new_port(), nobody = new_port();
    uint16_t somebody = new_port();
    enum status s = OK;

    CHECK(stackv4_listen_udp(stack, port, hear, &h) == OK);
    CHECK(stackv4_listen_udp(stack, somebody, hear, &h) == OK);
    CHECK(stackv4_udp_write(stack, port, local(nobody), "a", 1) == OK);
    CHECK(stackv4_udp_write(stack, port, local(somebody), "b", 1) == OK);
    await(&h, 1);
    s = stackv4_udp_write(stack, port, local(nobody), "c", 1);
    CHECK(s == ERR_REFUSED);
    CHECK(stackv4_udp_write(stack, port, local(nobody), "d", 1) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(nobody), "e", 1) == OK);
    CHECK(stackv4_udp_write(stack, 0, local(somebody), "f", 1) == OK);
    await(&h, 2);
    CHECK(stackv4_udp_write(stack, 0, local(nobody), "g", 1) == ERR_REFUSED);
    stackv4_listen_udp(stack, port, NULL, NULL);
    stackv4_listen_udp(stack, somebody, NULL, NULL);
}

TEST(received_and_sent_data_is_counted)
{
    CHECK(counter("tcp_bytes_in") > 2 * LARGE);
    CHECK(counter("tcp_bytes_out") >= counter("tcp_bytes_in"));
    CHECK(counter("tcp_accepted") > CROWD);
    CHECK(counter("tcp_opened") > CROWD);
    CHECK(counter("tcp_dropped") == 0);
}
