/* SPDX-License-Identifier: ISC */
/*
 * The handlers of interrupts, which are enabled only while the image idles.
 * They set the vector's bit in interrupts_taken, and count the interrupts whose
 * end interrupts_deliver has to send to the local APIC. A spurious interrupt
 * has no end.
 */
#define SPURIOUS 15

/* 16 entries of INTERRUPT_ENTRY bytes (interrupts.c), which push the number of
 * their vector, from first on. */
    .macro entries name, first, handler
    .globl \name
\name:
    .set .Lnumber, 0
    .rept 16
    .org \name + 4 * .Lnumber
    pushq $(\first + .Lnumber)
    jmp \handler
    .set .Lnumber, .Lnumber + 1
    .endr
    .endm

    .section .text.line_entries, "ax", @progbits
    entries line_entries, 0, .Lhandler
.Lhandler:
    pushq %rax
    movq 8(%rsp), %rax
    lock btsl %eax, interrupts_taken(%rip)
    cmpl $SPURIOUS, %eax
    je 1f
    lock incl interrupts_open(%rip)
1:
    popq %rax
    addq $8, %rsp
    iretq

/* A section of its own, for images whose drivers have pins or messages. */
    .section .text.driver_entries, "ax", @progbits
    entries driver_entries, 16, .Lfar
.Lfar:
    jmp .Lhandler
