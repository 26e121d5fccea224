/* SPDX-License-Identifier: ISC */
/* Waiting for file descriptors, by the implementation that is linked; in
 * events_poll_test.c by poll. */
#include "events.h"
#include "check.h"
#include <fcntl.h>
#include <mirage/time.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 100 /* more than one call of epoll reports */

/* A fiber that waits for a descriptor. */
struct one {
    int fd;
    bool write;
    nanoseconds deadline;
    enum status ended;
    bool has_ended;
};

static void wait_for_fd(void *ctx)
{
    struct one *w = ctx;

    w->ended = events_wait(w->fd, w->write, w->deadline);
    w->has_ended = true;
}

static struct fiber *start(struct one *w)
{
    struct fiber *f = NULL;

    CHECK(fiber_spawn(NULL, wait_for_fd, w, &f) == OK);
    (void)fiber_yield();
    return f;
}

static bool ends_with(struct one *w, struct fiber *f, enum status s)
{
    return fiber_join(f, time_after(20 * SECOND)) == OK && w->has_ended &&
           w->ended == s;
}

static void pass_time(void)
{
    CHECK(time_sleep(5 * MILLISECOND) == OK);
}

TEST(a_fiber_waits_until_there_is_something_to_read)
{
    int ends[2];
    struct one w = {.deadline = FOREVER};
    struct fiber *f;

    CHECK(!events_are_awaited());
    CHECK(pipe(ends) == 0);
    w.fd = ends[0];
    f = start(&w);
    CHECK(events_are_awaited());
    pass_time();
    CHECK(!w.has_ended);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(ends_with(&w, f, OK));
    CHECK(!events_are_awaited());
    w = (struct one){.fd = ends[0], .deadline = FOREVER};
    CHECK(ends_with(&w, start(&w), OK)); /* it still is */
    close(ends[0]);
    close(ends[1]);
}

TEST(a_fiber_waits_until_there_is_room_to_write)
{
    static char bytes[4096];
    int ends[2];
    struct one w = {.write = true, .deadline = FOREVER};
    struct fiber *f;

    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(ends[1], bytes, sizeof bytes) > 0)
        ;
    w.fd = ends[1];
    f = start(&w);
    pass_time();
    CHECK(!w.has_ended);
    for (int i = 0; i < 15; i++)
        CHECK(read(ends[0], bytes, sizeof bytes) > 0);
    CHECK(ends_with(&w, f, OK));
    close(ends[0]);
    close(ends[1]);
}

TEST(a_wait_ends_at_its_deadline_and_when_its_fiber_is_cancelled)
{
    int ends[2];
    nanoseconds end = time_after(3 * MILLISECOND);
    struct one w = {.deadline = end}, c = {.deadline = FOREVER};
    struct fiber *f;

    CHECK(pipe(ends) == 0);
    w.fd = c.fd = ends[0];
    CHECK(ends_with(&w, start(&w), ERR_TIMEOUT));
    CHECK(time_now() >= end);
    f = start(&c);
    fiber_cancel(f);
    CHECK(ends_with(&c, f, ERR_CANCELLED));
    CHECK(!events_are_awaited());
    close(ends[0]);
    close(ends[1]);
}

TEST(a_regular_file_and_an_end_are_ready_at_once)
{
    int ends[2];
    struct one file = {.deadline = FOREVER}, ended = {.deadline = FOREVER};

    file.fd = open("/proc/self/exe", O_RDONLY);
    CHECK(ends_with(&file, start(&file), OK));
    close(file.fd);
    CHECK(pipe(ends) == 0);
    close(ends[1]);
    ended.fd = ends[0];
    CHECK(ends_with(&ended, start(&ended), OK));
    close(ends[0]);
}

TEST(many_fibers_wait_each_for_its_own)
{
    static int ends[MANY][2];
    static struct one w[MANY];
    static struct fiber *f[MANY];

    for (int i = 0; i < MANY; i++) {
        CHECK(pipe(ends[i]) == 0);
        w[i] = (struct one){.fd = ends[i][0], .deadline = FOREVER};
        f[i] = start(&w[i]);
    }
    CHECK(write(ends[50][1], "x", 1) == 1);
    CHECK(ends_with(&w[50], f[50], OK));
    CHECK(write(ends[0][1], "x", 1) == 1);
    CHECK(ends_with(&w[0], f[0], OK));
    for (int i = 1; i < MANY; i++)
        CHECK(w[i].has_ended == (i == 50));
    for (int i = 1; i < MANY; i++)
        CHECK(write(ends[i][1], "x", 1) == 1);
    for (int i = 1; i < MANY; i++) {
        if (i != 50)
            CHECK(ends_with(&w[i], f[i], OK));
        close(ends[i][0]);
        close(ends[i][1]);
    }
    close(ends[0][0]);
    close(ends[0][1]);
}

static struct events_watch watch;
static int watched; /* times that the wait has ended */

static void wait_for_watch(void *ctx)
{
    (void)ctx;
    while (events_watch_wait(&watch) == OK)
        watched++;
}

TEST(a_watch_reports_what_has_arrived_since_the_last_wait)
{
    int ends[2];
    char byte;
    struct fiber *f = NULL;

    CHECK(pipe(ends) == 0);
    events_watch(&watch, ends[0]);
    CHECK(fiber_spawn(NULL, wait_for_watch, NULL, &f) == OK);
    pass_time();
    CHECK(watched == 0);
    for (int i = 1; i <= 3; i++) {
        nanoseconds end = time_after(20 * SECOND);

        CHECK(write(ends[1], "x", 1) == 1);
        while (watched < i && time_now() < end)
            (void)time_sleep(MILLISECOND / 10);
        CHECK(watched >= i);
        CHECK(read(ends[0], &byte, 1) == 1);
        watched = i;
    }
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    events_watch_end(&watch);
    CHECK(!events_are_awaited());
    close(ends[0]);
    close(ends[1]);
}

/* Notices of three sockets. */
static struct noticed {
    struct events_watch watch;
    int fd, peer;
    unsigned kinds; /* all that were reported */
    unsigned times;
} noticed[3];

static void on_notice(struct events_watch *w, unsigned kinds)
{
    struct noticed *n = (struct noticed *)(void *)w;

    CHECK(kinds != 0);
    n->kinds |= kinds;
    n->times++;
}

static void await_kinds(const struct noticed *n, unsigned kinds)
{
    nanoseconds end = time_after(20 * SECOND);

    while ((n->kinds & kinds) != kinds && time_now() < end)
        (void)time_sleep(MILLISECOND / 10);
    CHECK((n->kinds & kinds) == kinds);
}

static void notice(struct noticed *n)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    *n = (struct noticed){.fd = ends[0], .peer = ends[1]};
    CHECK(events_notify(&n->watch, n->fd, on_notice) == OK);
}

static void forget(struct noticed *n)
{
    events_unwatch(&n->watch);
    close(n->fd);
    close(n->peer);
}

TEST(a_notice_is_given_of_what_a_descriptor_is_ready_for)
{
    struct noticed *n = &noticed[0];
    char byte;

    notice(n);
    CHECK(events_are_awaited());
    await_kinds(n, EVENTS_WRITE);
    CHECK(n->kinds == EVENTS_WRITE);
    n->kinds = 0;
    CHECK(write(n->peer, "x", 1) == 1);
    await_kinds(n, EVENTS_READ);
    CHECK(!(n->kinds & EVENTS_BROKEN));
    n->kinds = 0;
    CHECK(read(n->fd, &byte, 1) == 1 && read(n->fd, &byte, 1) < 0);
    events_await(&n->watch, EVENTS_READ);
    pass_time();
    CHECK(!(n->kinds & EVENTS_READ));
    CHECK(write(n->peer, "y", 1) == 1);
    await_kinds(n, EVENTS_READ);
    forget(n);
    CHECK(!events_are_awaited());
}

/* The peer ends its side, and then the connection. */
TEST(an_end_can_be_read_and_a_broken_descriptor_is_ready_for_all)
{
    struct noticed *n = &noticed[0];

    notice(n);
    await_kinds(n, EVENTS_WRITE);
    n->kinds = 0;
    CHECK(shutdown(n->peer, SHUT_WR) == 0);
    await_kinds(n, EVENTS_READ);
    CHECK(!(n->kinds & EVENTS_BROKEN));
    n->kinds = 0;
    close(n->peer);
    n->peer = -1;
    await_kinds(n, EVENTS_READ | EVENTS_WRITE | EVENTS_BROKEN);
    forget(n);
}

TEST(what_was_reported_is_not_reported_again_at_once)
{
    struct noticed *n = &noticed[0];
    unsigned times;

    notice(n);
    CHECK(write(n->peer, "x", 1) == 1);
    await_kinds(n, EVENTS_READ | EVENTS_WRITE);
    times = n->times;
    for (int i = 0; i < 5; i++)
        pass_time();
    CHECK(n->times == times);
    forget(n);
}

TEST(room_is_noticed_when_the_peer_has_read)
{
    struct noticed *n = &noticed[0];
    static char bytes[65536];

    notice(n);
    await_kinds(n, EVENTS_WRITE);
    while (write(n->fd, bytes, sizeof bytes) > 0)
        ;
    n->kinds = 0;
    events_await(&n->watch, EVENTS_WRITE);
    pass_time();
    CHECK(n->kinds == 0);
    while (read(n->peer, bytes, sizeof bytes) > 0)
        ;
    await_kinds(n, EVENTS_WRITE);
    forget(n);
}

/* In any order: the others are still reported. */
TEST(a_watch_that_ends_leaves_the_others)
{
    for (int first = 0; first < 3; first++) {
        for (int i = 0; i < 3; i++)
            notice(&noticed[i]);
        for (int i = 0; i < 3; i++)
            await_kinds(&noticed[i], EVENTS_WRITE);
        forget(&noticed[first]);
        for (int i = 0; i < 3; i++)
            if (i != first) {
                CHECK(write(noticed[i].peer, "x", 1) == 1);
                await_kinds(&noticed[i], EVENTS_READ);
            }
        forget(&noticed[(first + 1) % 3]);
        CHECK(events_are_awaited());
        forget(&noticed[(first + 2) % 3]);
        CHECK(!events_are_awaited());
    }
}

/* Fibers that wait and notices, of one call of the kernel. */
TEST(fibers_and_notices_are_served_side_by_side)
{
    int ends[2];
    struct one w = {.deadline = FOREVER};
    struct fiber *f;

    CHECK(pipe(ends) == 0);
    w.fd = ends[0];
    f = start(&w);
    notice(&noticed[0]);
    await_kinds(&noticed[0], EVENTS_WRITE);
    CHECK(!w.has_ended);
    CHECK(write(noticed[0].peer, "x", 1) == 1);
    await_kinds(&noticed[0], EVENTS_READ);
    CHECK(!w.has_ended);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(ends_with(&w, f, OK));
    forget(&noticed[0]);
    close(ends[0]);
    close(ends[1]);
}

/* The kernel may add a thousandth. */
TEST(of_a_long_time_less_is_asked_for)
{
    CHECK(events_shorten(0) == 0);
    CHECK(events_shorten(50 * MILLISECOND) == 50 * MILLISECOND);
    CHECK(events_shorten(256 * SECOND) == 255 * SECOND);
    CHECK(events_shorten(FOREVER) == FOREVER);
}
