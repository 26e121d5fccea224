/* SPDX-License-Identifier: ISC */
/*
 * libc: what the boot code of a bare image asks of its C library.
 *
 * In the order of a boot: the platform's entropy works; libc_start; the
 * processor's thread pointer (on x86-64 the base of FS) is libc_thread_block;
 * constructors are called. Before the third no function may run that is built
 * with a stack protector (decision 0022).
 */
#ifndef MIRAGE_LIBC_H
#define MIRAGE_LIBC_H

#include <stdint.h>

/*
 * What the thread pointer points to. Compilers read the stack protector's
 * canary there, on x86-64 at offset 0x28.
 */
extern uintptr_t libc_thread_block[8];

/* Makes the canary. Not from a function that has one itself. */
void libc_start(void);

/*
 * For platform_exit, not for a crash: calls what was left with atexit, and
 * writes out what stdio holds. A second call has nothing left to do.
 */
void libc_stop(void);

#endif
