/* SPDX-License-Identifier: ISC */
/* The calls of flow.h, by a driver that notes what it is asked for. */
#include "panics.h"
#include <mirage/time.h>
#define time_now tested_now
static nanoseconds tested_now(void);
#include "flow.c"
#undef time_now
#include "check.h"

static nanoseconds now;

static nanoseconds tested_now(void)
{
    return now;
}

/* What the driver was asked for, the deadline, and what it answers. */
static char asked[64];
static nanoseconds asked_deadline;
static enum status answer;
static struct span asked_spans[3];
static unsigned pieces_left; /* that the peer sends before its end */
static nanoseconds each; /* time that passes before a piece arrives */
static struct flow_options kept;
static flow_event_handler *handler;
static void *handler_ctx;

static struct flow flow;

static void note(struct flow *f, const char *call)
{
    CHECK(f == &flow);
    strcat(asked, call);
}

static enum status fake_read(struct flow *f, struct buf **data,
                             nanoseconds deadline)
{
    note(f, "r");
    asked_deadline = deadline;
    now += each;
    if (pieces_left == 0)
        return answer;
    pieces_left--;
    *data = buf_new(0);
    CHECK(*data);
    return OK;
}

static enum status fake_write(struct flow *f, const struct span *spans,
                              size_t count, nanoseconds deadline)
{
    note(f, "w");
    asked_deadline = deadline;
    CHECK(count <= 3);
    memcpy(asked_spans, spans, count * sizeof *spans);
    for (size_t i = count; i < 3; i++)
        asked_spans[i] = (struct span){NULL, 0};
    return answer;
}

static enum status fake_write_bufs(struct flow *f, struct buf *data,
                                   nanoseconds deadline)
{
    note(f, "b");
    asked_deadline = deadline;
    buf_free(data);
    return answer;
}

static void fake_shutdown(struct flow *f, enum flow_side sides)
{
    static const char *const names[] = {"0", "sr", "sw", "sb"};

    note(f, names[sides & 3]);
}

static void fake_abort(struct flow *f)
{
    note(f, "a");
}

static void fake_close(struct flow *f)
{
    note(f, "c");
}

static struct endpoint fake_local(const struct flow *f)
{
    CHECK(f == &flow);
    return (struct endpoint){ipv4_address(10, 0, 0, 1), 80};
}

static struct endpoint fake_peer(const struct flow *f)
{
    CHECK(f == &flow);
    return (struct endpoint){ipv4_address(10, 0, 0, 2), 5000};
}

static void fake_options(const struct flow *f, struct flow_options *options)
{
    CHECK(f == &flow);
    *options = kept;
}

static void fake_set_options(struct flow *f,
                             const struct flow_options *options)
{
    note(f, "o");
    kept = *options;
}

static void fake_on_event(struct flow *f, flow_event_handler *fn, void *ctx)
{
    note(f, "e");
    handler = fn;
    handler_ctx = ctx;
}

static size_t fake_room(struct flow *f)
{
    note(f, "m");
    return 4321;
}

static const struct flow_ops fake_ops = {
    .read = fake_read,
    .write = fake_write,
    .write_bufs = fake_write_bufs,
    .shutdown = fake_shutdown,
    .abort = fake_abort,
    .close = fake_close,
    .local = fake_local,
    .peer = fake_peer,
    .options = fake_options,
    .set_options = fake_set_options,
    .on_event = fake_on_event,
    .room = fake_room,
};

static void begin(enum status s)
{
    static bool reserved;

    if (!reserved)
        CHECK(buf_reserve(4) == OK);
    reserved = true;
    flow = (struct flow){.ops = &fake_ops};
    asked[0] = '\0';
    answer = s;
    pieces_left = 0;
    each = 0;
    now = 1000;
}

TEST(reads_and_writes_reach_the_driver_with_their_deadline)
{
    struct span two[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}};
    struct buf *b;

    begin(ERR_RESET);
    CHECK(flow_read(&flow, &b, 77) == ERR_RESET && asked_deadline == 77);
    CHECK(flow_write(&flow, "text", 4, 78) == ERR_RESET);
    CHECK(asked_deadline == 78);
    CHECK(asked_spans[0].len == 4 && asked_spans[1].len == 0);
    CHECK(memcmp(asked_spans[0].data, "text", 4) == 0);
    CHECK(flow_write_spans(&flow, two, 2, 79) == ERR_RESET);
    CHECK(asked_deadline == 79);
    CHECK(asked_spans[0].len == 2 && asked_spans[1].data == two[1].data);
    CHECK(flow_write_bufs(&flow, buf_new(0), 80) == ERR_RESET);
    CHECK(asked_deadline == 80);
    CHECK_TEXT(asked, "rwwb");
}

static void on_event(void *ctx, struct flow *f, unsigned events)
{
    (void)ctx, (void)f, (void)events;
}

TEST(the_other_calls_reach_the_driver)
{
    struct flow_options o = {.keepalive_probes = 9};
    int place;

    begin(OK);
    flow_shutdown(&flow, FLOW_READING);
    flow_shutdown(&flow, FLOW_WRITING);
    flow_shutdown(&flow, FLOW_BOTH);
    flow_abort(&flow);
    flow_set_options(&flow, &o);
    flow_options(&flow, &o);
    flow_on_event(&flow, on_event, &place);
    CHECK(flow_room(&flow) == 4321);
    flow_close(&flow);
    CHECK_TEXT(asked, "srswsbaoemc");
    CHECK(kept.keepalive_probes == 9 && o.keepalive_probes == 9);
    CHECK(handler == on_event && handler_ctx == &place);
    CHECK(flow_local(&flow).port == 80 && flow_peer(&flow).port == 5000);
}

TEST(flow_finish_reads_to_the_peers_end_and_closes)
{
    begin(ERR_EOF);
    pieces_left = 3;
    CHECK(flow_finish(&flow, FOREVER) == OK);
    CHECK_TEXT(asked, "swrrrrc");
    CHECK(asked_deadline == FOREVER);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(flow_finish_returns_why_the_peer_has_not_finished_and_closes)
{
    begin(ERR_RESET);
    pieces_left = 1;
    CHECK(flow_finish(&flow, 2000) == ERR_RESET);
    CHECK_TEXT(asked, "swrrc");
    CHECK(asked_deadline == 2000);
    begin(ERR_TIMEOUT);
    CHECK(flow_finish(&flow, 0) == ERR_TIMEOUT);
    CHECK_TEXT(asked, "swrc");
}

TEST(flow_finish_ends_at_its_deadline_though_the_peer_goes_on_sending)
{
    begin(ERR_EOF);
    pieces_left = 1000;
    each = 100;
    CHECK(flow_finish(&flow, 1300) == ERR_TIMEOUT);
    CHECK_TEXT(asked, "swrrrc");
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_flow_has_two_sides_and_is_not_closed_by_its_handler)
{
    begin(OK);
    CHECK(PANICS(flow_shutdown(&flow, (enum flow_side)4)));
    CHECK(PANICS(flow_shutdown(&flow, (enum flow_side)7)));
    flow.is_handlers = true;
    CHECK(PANICS(flow_close(&flow)));
    CHECK(strstr(panics_text, "flow_shutdown or flow_abort ends it earlier"));
    CHECK_TEXT(asked, "");
}

TEST(flow_finish_leaves_a_handlers_flow_to_the_stack)
{
    begin(ERR_EOF);
    flow.is_handlers = true;
    CHECK(flow_finish(&flow, FOREVER) == OK);
    CHECK_TEXT(asked, "swr");
}
