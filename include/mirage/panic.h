/* SPDX-License-Identifier: ISC */
/*
 * panic: ends the image with a crash report, for conditions that only a bug can
 * cause.
 *
 * The report has the cause, file and line, the fiber, its backtrace with the
 * names of functions, and the last lines of the log. Then the image ends: a
 * Unix process by SIGABRT, so that it can leave a core dump.
 */
#ifndef MIRAGE_PANIC_H
#define MIRAGE_PANIC_H

#include <stddef.h>

/* Panics with the text of the condition if it is false. */
#define require(condition)                         \
    ((condition) ? (void)0                         \
                 : image_panic(__FILE__, __LINE__, \
                               "require(%s) failed", #condition))

/* Panics with a message: panic("slot %d is freed twice", i). */
#define panic(...) image_panic(__FILE__, __LINE__, __VA_ARGS__)

/*
 * Allocates `size` zeroed bytes, yours to free(). Panics if there is no memory,
 * with the size and the file and line of the call.
 */
#define require_memory(size) image_memory(__FILE__, __LINE__, size)

/* For the macros above. */
void image_panic(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, cold, format(printf, 3, 4)));
void *image_memory(const char *file, int line, size_t size);

#endif
