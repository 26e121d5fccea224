/* SPDX-License-Identifier: ISC */
/* The page that arch/hypercall.h calls. Xen fills it: it is not in the file. */
    .section .hypercalls, "ax", @nobits
    .align 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096
