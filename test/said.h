/* SPDX-License-Identifier: ISC */
/*
 * said: keeps what image_say and the log say in `said`, one after the other, in
 * place of printing it. Include it before the source that is tested.
 *
 *     CHECK_TEXT(said_since(), "warning: there is too little\n");
 */
#ifndef TEST_SAID_H
#define TEST_SAID_H

#include <mirage/log.h>
#include <mirage/platform.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char said[8192];
static size_t said_len;

static void said_add(const char *fmt, va_list args)
{
    int n = vsnprintf(said + said_len, sizeof said - said_len, fmt, args);

    if (n > 0 && (size_t)n < sizeof said - said_len)
        said_len += (size_t)n;
}

static __attribute__((format(printf, 1, 2), unused)) void
said_by_image(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    said_add(fmt, args);
    va_end(args);
}

static __attribute__((format(printf, 3, 4), unused)) void
said_by_log(struct log_source *source, enum log_level level, const char *fmt,
            ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    va_list args;

    (void)source;
    said_by_image("%s: ", names[level]);
    va_start(args, fmt);
    said_add(fmt, args);
    va_end(args);
    said_by_image("\n");
}

/* What was said since the last call. */
static __attribute__((unused)) const char *said_since(void)
{
    static char text[sizeof said];

    memcpy(text, said, said_len);
    text[said_len] = '\0';
    said_len = 0;
    return text;
}

#define image_say said_by_image
#define log_write said_by_log

#endif
