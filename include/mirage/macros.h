/* SPDX-License-Identifier: ISC */
/*
 * macros: the smaller, the larger, and the enclosing object. For the library's
 * own sources: mirage.h does not include it, since an application may have
 * functions of these names.
 *
 * Arguments are evaluated once. A result has the common type of the arguments
 * (C11, 6.3.1.8), so that both should be signed, or both unsigned.
 */
#ifndef MIRAGE_MACROS_H
#define MIRAGE_MACROS_H

#include <stddef.h>

/* clang-format off */
#define min(a, b)         MIRAGE_FIRST_IF(<, a, b, __COUNTER__)
#define max(a, b)         MIRAGE_FIRST_IF(>, a, b, __COUNTER__)
/* value, or the nearer of the ends of low..high, where low <= high. */
#define clamp(value, low, high) max(low, min(value, high))

/* The struct of this type whose member is at `pointer`. */
#define containing(pointer, type, member)                                      \
    ((type *)(void *)((char *)(1 ? (pointer) : &((type *)0)->member) -         \
                      offsetof(type, member)))

/* Variables are numbered, so that calls can be nested without shadowing. */
#define MIRAGE_FIRST_IF(op, a, b, n)  MIRAGE_FIRST_IF_(op, a, b, n)
#define MIRAGE_FIRST_IF_(op, a, b, n)                                          \
    ({ __typeof__(0 ? (a) : (b)) a_##n = (a), b_##n = (b);                     \
       a_##n op b_##n ? a_##n : b_##n; })
/* clang-format on */

#endif
