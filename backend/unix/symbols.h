/* SPDX-License-Identifier: ISC */
/* symbols: the names of the program's addresses, for crash reports. */
#ifndef UNIX_SYMBOLS_H
#define UNIX_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a fault happened, and then the return addresses from there outwards.
 */
struct trace {
    bool has_pc; /* there was a fault */
    uintptr_t pc;
    uintptr_t returns[32];
    size_t count;
};

/*
 * Prints a backtrace through platform_put: for each address the function it
 * lies in, with the offset, and where addr2line is at hand the file and line.
 * After modules_read. Takes no lock and allocates nothing.
 */
void symbols_print(const struct trace *trace);

/* From now on addr2line cannot be run: its command is printed instead. */
void symbols_without_programs(void);

/*
 * Writes where an address lies, as symbols_print has it (without a line), to
 * the size bytes at text. As symbols_print.
 */
void symbols_name(uintptr_t address, char *text, size_t size);

#endif
