/* SPDX-License-Identifier: ISC */
/*
 * The handlers of interrupts, which are enabled only while the image idles.
 * They set the line's bit in interrupts_taken, and send the end of interrupt
 * (EOI) to the local APIC.
 */
#define APIC_END 0xfee000b0

    .text

    .macro interrupt number
interrupt_\number:
    lock btsl $\number, interrupts_taken(%rip)
    jmp interrupt_common
    .endm

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    interrupt \n
    .endr

interrupt_common:
    pushq %rax
    movl $APIC_END, %eax
    movl $0, (%rax)
    popq %rax
    iretq

    .section .rodata
    .align 8
    .globl interrupt_entries
interrupt_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .quad interrupt_\n
    .endr
