/* SPDX-License-Identifier: ISC */
/*
 * panic: what only a bug can do ends the image, with a report.
 *
 * The crash report names the cause, the file and line, the fiber, its
 * backtrace with the names of functions, and the last lines of the log. Then
 * the image ends: a Unix process by SIGABRT, so that a core dump is there if
 * wanted and the exit status is not zero.
 */
#ifndef MIRAGE_PANIC_H
#define MIRAGE_PANIC_H

#include <stddef.h>

/* Panics with the text of the condition unless it holds. */
#define require(condition)                         \
    ((condition) ? (void)0                         \
                 : image_panic(__FILE__, __LINE__, \
                               "require(%s) failed", #condition))

/* Panics with a message of one's own: panic("slot %d is twice free", i). */
#define panic(...) image_panic(__FILE__, __LINE__, __VA_ARGS__)

/*
 * Memory that must be there: size zeroed bytes, yours to free(). When there
 * are none, panics with the size and the place that asked.
 */
#define require_memory(size) image_memory(__FILE__, __LINE__, size)

void image_panic(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, cold, format(printf, 3, 4)));
void *image_memory(const char *file, int line, size_t size);

#endif
