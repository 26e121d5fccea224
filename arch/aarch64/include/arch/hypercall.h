/* SPDX-License-Identifier: ISC */
/* hypercall: a call into Xen (xen/arch-arm.h, arm_abi). */
#ifndef ARCH_HYPERCALL_H
#define ARCH_HYPERCALL_H

#include <stdint.h>

/* The number is in X16, the arguments are in X0 to X3, the result in X0. */
#define HYPERCALL(number, a, b, c, d)                       \
    ({                                                      \
        register uint64_t a_ __asm__("x0") = (uint64_t)(a); \
        register uint64_t b_ __asm__("x1") = (uint64_t)(b); \
        register uint64_t c_ __asm__("x2") = (uint64_t)(c); \
        register uint64_t d_ __asm__("x3") = (uint64_t)(d); \
        register uint64_t n_ __asm__("x16") = (number);     \
                                                            \
        __asm__ volatile("hvc #0xea1"                       \
                         : "+r"(a_), "+r"(b_), "+r"(c_),    \
                           "+r"(d_), "+r"(n_)               \
                         :                                  \
                         : "memory", "x4");                 \
        (long)a_;                                           \
    })

/* A hypercall with two arguments: most take a command and a struct. */
#define HYPERCALL2(number, a, b)                            \
    ({                                                      \
        register uint64_t a_ __asm__("x0") = (uint64_t)(a); \
        register uint64_t b_ __asm__("x1") = (uint64_t)(b); \
        register uint64_t n_ __asm__("x16") = (number);     \
                                                            \
        __asm__ volatile("hvc #0xea1"                       \
                         : "+r"(a_), "+r"(b_), "+r"(n_)     \
                         :                                  \
                         : "memory", "x2", "x3", "x4");     \
        (long)a_;                                           \
    })

#endif
