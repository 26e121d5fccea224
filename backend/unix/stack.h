/* SPDX-License-Identifier: ISC */
/* stack: what stack.c tells its tests and crash.c of its guards. */
#ifndef UNIX_STACK_H
#define UNIX_STACK_H

#include <stddef.h>

/* How a stack's end is watched; each kind is the next one's better. */
enum stack_guard { GUARD_INSTALL,
                   GUARD_MPROTECT,
                   GUARD_CANARY };

/* Use this kind, or what comes after it, from now on. */
void stack_guard_use(enum stack_guard kind);

/* The bytes below a guarded stack that nobody may touch. */
size_t stack_guard_size(void);

#endif
