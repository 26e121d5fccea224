/* SPDX-License-Identifier: ISC */
/* report: the image's name, and its last words. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <mirage/time.h>
#include <stdarg.h>
#include <stdint.h>

/* Sets what image_name returns. Keeps name. */
void report_name(const char *name);

/* Logs a warning that a fiber has kept the others from running for so long. */
void report_slow(const char *fiber, nanoseconds length);

/*
 * Ends the image with a crash report: says where and in which fiber the panic
 * was, and hands over to platform_crash. frame: the frame pointer from which
 * the backtrace starts. For image_panic.
 */
void report_panic(const char *fiber, uintptr_t frame, const char *file,
                  int line, const char *fmt, va_list args)
    __attribute__((noreturn, cold));

#endif
