/* SPDX-License-Identifier: ISC */
/*
 * The floor of boot.plan: what QEMU and its firmware take until anybody can
 * print. Behind a PVH note, a few instructions put a line on the serial port,
 * without asking it anything, and halt. It is linked as our images are.
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
