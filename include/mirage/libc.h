/* SPDX-License-Identifier: ISC */
/*
 * libc: the calls by which a bare image starts and ends its C library.
 *
 * Order at boot: platform_entropy works; libc_start; the thread pointer (the
 * base of FS on x86-64) is set to libc_thread_block; constructors. Until the
 * thread pointer is set, no function may run that is compiled with a stack
 * protector (decision 0022).
 */
#ifndef MIRAGE_LIBC_H
#define MIRAGE_LIBC_H

#include <stdint.h>

/*
 * The thread pointer's target. On x86-64 compilers read the stack protector's
 * canary at offset 0x28.
 */
extern uintptr_t libc_thread_block[8];

/* Initialises the canary. Must not be called by a function that has one. */
void libc_start(void);

/*
 * Calls the functions that were registered by atexit, and flushes stdio. For
 * platform_exit, and not after a crash. A second call does nothing.
 */
void libc_stop(void);

#endif
