/* SPDX-License-Identifier: ISC */
/*
 * panics: for the test of a source that it includes; stands before that.
 *
 *     CHECK(PANICS(buf_trim(b, b->len + 1)));
 *
 * holds if the call panics. Other panics of the source are those of the image.
 */
#ifndef TEST_PANICS_H
#define TEST_PANICS_H

#include <mirage/panic.h>
#include <mirage/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

static jmp_buf panics_out;
static bool panics_wanted;
static char panics_text[256]; /* of the latest */

__attribute__((noreturn, format(printf, 3, 4))) static void
tested_panic(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vformat(panics_text, sizeof panics_text, fmt, args);
    va_end(args);
    if (!panics_wanted)
        image_panic(file, line, "%s", panics_text);
    longjmp(panics_out, 1);
}

#define image_panic tested_panic

#define PANICS(call)                       \
    ({                                     \
        volatile bool has_panicked = true; \
                                           \
        panics_wanted = true;              \
        if (setjmp(panics_out) == 0) {     \
            call;                          \
            has_panicked = false;          \
        }                                  \
        panics_wanted = false;             \
        has_panicked;                      \
    })

#endif
