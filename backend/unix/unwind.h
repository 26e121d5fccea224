/* SPDX-License-Identifier: ISC */
/*
 * unwind: the chain of callers of a place in the program or in its libraries.
 * Takes no lock and allocates nothing. Reads only the modules that modules_read
 * has found, and the stack that it is given.
 */
#ifndef UNIX_UNWIND_H
#define UNIX_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers by DWARF's numbers (System V ABI for x86-64, 3.6.2; DWARF for the
 * Arm 64-bit Architecture, 4.1). */
#ifdef __x86_64__
#define UNWIND_FRAME 6
#define UNWIND_STACK 7
#define UNWIND_LINK  16 /* the return address */
#define UNWIND_COUNT 17
#else
#define UNWIND_FRAME 29
#define UNWIND_STACK 31
#define UNWIND_LINK  30
#define UNWIND_COUNT 33
#endif

struct unwind {
    uintptr_t pc;
    bool is_return; /* pc is a return address, and not that of a fault */
    uintptr_t value[UNWIND_COUNT];
    uint64_t known; /* bit N: value[N] is valid */
    uintptr_t low, high; /* bounds of the stack */
};

/* Replaces *u by the state of the caller. False: there is none, or it cannot
 * be found; *u is unchanged or has pc 0. */
bool unwind_step(struct unwind *u);

#endif
