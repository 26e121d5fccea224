/* SPDX-License-Identifier: ISC */
/* The xenstore client, with a store that is slow, refuses, or is hostile. */
#include "xenstore.h"
#include <fake/fake_check.h>

static struct fiber *spawn(fiber_fn *fn, void *ctx)
{
    struct fiber *f;

    if (fiber_spawn(NULL, fn, ctx, &f) != OK)
        panic("no fiber");
    return f;
}

static void join(struct fiber *f)
{
    CHECK(fiber_join(f, time_after(60 * SECOND)) == OK);
}

static void check_read(const char *path, const char *wanted)
{
    char value[XENSTORE_PAYLOAD_MAX + 1] = "";

    CHECK(xenstore_read(path, value, sizeof value) == OK);
    CHECK_TEXT(value, wanted);
}

static enum status read_of(const char *path)
{
    char value[16];

    return xenstore_read(path, value, sizeof value);
}

TEST(a_written_value_is_read_back)
{
    store_set("name", "a name");
    check_read("name", "a name");
    CHECK(xenstore_write("name", "another") == OK);
    CHECK_TEXT(store_get("name"), "another");
    check_read("name", "another");
    CHECK(xenstore_write("name", "") == OK);
    check_read("name", "");
    CHECK(xenstore_write("new/path", "value") == OK);
    check_read("new/path", "value");
    CHECK(stored.requests == 7);
}

TEST(a_request_costs_one_notification_and_its_reply_another)
{
    store_set("name", "a name");
    for (int i = 0; i < 100; i++)
        check_read("name", "a name");
    CHECK(stored.notified <= 200);
}

TEST(errors_are_told_apart)
{
    store_refuse("secret", "EACCES");
    store_refuse("full", "ENOSPC");
    store_refuse("odd", "EINVAL");
    store_refuse("new", "EWHATEVER");
    store_refuse("empty", "");
    CHECK(read_of("none") == ERR_NOT_FOUND);
    CHECK(read_of("secret") == ERR_NOT_FOUND);
    CHECK(xenstore_write("secret", "x") == ERR_PERMISSION);
    CHECK(xenstore_write("full", "x") == ERR_NO_SPACE);
    CHECK(xenstore_write("odd", "x") == ERR_IO);
    CHECK(read_of("odd") == ERR_IO);
    CHECK(read_of("new") == ERR_IO);
    CHECK(read_of("empty") == ERR_IO);
    store_set("good", "as before");
    check_read("good", "as before");
}

TEST(a_value_that_just_fits_is_read_and_a_longer_one_is_not)
{
    char value[8] = "before";

    store_set("seven", "1234567");
    store_set("eight", "12345678");
    CHECK(xenstore_read("eight", value, sizeof value) == ERR_RANGE);
    CHECK_TEXT(value, "before");
    CHECK(xenstore_read("seven", value, sizeof value) == OK);
    CHECK_TEXT(value, "1234567");
    CHECK(xenstore_read("none", value, sizeof value) == ERR_NOT_FOUND);
    CHECK_TEXT(value, "1234567");
}

/* Four times what the rings hold. */
static void move_the_longest_values(void)
{
    static char value[XENSTORE_PAYLOAD_MAX + 1];

    for (size_t i = 0; i < XENSTORE_PAYLOAD_MAX; i++)
        value[i] = (char)(' ' + i % 90);
    store_set("longest", value);
    check_read("longest", value);
    value[XENSTORE_PAYLOAD_MAX - sizeof "short"] = '\0';
    CHECK(xenstore_write("short", value) == OK);
    check_read("short", value);
}

TEST(the_longest_values_go_through)
{
    move_the_longest_values();
}

TEST(the_longest_values_go_through_in_single_bytes)
{
    stored.sends = one_byte;
    move_the_longest_values();
}

TEST(the_longest_values_go_through_in_odd_pieces_and_slowly)
{
    stored.sends = odd_bytes;
    stored.every = 7 * MILLISECOND;
    move_the_longest_values();
}

TEST(the_longest_values_go_through_on_two_processors)
{
    fake.at_once = true;
    move_the_longest_values();
}

TEST(a_request_that_is_too_long_for_a_message_is_not_sent)
{
    static char value[XENSTORE_PAYLOAD_MAX + 1];

    memset(value, 'x', sizeof value - 1);
    CHECK(xenstore_write("name", value) == ERR_RANGE);
    CHECK(stored.requests == 0);
    CHECK(read_of("name") == ERR_NOT_FOUND);
}

static void read_own_names(void *ctx)
{
    char path[20], wanted[20];

    sprintf(path, "fiber/%d", (int)(intptr_t)ctx);
    for (int i = 0; i < 50; i++) {
        sprintf(wanted, "%d of %d", i, (int)(intptr_t)ctx);
        CHECK(xenstore_write(path, wanted) == OK);
        check_read(path, wanted);
        fiber_yield();
    }
}

TEST(concurrent_requests_get_their_own_replies)
{
    struct fiber *f[5];

    stored.sends = odd_bytes;
    for (intptr_t i = 0; i < 5; i++)
        f[i] = spawn(read_own_names, (void *)i);
    for (int i = 0; i < 5; i++)
        join(f[i]);
    CHECK(stored.requests == 500);
}

static void read_name(void *ctx)
{
    check_read("name", "a name");
    *(bool *)ctx = fiber_is_cancelled();
}

TEST(a_cancelled_fiber_finishes_its_request)
{
    bool cancelled[2] = {false, false};
    struct fiber *f[2];

    store_set("name", "a name");
    stored.sends = one_byte;
    stored.every = 10 * MILLISECOND;
    for (int i = 0; i < 2; i++)
        f[i] = spawn(read_name, &cancelled[i]);
    CHECK(time_sleep(30 * MILLISECOND) == OK);
    fiber_cancel(f[0]); /* waits for its reply */
    fiber_cancel(f[1]); /* waits for the first to finish */
    for (int i = 0; i < 2; i++) {
        join(f[i]);
        CHECK(cancelled[i]);
    }
    check_read("name", "a name");
}

static bool changes_within(struct xenstore_watch *w, nanoseconds length)
{
    nanoseconds end = time_after(length);

    while (!w->changed && time_now() < end)
        CHECK(time_sleep(MILLISECOND) == OK);
    return w->changed && xenstore_wait(w, FOREVER) == OK;
}

TEST(a_watch_reports_each_change_once)
{
    static struct xenstore_watch w = {.path = "dir"};

    CHECK(xenstore_watch(&w) == OK);
    CHECK(changes_within(&w, SECOND));
    CHECK(!changes_within(&w, SECOND));
    store_set("dir", "x");
    CHECK(changes_within(&w, SECOND));
    store_set("dir/below", "x");
    store_set("dir/below", "y");
    CHECK(changes_within(&w, SECOND));
    CHECK(!changes_within(&w, SECOND));
    store_set("dirt", "x");
    CHECK(!changes_within(&w, SECOND));
    store_set("dir", NULL);
    CHECK(changes_within(&w, SECOND));
}

TEST(each_watch_reports_its_own_changes)
{
    static struct xenstore_watch w[3] = {
        {.path = "a"}, {.path = "b"}, {.path = "a/c"}};

    for (int i = 0; i < 3; i++) {
        CHECK(xenstore_watch(&w[i]) == OK);
        CHECK(changes_within(&w[i], SECOND));
    }
    store_set("b", "x");
    CHECK(changes_within(&w[1], SECOND));
    CHECK(!w[0].changed && !w[2].changed);
    store_set("a/c", "x");
    CHECK(changes_within(&w[0], SECOND) && changes_within(&w[2], SECOND));
    CHECK(!w[1].changed);
}

TEST(a_refused_watch_is_an_error)
{
    static struct xenstore_watch w = {.path = "secret"};

    store_refuse("secret", "EACCES");
    CHECK(xenstore_watch(&w) == ERR_PERMISSION);
    store_set("name", "a name");
    check_read("name", "a name");
}

static void wait_for_watch(void *ctx)
{
    struct xenstore_watch *w = ctx;

    while (xenstore_wait(w, FOREVER) == OK)
        ;
}

TEST(waiting_for_a_watch_can_be_cancelled)
{
    static struct xenstore_watch w = {.path = "dir"};
    struct fiber *f;

    CHECK(xenstore_watch(&w) == OK);
    f = spawn(wait_for_watch, &w);
    CHECK(time_sleep(SECOND) == OK);
    fiber_cancel(f);
    join(f);
}

static struct xenstore_watch between = {.path = "dir"};

static bool change_something(const struct xsd_sockmsg *request,
                             const char *body)
{
    (void)body;
    if (request->type == XS_READ)
        store_set("dir/x", "y");
    return false;
}

/* Watch events before the reply, and one right behind it. */
static void read_between_changes(void)
{
    CHECK(xenstore_watch(&between) == OK);
    CHECK(changes_within(&between, SECOND));
    store_set("name", "a name");
    stored.on_request = change_something;
    for (int i = 0; i < 20; i++) {
        check_read("name", "a name");
        CHECK(changes_within(&between, 0));
        store_set("dir/z", "y");
    }
}

TEST(a_watch_event_before_a_reply_is_not_the_reply)
{
    read_between_changes();
}

TEST(a_watch_event_before_a_reply_in_single_bytes_is_not_the_reply)
{
    stored.sends = one_byte;
    read_between_changes();
}

static void change_everything(void)
{
    for (int i = 0; i < 500; i++)
        store_set("dir/some/thing/deep/down", "x");
}

/* More watch events than the ring holds, while other fibers send requests. */
TEST(a_flood_of_watch_events_does_not_prevent_a_reply)
{
    CHECK(xenstore_watch(&between) == OK);
    store_set("name", "a name");
    change_everything();
    check_read("name", "a name");
    CHECK(changes_within(&between, SECOND));
    fake_after(MILLISECOND, change_everything);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(changes_within(&between, 0));
    check_read("name", "a name");
}

/* A hostile message in the place of a reply. */

static struct {
    const void *bytes;
    size_t len;
} retort;

static bool say_retort(const struct xsd_sockmsg *request, const char *body)
{
    struct xsd_sockmsg header;

    (void)body;
    memcpy(&header, retort.bytes, sizeof header);
    header.req_id = request->req_id;
    store_send_raw(&header, sizeof header);
    store_send_raw((const char *)retort.bytes + sizeof header,
                   retort.len - sizeof header);
    return true;
}

static void retort_with(const void *bytes, size_t len)
{
    retort.bytes = bytes;
    retort.len = len;
    stored.on_request = say_retort;
}

static struct xenstore_watch hostile = {.path = "dir"};
static enum status waited;

static void wait_until_broken(void *ctx)
{
    (void)ctx;
    while ((waited = xenstore_wait(&hostile, FOREVER)) == OK)
        ;
}

/* From now on all calls fail, and none blocks. */
static void check_broken(struct fiber *waiting)
{
    static char value[3000];
    unsigned hypercalls = fake.hypercalls;
    enum status s = ERR_IO;
    static struct xenstore_watch w = {.path = "other"};

    for (int i = 0; i < 100 && s == ERR_IO; i++)
        s = xenstore_read("name", value, sizeof value);
    CHECK(s == ERR_IO);
    memset(value, 'x', sizeof value - 1);
    CHECK(xenstore_write("name", value) == ERR_IO);
    CHECK(xenstore_watch(&w) == ERR_IO);
    CHECK(xenstore_wait(&w, FOREVER) == ERR_IO);
    join(waiting);
    CHECK(waited == ERR_IO);
    CHECK(fake.hypercalls - hypercalls < 1000);
}

static struct fiber *watch_the_hostile(void)
{
    CHECK(xenstore_watch(&hostile) == OK);
    return spawn(wait_until_broken, NULL);
}

TEST(a_reply_that_is_too_long_ends_the_connection)
{
    struct xsd_sockmsg header = {XS_READ, 0, 0, XENSTORE_PAYLOAD_MAX + 1};
    struct fiber *f = watch_the_hostile();

    retort_with(&header, sizeof header);
    CHECK(read_of("name") == ERR_IO);
    check_broken(f);
}

TEST(an_endless_reply_ends_the_connection)
{
    struct xsd_sockmsg header = {XS_WATCH_EVENT, 0, 0, 0xffffffff};
    struct fiber *f = watch_the_hostile();

    retort_with(&header, sizeof header);
    CHECK(read_of("name") == ERR_IO);
    check_broken(f);
}

TEST(a_reply_of_another_type_is_an_error)
{
    struct xsd_sockmsg header = {XS_WRITE, 0, 0, 0};

    retort_with(&header, sizeof header);
    CHECK(read_of("name") == ERR_IO);
    stored.on_request = NULL;
    store_set("name", "a name");
    check_read("name", "a name");
}

/* A second reply to a request must not become the reply to the next. */
TEST(an_unsolicited_reply_ends_the_connection)
{
    struct fiber *f = watch_the_hostile();
    struct xsd_sockmsg headers[2] = {{XS_READ, 0, 0, 0}, {XS_READ, 0, 0, 0}};

    retort_with(headers, sizeof headers);
    (void)read_of("name");
    CHECK(time_sleep(SECOND) == OK);
    stored.on_request = NULL;
    check_broken(f);
}

/* The reply before the last, once more. */
static bool repeat_reply(const struct xsd_sockmsg *request, const char *body)
{
    static unsigned before;

    (void)body;
    if (before)
        store_send(XS_READ, before, "an old one", 10);
    before = request->req_id;
    return false;
}

TEST(a_reply_to_another_request_ends_the_connection)
{
    struct fiber *f = watch_the_hostile();

    store_set("name", "a name");
    stored.on_request = repeat_reply;
    check_read("name", "a name");
    CHECK(read_of("name") == ERR_IO);
    stored.on_request = NULL;
    check_broken(f);
}

TEST(an_error_name_without_a_nul_is_an_error)
{
    static const struct {
        struct xsd_sockmsg header;
        char text[6];
    } __attribute__((packed)) error = {{XS_ERROR, 0, 0, 6}, "ENOENT"};

    retort_with(&error, sizeof error);
    CHECK(read_of("name") == ERR_NOT_FOUND);
    CHECK(xenstore_write("name", "x") == ERR_IO ||
          xenstore_write("name", "x") == ERR_NOT_FOUND);
}

/* The reply to the next request of a type. */
static enum status list_of(const void *bytes, size_t len, char *names,
                           size_t size)
{
    static struct {
        struct xsd_sockmsg header;
        char body[XENSTORE_PAYLOAD_MAX];
    } answer;

    answer.header = (struct xsd_sockmsg){XS_DIRECTORY, 0, 0, (uint32_t)len};
    memcpy(answer.body, bytes, len);
    retort_with(&answer, sizeof answer.header + len);
    memset(names, 'x', size);
    return xenstore_list("device/vif", names, size);
}

TEST(a_list_whose_names_do_not_all_end_with_a_nul_is_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum status status;
    } lists[] = {
        {"", 0, OK},
        {"0\0"
         "1\0",
         4, OK},
        {"0\0"
         "1",
         3, ERR_FORMAT}, /* the last has no NUL */
        {"0", 1, ERR_FORMAT},
        {"\0", 1, ERR_FORMAT}, /* an empty name */
        {"0\0\0", 3, ERR_FORMAT},
        {"0\0\0"
         "1\0",
         5, ERR_FORMAT},
        {"\0"
         "0\0",
         3, ERR_FORMAT},
        {"0123456789abcd", 15, OK}, /* just fits into 16 bytes */
        {"0123456789abcde", 16, ERR_RANGE},
        {"0123456789abcde", 15, ERR_FORMAT},
    };
    char names[16];

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        size_t len = lists[i].len;

        CHECK(list_of(lists[i].bytes, len, names, sizeof names) ==
              lists[i].status);
        if (lists[i].status == OK)
            CHECK(memcmp(names, lists[i].bytes, len) == 0 && !names[len]);
        else
            CHECK(names[0] == 'x' && names[15] == 'x');
    }
}

TEST(the_longest_list_without_an_end_is_refused)
{
    static char bytes[XENSTORE_PAYLOAD_MAX], names[XENSTORE_PAYLOAD_MAX + 1];

    memset(bytes, '1', sizeof bytes);
    CHECK(list_of(bytes, sizeof bytes, names, sizeof names) == ERR_FORMAT);
    bytes[sizeof bytes - 1] = '\0';
    CHECK(list_of(bytes, sizeof bytes, names, sizeof names) == OK);
    CHECK(strlen(names) == sizeof bytes - 1 && !names[sizeof bytes]);
}

static void check_value(const char *bytes, uint32_t len, enum status wanted)
{
    struct {
        struct xsd_sockmsg header;
        char body[16];
    } answer = {.header = {XS_READ, 0, 0, len}};
    char value[16] = "before";
    uint64_t number = 7;

    memcpy(answer.body, bytes, len);
    retort_with(&answer, sizeof answer.header + len);
    CHECK(xenstore_read("name", value, sizeof value) == wanted);
    CHECK_TEXT(value, wanted == OK ? bytes : "before");
    CHECK(xenstore_number("name", &number) == wanted);
    CHECK(number == (wanted == OK ? 12 : 7));
}

TEST(a_value_with_a_nul_in_it_is_refused)
{
    check_value("12", 2, OK);
    check_value("12", 3, OK); /* some programs write the NUL, too */
    check_value("12\0"
                "4",
                4, ERR_FORMAT);
    check_value("12\0\0", 4, ERR_FORMAT);
    check_value("\0"
                "12",
                3, ERR_FORMAT);
}

static void send_event(const char *body, size_t len)
{
    store_send(XS_WATCH_EVENT, 0, body, len);
}

TEST(watch_events_with_an_unknown_token_are_ignored)
{
    static char longest[XENSTORE_PAYLOAD_MAX];
    static char token[40];

    CHECK(xenstore_watch(&hostile) == OK);
    CHECK(changes_within(&hostile, SECOND));
    memset(longest, 'f', sizeof longest);
    send_event("", 0);
    send_event("\0", 1);
    send_event("\0\0", 2);
    send_event("dir", 3);
    send_event("dir", 4);
    send_event("dir\0x", 5);
    send_event("dir\0"
               "dead",
               9);
    send_event("dir\0"
               "ffffffffffffffffffffffffffffffffffff",
               41);
    send_event("dir\0-1", 7);
    send_event(longest, sizeof longest);
    longest[1] = '\0';
    send_event(longest, sizeof longest);
    longest[sizeof longest - 1] = '\0';
    send_event(longest, sizeof longest);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(!hostile.changed);
    /* Without a NUL, but with the length of the message. */
    sprintf(token, "dir%c%s", 0, hostile.token);
    send_event(token, 4 + strlen(token + 4));
    CHECK(changes_within(&hostile, SECOND));
    store_set("name", "a name");
    check_read("name", "a name");
}

/* Whatever is read is a valid message: a watch event of no watch. */
static void fill_with_events(void)
{
    struct xsd_sockmsg header = {XS_WATCH_EVENT, 0, 0, 0};
    uint32_t at = stored.ring->rsp_cons;

    for (uint32_t i = 0; i < XENSTORE_RING_SIZE; i++, at++)
        stored.ring->rsp[MASK_XENSTORE_IDX(at)] =
            ((char *)&header)[i % sizeof header];
}

static void break_answers(void)
{
    fill_with_events();
    stored.ring->rsp_prod = stored.ring->rsp_cons + 0x80000000;
    fake_event(STORE_PORT);
}

static void break_answers_by_one(void)
{
    fill_with_events();
    stored.ring->rsp_prod = stored.ring->rsp_cons + XENSTORE_RING_SIZE + 1;
    fake_event(STORE_PORT);
}

static void take_back_answers(void)
{
    fill_with_events();
    stored.ring->rsp_prod = stored.ring->rsp_cons - 1;
    fake_event(STORE_PORT);
}

static void break_requests(void)
{
    stored.ring->req_cons = stored.ring->req_prod + 1;
    fake_event(STORE_PORT);
}

static void be_broken_by(void (*act)(void))
{
    struct fiber *f = watch_the_hostile();

    CHECK(time_sleep(SECOND) == OK);
    stored.sends = NULL;
    fake_after(SECOND, act);
    CHECK(read_of("name") == ERR_IO);
    check_broken(f);
}

TEST(a_reply_index_far_ahead_ends_the_connection)
{
    be_broken_by(break_answers);
}

TEST(a_reply_index_just_too_far_ahead_ends_the_connection)
{
    be_broken_by(break_answers_by_one);
}

TEST(a_reply_index_that_goes_back_ends_the_connection)
{
    be_broken_by(take_back_answers);
}

TEST(a_request_index_ahead_of_the_requests_ends_the_connection)
{
    struct fiber *f = watch_the_hostile();

    CHECK(time_sleep(SECOND) == OK);
    break_requests();
    CHECK(read_of("name") == ERR_IO);
    check_broken(f);
}

static unsigned spurious;

static void spurious_events(void)
{
    fake_event(STORE_PORT);
    fake_event(OTHER_PORT);
    if (++spurious < 1000)
        fake_after(MILLISECOND / 2, spurious_events);
}

TEST(spurious_events_do_no_harm)
{
    store_set("name", "a name");
    stored.sends = odd_bytes;
    stored.every = MILLISECOND;
    spurious_events();
    for (int i = 0; i < 50; i++)
        check_read("name", "a name");
    CHECK(stored.notified <= 50 * 8);
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(spurious == 1000);
}

static void speak_again(void)
{
    stored.sends = all_bytes;
}

TEST(a_silent_store_blocks_only_the_fibers_that_use_it)
{
    struct fiber *f;
    bool cancelled;

    store_set("name", "a name");
    stored.sends = NULL;
    f = spawn(read_name, &cancelled);
    for (int i = 0; i < 60; i++)
        CHECK(time_sleep(SECOND) == OK);
    CHECK(stored.requests == 0);
    fake_after(SECOND, speak_again);
    join(f);
    CHECK(stored.requests == 1);
}

static enum status slept;

static void read_and_sleep(void *ctx)
{
    char value[10];

    (void)ctx;
    CHECK(xenstore_read("name", value, sizeof value) == OK);
    slept = time_sleep(FOREVER);
}

TEST(a_fiber_can_be_cancelled_after_its_request)
{
    struct fiber *f;

    store_set("name", "a name");
    f = spawn(read_and_sleep, NULL);
    CHECK(time_sleep(SECOND) == OK);
    fiber_cancel(f);
    join(f);
    CHECK(slept == ERR_CANCELLED);
}

TEST(a_transaction_is_tried_a_hundred_times)
{
    static const struct xenstore_entry e = {"a", "1"};

    stored.conflicts = 99;
    CHECK(xenstore_write_all("dir", &e, 1) == OK);
    CHECK_TEXT(store_get("dir/a"), "1");
    stored.conflicts = 100;
    CHECK(xenstore_write_all("other", &e, 1) == ERR_IN_USE);
    CHECK(stored.conflicts == 0 && !store_get("other/a"));
}

static const char *transaction_number;

static bool give_number(const struct xsd_sockmsg *request, const char *body)
{
    (void)body;
    if (request->type != XS_TRANSACTION_START)
        return false;
    store_send(XS_TRANSACTION_START, request->req_id, transaction_number,
               strlen(transaction_number) + 1);
    return true;
}

TEST(a_transaction_without_a_number_writes_nothing)
{
    static const char *const numbers[] = {"0", "", "x", "-1", "4294967296",
                                          "18446744073709551617", "1\0002"};
    static const struct xenstore_entry e = {"a", "1"};
    unsigned before;

    stored.on_request = give_number;
    for (unsigned i = 0; i < 7; i++) {
        transaction_number = numbers[i];
        before = stored.requests;
        if (i < 6)
            CHECK(xenstore_write_all("dir", &e, 1) == ERR_IO);
        CHECK(stored.requests == before + (i < 6));
    }
    CHECK(!store_get("dir/a"));
}

TEST(numbers_up_to_the_largest_are_read_and_no_others)
{
    static const struct {
        const char *text;
        enum status status;
        uint64_t number;
    } all[] = {
        {"0", OK, 0},
        {"9", OK, 9},
        {"007", OK, 7},
        {"18446744073709551615", OK, UINT64_MAX},
        {"18446744073709551616", ERR_FORMAT, 0},
        {"18446744073709551620", ERR_FORMAT, 0},
        {"99999999999999999999", ERR_FORMAT, 0},
        {"", ERR_FORMAT, 0},
        {"1 ", ERR_FORMAT, 0},
        {" 1", ERR_FORMAT, 0},
        {"-1", ERR_FORMAT, 0},
        {"1/", ERR_FORMAT, 0},
        {"1:", ERR_FORMAT, 0},
        {"000000000000000000000001", ERR_RANGE, 0},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint64_t number = 0;

        store_set("number", all[i].text);
        CHECK(xenstore_number("number", &number) == all[i].status);
        CHECK(all[i].status != OK || number == all[i].number);
    }
}

static bool reply_twice(const struct xsd_sockmsg *request, const char *body)
{
    (void)body;
    store_send(XS_READ, request->req_id, "old", 3);
    store_send(XS_READ, request->req_id, "old", 3);
    stored.on_request = NULL;
    return true;
}

TEST(a_reply_that_comes_twice_ends_the_connection)
{
    struct fiber *f = watch_the_hostile();
    char value[10] = "";

    store_set("name", "new");
    stored.on_request = reply_twice;
    CHECK(xenstore_read("name", value, sizeof value) == OK);
    CHECK_TEXT(value, "old");
    CHECK(xenstore_read("name", value, sizeof value) == ERR_IO);
    CHECK(time_sleep(SECOND) == OK);
    check_broken(f);
}

TEST(a_path_that_is_watched_already_can_be_watched_again)
{
    static struct xenstore_watch w = {.path = "dir"};

    CHECK(xenstore_watch(&w) == OK);
    CHECK(xenstore_rewatch(&w) == OK);
    CHECK(xenstore_rewatch_all() == OK);
    store_set("dir/x", "y");
    CHECK(xenstore_wait(&w, time_after(SECOND)) == OK);
}
