/* SPDX-License-Identifier: ISC */
/* Looking up names in a table like those of backend/bare/symbols, and the
 * report of a crash. */
#include "said.h"
#include <mirage/arch.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
/* These names are the host's own, too. */
#define platform_crash   tested_crash
#define platform_smashed tested_smashed
void platform_crash(uintptr_t frame) __attribute__((noreturn));
void platform_smashed(uintptr_t at) __attribute__((noreturn));
#define image_fiber_stack                    tested_fiber_stack
#define image_fiber_name()                   "job"
#define log_dump()                           image_say("THE LOG\n")
#define arch_is_return_address(at, is_known) tested_is_return(at, is_known)
#undef panic
#define panic(...) tested_panic(__VA_ARGS__)

static struct stack tested_fiber_stack(void);
static bool tested_is_return(uintptr_t at, bool (*is_known)(uintptr_t));
static void tested_panic(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#include "crash.c"
#undef platform_crash
#undef platform_smashed
#include "check.h"
#include <setjmp.h>

/* Codes, in the order of the table. */
enum { END = 16,
       A,
       E,
       F,
       G,
       L,
       O,
       P,
       S,
       T,
       U,
       X,
       Y,
       UNDER,
       ST,
       AT,
       STAT,
       E_END,
       ST_END,
       AFTER };

#define TEN     X, X, X, X, X, X, X, X, X, X
#define HUNDRED TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN

const char image_text[1];

const struct symbols image_symbols = {
    .count = 8,
    .text_end = 0x1200,
    .codes = AFTER - END,
    .bytes = {
        0, 0, /* END */
        'a', 0, 'e', 0, 'f', 0, 'g', 0, 'l', 0, 'o', 0, 'p', 0, 's', 0,
        't', 0, 'u', 0, 'x', 0, 'y', 0, '_', 0,
        S, T, /* ST */
        A, T, /* AT */
        ST, AT, /* STAT */
        E, END, /* E_END */
        ST, END, /* ST_END */

        0x80, 0x20, P, U, T, END, /* 0x1000 put */
        0x10, 3, UNDER, A, L, L, END, /* 0x1010 put_all */
        1, F, END, /* 0x1011 f */
        0x7f, HUNDRED, HUNDRED, HUNDRED, X, END, /* 0x1090 */
        0x80, 0x01, 15, Y, END, /* 0x1110 */
        16, G, O, END, /* 0x1120 go */
        16, STAT, E_END, /* 0x1130 state */
        16, 5, UNDER, ST_END, /* 0x1140 state_st */
    },
};

static jmp_buf out;
static int exit_code;
static uintptr_t words[64]; /* the stack of the fiber */
static uintptr_t known_return; /* an address behind a call */

void bare_leave(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

static void tested_panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    said_add(fmt, args);
    va_end(args);
    longjmp(out, 1);
}

static struct stack tested_fiber_stack(void)
{
    return (struct stack){(uint8_t *)words, sizeof words, true};
}

static bool tested_is_return(uintptr_t at, bool (*is_known)(uintptr_t))
{
    CHECK(is_known == is_code);
    return at == known_return;
}

static const char *found(uintptr_t at, uintptr_t begin)
{
    uintptr_t from;
    const char *name = bare_function_name(at, &from);

    CHECK(!name || from == begin);
    return name ? name : "none";
}

TEST(an_address_belongs_to_the_last_function_that_starts_before_it)
{
    CHECK_TEXT(found(0x1000, 0x1000), "put");
    CHECK_TEXT(found(0x100f, 0x1000), "put");
    CHECK_TEXT(found(0x1010, 0x1010), "put_all");
    CHECK_TEXT(found(0x1011, 0x1011), "f");
    CHECK_TEXT(found(0x108f, 0x1011), "f");
    CHECK_TEXT(found(0x112f, 0x1120), "go");
    CHECK_TEXT(found(0x11ff, 0x1140), "state_st");
}

TEST(a_code_stands_for_several_characters_and_the_end_of_a_name)
{
    CHECK_TEXT(found(0x1130, 0x1130), "state");
    CHECK_TEXT(found(0x1140, 0x1140), "state_st");
}

TEST(an_address_outside_of_the_code_has_no_function)
{
    CHECK_TEXT(found(0, 0), "none");
    CHECK_TEXT(found(0xfff, 0), "none");
    CHECK_TEXT(found(0x1200, 0), "none");
    CHECK_TEXT(found(UINTPTR_MAX, 0), "none");
}

TEST(a_name_that_is_too_long_is_truncated)
{
    const char *name = found(0x1090, 0x1090);

    CHECK(strlen(name) == NAME_SIZE - 1);
    CHECK(strspn(name, "x") == NAME_SIZE - 1);
}

TEST(a_name_can_share_a_prefix_with_a_truncated_one)
{
    CHECK_TEXT(found(0x1110, 0x1110), "xxxxxxxxxxxxxxxy");
}

/* Of the test's table, all addresses are below image_text. */
TEST(code_is_between_the_begin_of_the_image_and_the_end_of_its_text)
{
    CHECK(!is_code(0x11ff));
    CHECK(!is_code((uintptr_t)image_text));
}

/* Two frames, called by the functions f and go. */
static uintptr_t set_up_stack(void)
{
    memset(words, 0, sizeof words);
    known_return = 1;
    words[10] = (uintptr_t)&words[20];
    words[11] = 0x1020;
    words[20] = (uintptr_t)&words[30];
    words[21] = 0x1125;
    return (uintptr_t)&words[10];
}

static const char *report(uintptr_t pc, uintptr_t frame, const void *sp)
{
    if (setjmp(out) == 0)
        bare_crash(pc, frame, (uintptr_t)sp);
    CHECK(exit_code == CRASH_EXIT);
    exit_code = 0;
    return said_since();
}

TEST(a_report_has_the_fault_its_callers_and_the_log)
{
    uintptr_t frame = set_up_stack();

    CHECK_TEXT(report(0x1131, frame, &words[4]),
               "backtrace of fiber \"job\":\n"
               "  #0 state+0x1 [0x1131]\n"
               "  #1 f+0xf [0x1020]\n"
               "  #2 go+0x5 [0x1125]\n"
               "the last lines of the log:\nTHE LOG\n");
    CHECK_TEXT(report(0x1300, 0, &words[4]),
               "backtrace of fiber \"job\":\n"
               "  #0 0x1300 [0x1300]\n"
               "the last lines of the log:\nTHE LOG\n");
}

/* A return address may be the first of the next function: the call is in the
 * one before. */
TEST(a_caller_is_the_function_of_its_call)
{
    uintptr_t frame = set_up_stack();

    words[11] = 0x1010;
    words[20] = words[21] = 0;
    CHECK_TEXT(report(0x1130, frame, &words[4]),
               "backtrace of fiber \"job\":\n"
               "  #0 state+0x0 [0x1130]\n"
               "  #1 put+0x10 [0x1010]\n"
               "the last lines of the log:\nTHE LOG\n");
}

/* The fault is at the first instruction of a function, or the second, and the
 * return address where the call left it. */
TEST(the_caller_of_a_function_without_a_frame_yet_is_in_the_report)
{
    uintptr_t frame = set_up_stack();
    static const char wanted[] = "backtrace of fiber \"job\":\n"
                                 "  #0 state+0x0 [0x1130]\n"
                                 "  #1 put+0x7 [0x1007]\n"
                                 "  #2 f+0xf [0x1020]\n"
                                 "  #3 go+0x5 [0x1125]\n"
                                 "the last lines of the log:\nTHE LOG\n";

    known_return = 0x1007;
    words[4] = known_return;
    CHECK_TEXT(report(0x1130, frame, &words[4]), wanted);
    words[4] = frame;
    words[5] = known_return;
    CHECK_TEXT(report(0x1130, frame, &words[4]), wanted);
}

TEST(a_stack_pointer_outside_of_the_stack_is_not_followed)
{
    uintptr_t frame = set_up_stack();
    const uintptr_t low = (uintptr_t)words;
    const uintptr_t bad[] = {low - 8, low + 62 * 8, low + 63 * 8, low + 64 * 8,
                             0};

    known_return = 0x1007;
    words[62] = words[63] = known_return;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(strstr(report(0x1130, frame, (const void *)bad[i]),
                     "#1 f+0xf [0x1020]"));
    words[61] = known_return;
    CHECK(strstr(report(0x1130, frame, words + 61), "#1 put+0x7 [0x1007]"));
    words[0] = known_return;
    CHECK(strstr(report(0x1130, frame, words), "#1 put+0x7 [0x1007]"));
}

TEST(a_report_without_a_fault_begins_with_the_caller)
{
    uintptr_t frame = set_up_stack();

    known_return = 0x1020;
    if (setjmp(out) == 0)
        tested_crash(frame);
    CHECK_TEXT(said_since(), "backtrace of fiber \"job\":\n"
                             "  #0 f+0xf [0x1020]\n"
                             "  #1 go+0x5 [0x1125]\n"
                             "the last lines of the log:\nTHE LOG\n");
}

TEST(a_smashed_stack_is_reported_with_the_function_that_returned)
{
    if (setjmp(out) == 0)
        tested_smashed(0x1010);
    CHECK_TEXT(said_since(), "stack smashing detected: put has written past "
                             "the end of an array");
    if (setjmp(out) == 0)
        tested_smashed(0x1011);
    CHECK_TEXT(said_since(), "stack smashing detected: put_all has written "
                             "past the end of an array");
    if (setjmp(out) == 0)
        tested_smashed(0x2000);
    CHECK_TEXT(said_since(), "stack smashing detected: a function has written "
                             "past the end of an array");
}
