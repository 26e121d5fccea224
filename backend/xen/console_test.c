/* SPDX-License-Identifier: ISC */
/* Xen's console ring, with a reader that is quick, slow, faulty or gone. */
#include "console.h"
#include "guest.h"
#include <fake/fake_check.h>
#include <mirage/log.h>

#define WRITERS 4
#define LINES   200

LOG_SOURCE(test);

static struct console *console;

static void connect(void)
{
    connected(console_xen_connect("0", &console), "console");
}

static struct fiber *spawn(fiber_fn *fn, void *ctx)
{
    struct fiber *f;

    if (fiber_spawn(NULL, fn, ctx, &f) != OK)
        panic("no fiber");
    return f;
}

static void join(struct fiber *f)
{
    CHECK(fiber_join(f, FOREVER) == OK);
}

/* Lines of all lengths, some of them longer than the ring's 2 KiB. */
static void make_line(char line[4096], unsigned writer, unsigned number)
{
    size_t more = number % 50 == 49 ? 3000 : number % 70;
    int len = sprintf(line, "writer %u line %u ", writer, number);

    memset(line + len, 'a' + (int)writer, more);
    line[(size_t)len + more] = '\0';
}

static void write_lines(void *ctx)
{
    unsigned writer = (unsigned)(uintptr_t)ctx;
    char line[4096];

    for (unsigned i = 0; i < LINES; i++) {
        make_line(line, writer, i);
        console_log(console, "%s", line);
    }
}

/* Each line of the output is the next one of its writer. */
static void check_lines(unsigned reason)
{
    unsigned next[WRITERS] = {0};
    char wanted[4096];
    const char *at = console_text();

    CHECK(reason == 0);
    for (size_t left = (size_t)WRITERS * LINES; left > 0; left--) {
        const char *end = strchr(at, '\n');
        unsigned writer = 0;
        size_t len;

        if (!end || sscanf(at, "writer %u ", &writer) != 1 ||
            writer >= WRITERS)
            fake_fail("%zu lines are missing, before: %.50s", left, at);
        make_line(wanted, writer, next[writer]++);
        len = strlen(wanted);
        if ((size_t)(end - at) != len || memcmp(at, wanted, len) != 0)
            fake_fail("found %.*s\nwanted %s", (int)(end - at), at, wanted);
        at = end + 1;
    }
    CHECK_TEXT(at, "");
}

static void write_from_several_fibers(void)
{
    struct fiber *f[WRITERS];

    connect();
    fake.ended = check_lines;
    for (uintptr_t i = 0; i < WRITERS; i++)
        f[i] = spawn(write_lines, (void *)i);
    for (int i = 0; i < WRITERS; i++)
        join(f[i]);
}

TEST(all_lines_arrive_at_a_reader_that_takes_all_there_is)
{
    write_from_several_fibers();
}

TEST(all_lines_arrive_at_a_reader_on_another_processor)
{
    fake.at_once = true;
    write_from_several_fibers();
}

TEST(all_lines_arrive_at_a_reader_that_takes_single_bytes)
{
    consoled.reads = one_byte;
    write_from_several_fibers();
}

TEST(all_lines_arrive_at_a_reader_that_takes_odd_amounts)
{
    consoled.reads = odd_bytes;
    consoled.every = 3 * MILLISECOND;
    write_from_several_fibers();
}

static void check_log_lines(unsigned reason)
{
    const char *at = console_text(), *end;
    int lines = 0, logged = 0;

    CHECK(reason == 0);
    for (; (end = strchr(at, '\n')) != NULL; at = end + 1)
        if (strstr(at, "tick") && strstr(at, "tick") < end)
            logged += *at == '[';
        else
            lines += end - at == 300 && *at == 'x';
    CHECK(lines == 100);
    CHECK(logged > 10);
}

static void tick(void *ctx)
{
    (void)ctx;
    while (time_sleep(MILLISECOND) == OK)
        log_error(&test, "tick");
}

TEST(a_log_line_does_not_interrupt_another_line)
{
    char line[301];

    memset(line, 'x', 300);
    line[300] = '\0';
    connect();
    consoled.reads = odd_bytes;
    consoled.every = 3 * MILLISECOND;
    fake.ended = check_log_lines;
    CHECK(fiber_start(tick, NULL) == OK);
    for (int i = 0; i < 100; i++)
        console_log(console, "%s", line);
}

static size_t stop_for_a_minute(void)
{
    static unsigned reads;

    if (++reads % 5 == 0)
        consoled.asleep_until = fake.now + 60 * SECOND;
    return 1000;
}

TEST(all_lines_arrive_at_a_reader_that_stops_for_a_while)
{
    consoled.reads = stop_for_a_minute;
    write_from_several_fibers();
}

/* One notification for each full ring, and a few for pauses. */
static void check_notifications(unsigned reason)
{
    check_lines(reason);
    if (consoled.notified > consoled.len / 1500 + 5)
        fake_fail("%u notifications for %zu bytes", consoled.notified,
                  consoled.len);
}

TEST(the_reader_is_notified_of_full_rings_and_not_of_each_line)
{
    write_from_several_fibers();
    fake.ended = check_notifications;
}

/* Logs 20,000 lines in 2 s, without idling. */
static void write_while_busy(void *ctx)
{
    const bool *done = ctx;

    while (!*done) {
        fake_work(100 * MICROSECOND);
        console_write(console, ".\n", 2);
    }
}

/* xenconsoled ignores a guest for a while after 30 notifications in 200 ms. */
TEST(an_image_that_never_idles_notifies_the_reader_at_intervals)
{
    bool done = false;
    struct fiber *f;
    size_t len;

    connect();
    fake.at_once = true;
    f = spawn(write_while_busy, &done);
    CHECK(time_sleep(2 * SECOND) == OK);
    len = consoled.len;
    CHECK(len > 3 * 19000);
    CHECK(consoled.notified < 2000 / 200 * 30);
    CHECK(consoled.notified > 20);
    done = true;
    join(f);
}

static void be_busy(void *ctx)
{
    const bool *done = ctx;

    while (!*done) {
        fake_work(20 * MICROSECOND);
        (void)fiber_yield();
    }
}

TEST(the_reader_is_notified_of_a_full_ring_while_the_image_is_busy)
{
    bool done = false;
    nanoseconds before = time_now();
    struct fiber *f;

    connect();
    fake.at_once = true;
    f = spawn(be_busy, &done);
    for (int i = 0; i < 1000; i++)
        console_log(console, "%0200d", i);
    CHECK(time_now() - before < 100 * MILLISECOND);
    CHECK(consoled.notified < 300);
    done = true;
    join(f);
}

TEST(a_line_before_a_pause_costs_one_notification)
{
    connect();
    for (int i = 0; i < 100; i++) {
        console_log(console, "line");
        log_error(&test, "another");
        CHECK(time_sleep(SECOND) == OK);
    }
    CHECK(consoled.notified == 100);
}

static const char input[] =
    "one\rtwo\n\r\nthe third line is a longer one, and it goes on and on\r";

TEST(input_in_odd_pieces_is_read_by_line)
{
    char line[100];

    connect();
    consoled.types = odd_bytes;
    consoled.types_every = 20 * MILLISECOND;
    console_type(input);
    CHECK(console_read_line(console, line, sizeof line) == OK);
    CHECK_TEXT(line, "one");
    CHECK(console_read_line(console, line, sizeof line) == OK);
    CHECK_TEXT(line, "two");
    for (int i = 0; i < 2; i++) {
        CHECK(console_read_line(console, line, sizeof line) == OK);
        CHECK_TEXT(line, "");
    }
    CHECK(console_read_line(console, line, sizeof line) == OK);
    CHECK_TEXT(line,
               "the third line is a longer one, and it goes on and on");
}

/* Much more than the ring holds, so that it is full and wraps. */
static void read_much(amount *types)
{
    static char much[50000];
    size_t len = 0;

    connect();
    for (size_t i = 0; i < sizeof much - 1; i++)
        much[i] = (char)(' ' + i % 90);
    consoled.types = types;
    console_type(much);
    while (len < sizeof much - 1) {
        char data[300];
        size_t got = 0;
        enum status s = console_read(console, data, 1 + len % sizeof data,
                                     &got);

        if (s != OK || got == 0 || got > sizeof much - 1 - len ||
            memcmp(data, much + len, got) != 0)
            fake_fail("%s, %zu bytes at %zu are wrong", status_text(s), got,
                      len);
        len += got;
    }
}

TEST(much_input_arrives_whole)
{
    read_much(all_bytes);
}

TEST(much_input_in_odd_pieces_arrives_whole)
{
    read_much(odd_bytes);
}

static void read_word(void *ctx)
{
    CHECK(console_read_line(console, ctx, 100) == OK);
}

static void try_to_read(void *ctx)
{
    char byte;
    size_t got;

    *(enum status *)ctx = console_read(console, &byte, 1, &got);
}

TEST(a_fiber_that_waits_for_input_can_be_cancelled)
{
    enum status s = OK;
    struct fiber *f;

    connect();
    f = spawn(try_to_read, &s);
    CHECK(time_sleep(SECOND) == OK);
    fiber_cancel(f);
    join(f);
    CHECK(s == ERR_CANCELLED);
}

TEST(there_is_one_console)
{
    CHECK(console_xen_connect("1", &console) == ERR_NOT_FOUND);
}

static void fill_the_log(unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        log_error(&test, "%03u %0200d", i, 0);
}

static void check_log(unsigned lines)
{
    const char *at = console_text();

    for (unsigned i = 0; i < lines; i++) {
        char wanted[20];

        sprintf(wanted, "test: %03u 0", i);
        at = strstr(at, wanted);
        if (!at)
            fake_fail("log line %u is missing", i);
    }
}

TEST(log_lines_wait_for_a_slow_reader)
{
    consoled.asleep_until = fake.now + 3 * SECOND;
    fill_the_log(100);
    CHECK(time_now() > 2 * SECOND);
    CHECK(time_sleep(SECOND) == OK);
    check_log(100);
}

/* Other events do not show that the reader is alive. */
static void spurious_event(void)
{
    fake_event(CONSOLE_PORT);
    fake_after(100 * MILLISECOND, spurious_event);
}

TEST(log_lines_wait_for_a_slow_reader_despite_other_events)
{
    consoled.asleep_until = fake.now + 3 * SECOND;
    spurious_event();
    fill_the_log(100);
    CHECK(time_sleep(SECOND) == OK);
    check_log(100);
}

TEST(the_image_waits_only_once_for_a_reader_that_is_gone)
{
    nanoseconds before = time_now();

    consoled.reads = NULL;
    fill_the_log(1000);
    CHECK(time_now() - before > 4 * SECOND);
    CHECK(time_now() - before < 6 * SECOND);
}

TEST(a_reader_that_comes_back_gets_the_output_from_then_on)
{
    consoled.reads = NULL;
    fill_the_log(100);
    consoled.reads = all_bytes;
    CHECK(time_sleep(SECOND) == OK);
    log_error(&test, "here we are");
    log_error(&test, "again");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(strstr(console_text(), "here we are\n"));
    CHECK(strstr(console_text(), "again\n"));
}

static void count_seconds(void *ctx)
{
    for (int i = 0; i < 100; i++)
        if (time_sleep(SECOND) == OK)
            ++*(int *)ctx;
}

TEST(other_fibers_run_while_one_waits_for_a_reader_that_is_gone)
{
    int seconds = 0;
    struct fiber *writer, *counter;

    connect();
    consoled.reads = NULL;
    fake.ended = check_lines;
    writer = spawn(write_lines, (void *)0);
    counter = spawn(count_seconds, &seconds);
    join(counter);
    CHECK(seconds == 100);
    CHECK(fiber_join(writer, time_after(SECOND)) == ERR_TIMEOUT);
    consoled.reads = all_bytes;
    join(writer);
    for (uintptr_t i = 1; i < WRITERS; i++)
        join(spawn(write_lines, (void *)i));
}

/* Output space and input have one event: logging must not consume it. */
TEST(input_that_arrives_while_the_log_waits_is_read)
{
    char line[100] = "";
    struct fiber *f;

    connect();
    f = spawn(read_word, line);
    CHECK(time_sleep(SECOND) == OK);
    consoled.reads = NULL;
    console_type("word\n");
    fill_the_log(100);
    CHECK(fiber_join(f, time_after(SECOND)) == OK);
    CHECK_TEXT(line, "word");
}

static const uint32_t places[] = {0, 1, 1023, 1024, 1025, 2047, 2048, 2049,
                                  4096, 0x7fffffff, 0x80000000, 0xfffff800,
                                  0xffffffff};

/* Sets each of the indices to impossible values. */
static void spoil(void)
{
    static unsigned at;
    volatile XENCONS_RING_IDX *index[] = {
        &consoled.ring->out_cons, &consoled.ring->in_prod,
        &consoled.ring->out_prod, &consoled.ring->in_cons};
    unsigned count = sizeof places / sizeof places[0];

    if (at == 4 * count)
        return;
    *index[at / count] += places[at % count];
    at++;
    fake_event(CONSOLE_PORT);
    fake_after(10 * MILLISECOND, spoil);
}

static void read_whatever_comes(void *ctx)
{
    char data[100];
    size_t got = 1;
    enum status s;

    (void)ctx;
    while ((s = console_read(console, data, sizeof data, &got)) == OK)
        CHECK(got > 0 && got <= sizeof data);
    CHECK(s == ERR_CANCELLED);
}

static void write_now_and_then(void *ctx)
{
    for (int i = 0; i < 500; i++) {
        console_log(console, "%0*d", i % 200, i);
        log_error(&test, "%0*d", i % 200, i);
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    }
    *(bool *)ctx = true;
}

TEST(impossible_ring_indices_do_no_harm)
{
    bool done = false;
    struct fiber *reader, *writer;

    connect();
    reader = spawn(read_whatever_comes, NULL);
    writer = spawn(write_now_and_then, &done);
    spoil();
    CHECK(fiber_join(writer, time_after(60 * SECOND)) == OK);
    CHECK(done);
    fiber_cancel(reader);
    join(reader);
    consoled.ring->out_cons = consoled.ring->out_prod;
    console_log(console, "good again");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(strstr(console_text(), "good again\n"));
}

TEST(input_beyond_the_ring_is_not_read)
{
    char line[100] = "";
    struct fiber *f;

    connect();
    consoled.ring->in_prod = 0x10000;
    f = spawn(read_word, line);
    CHECK(time_sleep(SECOND) == OK);
    console_type("word\n");
    CHECK(fiber_join(f, time_after(SECOND)) == OK);
    CHECK_TEXT(line, "word");
}

/* The reader lowers its index in a full ring. */
static void go_back_and_forth(void)
{
    consoled.ring->out_cons = consoled.ring->out_prod -
                              sizeof consoled.ring->out +
                              (fake.now / SECOND & 1);
    fake_event(CONSOLE_PORT);
    fake_after(SECOND, go_back_and_forth);
}

static void check_end(unsigned reason)
{
    CHECK(reason == 0);
    CHECK(time_now() < 120 * SECOND);
}

TEST(a_reader_whose_index_goes_back_does_not_block_the_image)
{
    consoled.reads = NULL;
    fill_the_log(10);
    go_back_and_forth();
    log_error(&test, "we go on");
    fake.ended = check_end;
}
