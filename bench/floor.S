/* SPDX-License-Identifier: ISC */
/*
 * The baseline of boot.plan: an image with a PVH note whose few instructions
 * write a line to the serial port, without polling it, and halt. It shows the
 * time that QEMU and its firmware need. Linked like any image.
 */
#include <xen/elfnote.h>

#define SERIAL 0x3f8

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

    .section .text.entry, "ax"
    .code32
    .globl pvh_entry
pvh_entry:
    cld
    movl $line, %esi
    movl $line_end - line, %ecx
    movw $SERIAL, %dx
    rep outsb
1:  hlt
    jmp 1b

    .section .rodata, "a"
line:
    .ascii "hello\n"
line_end:

    .section .note.GNU-stack, "", @progbits
