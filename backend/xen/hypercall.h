/* SPDX-License-Identifier: ISC */
/*
 * hypercall: calls into Xen. HYPERCALL(number, a, b, c, d) and
 * HYPERCALL2(number, a, b) are the processor's; their result is negative for an
 * error (xen/errno.h).
 */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include <arch/hypercall.h>
#include <mirage/panic.h>
#include <xen/xen.h>

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
