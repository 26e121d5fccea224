/* SPDX-License-Identifier: ISC */
/*
 * watch: another processor, between any two instructions of the image. Each
 * instruction that accesses watched memory is executed alone (its page is
 * protected, and the trap flag set), and the test is called after it, which may
 * look at that memory and change it. Accesses of the fake are not watched.
 */
#ifndef XEN_FAKE_WATCH_H
#define XEN_FAKE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* An access to a byte at `at`, or to more from there on. */
typedef void seen_fn(void *at, bool is_write);

/* Watches len bytes from now on, until watch_end. No other watch may exist. */
void watch(void *from, size_t len, seen_fn *seen);
void watch_end(void);

/* For the fake's own accesses, in pairs. Without a watch they do nothing. */
void watch_suspend(void);
void watch_resume(void);

#endif
