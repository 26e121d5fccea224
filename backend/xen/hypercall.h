/* SPDX-License-Identifier: ISC */
/*
 * hypercall: asking Xen. The page is Xen's to fill: 32 bytes of code for each
 * number, in a way that suits the processor and the kind of guest.
 */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include <mirage/panic.h>
#include <stdint.h>
#include <xen/xen.h>

extern uint8_t hypercall_page[4096];

/* Arguments go in rdi, rsi, rdx and r10, the result comes in rax. */
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

/* The same for calls of two arguments, as those of command and struct. */
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

/* The same where Xen can refuse only because of a bug: panics then. */
#define HYPERCALL_SURELY(number, a, b, c, d) \
    CHECK_HYPERCALL(HYPERCALL(number, a, b, c, d))
#define HYPERCALL2_SURELY(number, a, b) \
    CHECK_HYPERCALL(HYPERCALL2(number, a, b))

#define CHECK_HYPERCALL(call)                                \
    do {                                                     \
        long refused_ = (call);                              \
                                                             \
        if (refused_ != 0)                                   \
            panic("Xen refuses a hypercall: %ld", refused_); \
    } while (0)

#endif
