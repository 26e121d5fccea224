/* SPDX-License-Identifier: ISC */
/* The life of an image: devices that fail, jobs that end and that are stopped.
 * The test is an image of this image.c itself. */
#include <mirage/log.h>
#include <mirage/platform.h>
/* The host's would end the test, or print. */
#define platform_exit tested_exit
#define image_say     tested_say
#define log_errors()  errors
static void tested_exit(int code) __attribute__((noreturn));
static void tested_say(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static size_t errors; /* that drivers have logged */

#include "image.c"
#undef platform_exit
#include "check.h"
#include <mirage/text.h>
#include <setjmp.h>

static jmp_buf out;
static bool testing;
static int exit_code;
static char said[256];

static void tested_exit(int code)
{
    if (!testing)
        platform_exit(code);
    exit_code = code;
    longjmp(out, 1);
}

static void tested_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vformat(said, sizeof said, fmt, args);
    va_end(args);
}

static void begin(void)
{
    testing = true;
    exit_code = -1;
    said[0] = '\0';
}

/* The exit status of a device that connects so; -1: the image goes on. */
static int exit_of(void (*fn)(enum status s, const char *device),
                   enum status s)
{
    begin();
    if (setjmp(out) == 0)
        fn(s, "disk");
    testing = false;
    return exit_code;
}

/* Was this said, after the name of the image? */
static bool has_said(const char *message)
{
    size_t len = strlen(image_name());

    return strncmp(said, image_name(), len) == 0 &&
           strcmp(said + len, message) == 0;
}

TEST(a_device_that_cannot_be_connected_ends_the_image_and_says_why)
{
    static const enum status each[] = {ERR_NOT_FOUND, ERR_FORMAT, ERR_RANGE,
                                       ERR_NAME, ERR_CANCELLED};

    CHECK(exit_of(connected, OK) == -1 && !said[0]);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        char wanted[128];

        CHECK(exit_of(connected, each[i]) == 1);
        text_format(wanted, sizeof wanted, ": disk: %s\n",
                    status_text(each[i]));
        CHECK(has_said(wanted));
    }
}

TEST(a_vague_status_refers_to_the_error_that_the_driver_has_logged)
{
    static const enum status vague[] = {ERR_FORMAT, ERR_RANGE, ERR_NAME};

    for (size_t i = 0; i < sizeof vague / sizeof *vague; i++) {
        errors++;
        CHECK(exit_of(connected, vague[i]) == 1);
        CHECK(has_said(": disk: it cannot be used, as said above\n"));
        /* The error was the other device's. */
        CHECK(exit_of(connected, vague[i]) == 1);
        CHECK(!has_said(": disk: it cannot be used, as said above\n"));
    }
    errors++;
    CHECK(exit_of(connected, ERR_IO) == 1);
    CHECK(has_said(": disk: the device failed\n"));
}

TEST(an_image_that_is_stopped_while_it_connects_ends_well)
{
    stopping = true;
    CHECK(exit_of(connected, ERR_CANCELLED) == 0 && !said[0]);
    CHECK(exit_of(connected, ERR_IO) == 1);
    stopping = false;
}

TEST(a_device_that_is_not_written_to_the_end_gives_the_image_a_status)
{
    CHECK(exit_of(flushed, OK) == -1 && !said[0]);
    CHECK(exit_of(flushed, ERR_IO) == 1);
    CHECK(has_said(": disk was not written to the end: the device failed\n"));
}

static char trace[64];

static void note(char c)
{
    size_t len = strlen(trace);

    trace[len] = c;
    trace[len + 1] = '\0';
}

static void run_short(void)
{
    CHECK_TEXT(image_fiber_name(), "short");
    note('s');
}

static void run_long(void)
{
    CHECK_TEXT(image_fiber_name(), "long");
    for (int i = 0; i < 3; i++)
        CHECK(fiber_yield() == OK);
    note('l');
}

static bool asked;

/* Runs until it is asked to end, as by a stop function. */
static void run_asked(void)
{
    while (!asked)
        CHECK(fiber_yield() == OK);
    note('a');
}

static void ask(void)
{
    CHECK_TEXT(image_fiber_name(), "asked");
    note('?');
    for (int i = 0; i < 3; i++)
        CHECK(fiber_yield() == OK);
    note('!');
    asked = true;
    for (int i = 0; i < 3; i++)
        CHECK(fiber_yield() == OK);
    note('.');
}

static void run_cancelled(void)
{
    CHECK(time_sleep(FOREVER) == ERR_CANCELLED);
    note('c');
}

TEST(jobs_run_returns_when_all_jobs_have_ended)
{
    struct job jobs[] = {{.name = "short", .run = run_short},
                         {.name = "long", .run = run_long}};

    trace[0] = '\0';
    jobs_run(jobs, 2);
    CHECK_TEXT(trace, "sl");
    CHECK(jobs[0].ended && jobs[1].ended && !jobs_running && !stopping);
    CHECK(changes.first == NULL);
    trace[0] = '\0';
    jobs_run(jobs, 0);
    CHECK_TEXT(trace, "");
}

static void stop_image(void *ctx)
{
    (void)ctx;
    CHECK(fiber_yield() == OK && jobs_running);
    image_stop();
}

TEST(a_stop_asks_each_job_in_its_turn_and_waits_for_it)
{
    struct job jobs[] = {
        {.name = "asked", .run = run_asked, .stop = ask},
        {.name = "short", .run = run_short, .stop = ask},
        {.name = "cancelled", .run = run_cancelled}};

    trace[0] = '\0';
    asked = false;
    CHECK(fiber_start(stop_image, NULL) == OK);
    jobs_run(jobs, 3);
    /* The one that has ended is not asked; the next is cancelled when the
     * function that stops the first one has returned. */
    CHECK_TEXT(trace, "s?!a.c");
    CHECK(stopping && !jobs_running);
    CHECK(jobs[0].ended && jobs[1].ended && jobs[2].ended);
    jobs_run(jobs, 3); /* the image ends: they are not started any more */
    CHECK_TEXT(trace, "s?!a.c");
    stopping = false;
}

static void run_jobs(void *ctx)
{
    struct job *jobs = ctx;

    jobs_run(jobs, 1);
    note('j');
    CHECK(fiber_yield() == ERR_CANCELLED);
}

TEST(the_fiber_that_runs_jobs_waits_for_them_though_it_is_cancelled)
{
    struct job job = {.name = "long", .run = run_long};
    struct fiber *f;

    trace[0] = '\0';
    CHECK(fiber_spawn(NULL, run_jobs, &job, &f) == OK);
    CHECK(fiber_yield() == OK);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK_TEXT(trace, "lj");
}

static void wait_for_ever(void *ctx)
{
    *(enum status *)ctx = time_sleep(FOREVER);
}

TEST(a_stop_before_jobs_run_cancels_the_first_fiber)
{
    struct fiber *own = first, *f;
    enum status s = OK;

    CHECK(own == fiber_self());
    CHECK(fiber_spawn(NULL, wait_for_ever, &s, &f) == OK);
    CHECK(fiber_yield() == OK);
    first = f;
    image_stop();
    first = NULL;
    image_stop(); /* before there is a fiber */
    CHECK(fiber_join(f, FOREVER) == OK && s == ERR_CANCELLED);
    first = own;
    stopping = false;
    CHECK(!fiber_is_cancelled());
}

TEST(the_first_fiber_is_called_main)
{
    CHECK_TEXT(fiber_name(fiber_self()), "main");
}
