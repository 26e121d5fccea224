/* SPDX-License-Identifier: ISC */
/* Fibers that wait for the end of a request. */
#include "panics.h"
#include "completion.c"
#include "check.h"
#include <time.h>

struct request {
    struct completion completion;
    enum status found;
    bool has_returned, is_cancelled;
};

static void await_request(void *ctx)
{
    struct request *r = ctx;

    r->found = completion_wait(&r->completion);
    r->has_returned = true;
    r->is_cancelled = fiber_yield() == ERR_CANCELLED;
}

static struct fiber *start(struct request *r)
{
    struct fiber *f;

    CHECK(fiber_spawn(NULL, await_request, r, &f) == OK);
    CHECK(fiber_yield() == OK);
    return f;
}

TEST(a_fiber_waits_until_its_request_is_done_and_gets_its_status)
{
    struct request r = {.found = OK};
    struct fiber *f = start(&r);

    CHECK(!r.has_returned && !r.completion.is_done);
    completion_finish(&r.completion, ERR_IO);
    CHECK(r.completion.is_done);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(r.has_returned && r.found == ERR_IO);
}

TEST(a_request_is_done_once)
{
    struct completion c = {0};

    completion_finish(&c, ERR_IO);
    CHECK(PANICS(completion_finish(&c, OK)));
    CHECK(completion_wait(&c) == ERR_IO);
}

TEST(a_request_that_is_done_already_is_not_waited_for)
{
    struct request r = {.found = ERR_IO};

    completion_finish(&r.completion, OK);
    await_request(&r);
    CHECK(r.has_returned && r.found == OK);
}

TEST(a_cancelled_fiber_still_waits_for_its_request)
{
    struct request r = {.found = OK};
    struct fiber *f = start(&r);

    fiber_cancel(f);
    CHECK(fiber_yield() == OK && fiber_yield() == OK);
    CHECK(!r.has_returned);
    completion_finish(&r.completion, ERR_GONE);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(r.has_returned && r.found == ERR_GONE);
    CHECK(r.is_cancelled); /* its later waits are */
}

/* Returns what clock() counts while this fiber sleeps. */
static clock_t clock_of_sleeping(void)
{
    clock_t before = clock();

    CHECK(time_sleep(400 * MILLISECOND) == OK);
    return clock() - before;
}

TEST(a_cancelled_fiber_that_waits_uses_no_processor_time)
{
    struct request r = {.found = OK};
    /* In a virtual machine clock() counts idle time, too, and tells nothing. */
    bool is_processor_time = clock_of_sleeping() < CLOCKS_PER_SEC / 10;
    struct fiber *f = start(&r);

    fiber_cancel(f);
    CHECK(clock_of_sleeping() < CLOCKS_PER_SEC / 10 || !is_processor_time);
    CHECK(!r.has_returned);
    completion_finish(&r.completion, OK);
    CHECK(fiber_join(f, FOREVER) == OK);
}

TEST(all_fibers_that_wait_for_one_request_get_its_status)
{
    struct request r = {.found = OK};
    struct fiber *one = start(&r), *other = start(&r);

    completion_finish(&r.completion, ERR_NO_SPACE);
    CHECK(fiber_join(one, FOREVER) == OK && fiber_join(other, FOREVER) == OK);
    CHECK(r.has_returned && r.found == ERR_NO_SPACE);
}
