/* SPDX-License-Identifier: ISC */
/*
 * Where the processor goes on an interrupt, which comes only while the image
 * idles: it notes its number.
 */
    .text

    .macro interrupt number
interrupt_\number:
    pushq %rax
    lock btsl $\number, interrupts_taken(%rip)
    movb $0x20, %al
    .if \number >= 8
    outb %al, $0xa0
    .endif
    outb %al, $0x20
    popq %rax
    iretq
    .endm

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    interrupt \n
    .endr

    .section .rodata
    .align 8
    .globl interrupt_entries
interrupt_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .quad interrupt_\n
    .endr
