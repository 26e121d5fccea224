/* SPDX-License-Identifier: ISC */
/*
 * The handlers of interrupts, which are enabled only while the image idles.
 * They set the vector's bit in interrupts_taken, and count the interrupts whose
 * end interrupts_deliver has to send to the local APIC. A spurious interrupt
 * has no end.
 */
#define SPURIOUS 15

    .text

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
interrupt_\n:
    lock btsl $\n, interrupts_taken(%rip)
    .if \n != SPURIOUS
    lock incl interrupts_open(%rip)
    .endif
    iretq
    .endr

    .section .rodata
    .align 8
    .globl interrupt_entries
interrupt_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .quad interrupt_\n
    .endr
