/* SPDX-License-Identifier: ISC */
/* stack: guards of stacks, for tests and crash.c. */
#ifndef UNIX_STACK_H
#define UNIX_STACK_H

#include <stddef.h>

/* How an overflow is detected, the best first. */
enum stack_guard { GUARD_INSTALL,
                   GUARD_MPROTECT,
                   GUARD_CANARY };

/* Uses this kind from now on, or a later one where it is impossible. */
void stack_set_guard(enum stack_guard kind);

/* Returns the size of a guard in bytes. */
size_t stack_guard_size(void);

#endif
