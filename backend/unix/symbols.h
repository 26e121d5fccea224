/* SPDX-License-Identifier: ISC */
/* symbols: the names of the program's addresses, for crash reports. */
#ifndef UNIX_SYMBOLS_H
#define UNIX_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Prints a backtrace through platform_put: for each address the function it
 * lies in, with the offset, and where addr2line is at hand the file and line.
 */
void symbols_print(const uintptr_t *addresses, size_t count);

#endif
