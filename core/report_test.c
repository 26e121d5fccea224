/* SPDX-License-Identifier: ISC */
/* What an image says of itself, and its last words. */
#include "check.h"
#include <mirage/log.h>
/* The host's would end the test, or print. */
#define platform_put   tested_put
#define platform_exit  tested_exit
#define platform_crash tested_crash
#define log_write      tested_log
static void tested_put(const char *text, size_t len);
static void tested_exit(int code) __attribute__((noreturn));
static void tested_crash(uintptr_t frame) __attribute__((noreturn));
static void tested_log(struct log_source *source, enum log_level level,
                       const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#include "report.c"
#undef platform_put
#undef platform_exit
#undef platform_crash
#include <setjmp.h>

static jmp_buf out;
static bool testing; /* not: the image itself reports */
static int exit_code;
static uintptr_t crash_frame;
static char said[512];
static size_t said_len;
static enum log_level log_level;

static void tested_put(const char *text, size_t len)
{
    if (!testing) {
        platform_put(text, len);
        return;
    }
    CHECK(len < sizeof said - said_len);
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = '\0';
}

static void tested_exit(int code)
{
    if (!testing)
        platform_exit(code);
    exit_code = code;
    longjmp(out, 1);
}

static void tested_crash(uintptr_t frame)
{
    if (!testing)
        platform_crash(frame);
    crash_frame = frame;
    longjmp(out, 1);
}

static void tested_log(struct log_source *source, enum log_level level,
                       const char *fmt, ...)
{
    va_list args;

    CHECK(source == &image);
    log_level = level;
    va_start(args, fmt);
    text_vformat(said, sizeof said, fmt, args);
    va_end(args);
}

static void crash(uintptr_t frame, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void crash(uintptr_t frame, const char *fmt, ...)
{
    va_list args;

    said_len = 0;
    crash_frame = 0;
    exit_code = -1;
    testing = true;
    if (!setjmp(out)) {
        va_start(args, fmt);
        report_panic("worker", frame, "net/x.c", 42, fmt, args);
    }
    testing = false;
}

TEST(a_slow_fiber_is_reported_with_tenths_of_a_second)
{
    report_slow("worker", 12 * SECOND + 399 * MILLISECOND);
    CHECK(log_level == LEVEL_WARNING);
    CHECK_TEXT(said, "fiber \"worker\" has kept all others from running for "
                     "12.3 s; fiber_yield() would give them their turn");
    report_slow("worker", 12 * SECOND - 1);
    CHECK(strstr(said, " 11.9 s;"));
}

TEST(a_crash_says_what_and_where_and_in_which_fiber)
{
    const char *before = image_name();

    report_name("mir-test");
    crash(77, "slot %d is freed twice", 3);
    CHECK_TEXT(said, "\nmir-test crashed at net/x.c:42, in fiber \"worker\": "
                     "slot 3 is freed twice\n");
    CHECK(crash_frame == 77 && exit_code == -1);
    report_name(before);
}

TEST(a_crash_within_the_report_of_a_crash_ends_the_image)
{
    crash(78, "again");
    CHECK(strstr(said, "again\n"));
    CHECK(exit_code == 1 && crash_frame == 0);
}

TEST(text_that_is_said_is_formatted)
{
    said_len = 0;
    testing = true;
    image_say("%s: %d\n", "number", 5);
    testing = false;
    CHECK_TEXT(said, "number: 5\n");
}
