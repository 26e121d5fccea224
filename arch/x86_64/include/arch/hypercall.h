/* SPDX-License-Identifier: ISC */
/*
 * hypercall: a call into Xen (xen/arch-x86/xen-x86_64.h). Xen fills
 * hypercall_page with 32 bytes of code for each number: the instructions for
 * this processor and kind of guest.
 */
#ifndef ARCH_HYPERCALL_H
#define ARCH_HYPERCALL_H

#include <stdint.h>

extern uint8_t hypercall_page[4096];

/* The arguments are in RDI, RSI, RDX and R10, the result in RAX. */
#define HYPERCALL(number, a, b, c, d)                                   \
    ({                                                                  \
        long result_;                                                   \
        uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                \
        uint64_t c_ = (uint64_t)(c);                                    \
        register uint64_t d_ __asm__("r10") = (uint64_t)(d);            \
                                                                        \
        __asm__ volatile("call hypercall_page + %c[offset]"             \
                         : "=a"(result_), "+D"(a_), "+S"(b_), "+d"(c_), \
                           "+r"(d_)                                     \
                         : [offset] "i"((number)*32)                    \
                         : "memory", "rcx", "r8", "r9", "r11");         \
        result_;                                                        \
    })

/* A hypercall with two arguments: most take a command and a struct. */
#define HYPERCALL2(number, a, b)                                      \
    ({                                                                \
        long result_;                                                 \
        uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);              \
                                                                      \
        __asm__ volatile("call hypercall_page + %c[offset]"           \
                         : "=a"(result_), "+D"(a_), "+S"(b_)          \
                         : [offset] "i"((number)*32)                  \
                         : "memory", "rcx", "rdx", "r8", "r9", "r10", \
                           "r11");                                    \
        result_;                                                      \
    })

#endif
