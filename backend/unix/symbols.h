/* SPDX-License-Identifier: ISC */
/* symbols: names of functions by their addresses, for crash reports. */
#ifndef UNIX_SYMBOLS_H
#define UNIX_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A backtrace: address of the fault, and return addresses, innermost first. */
struct trace {
    bool has_pc; /* there was a fault, at pc */
    uintptr_t pc;
    uintptr_t returns[32];
    size_t count;
};

/*
 * Prints a backtrace by platform_put: for each address the function with the
 * offset, and if addr2line is installed the file and line. After modules_read.
 */
void symbols_print(const struct trace *trace);

/* Makes symbols_print print the command of addr2line, and not run it. */
void symbols_disable_addr2line(void);

/*
 * Writes function and offset of an address to the `size` bytes at text. After
 * modules_read.
 */
void symbols_name(uintptr_t address, char *text, size_t size);

#endif
