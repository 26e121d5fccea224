/* SPDX-License-Identifier: ISC */
/*
 * The second front door: Linux's 64-bit boot protocol (its
 * Documentation/arch/x86/boot.rst). 64-bit mode, low memory mapped onto itself,
 * RSI holds the physical address of struct boot_params. A Firecracker that
 * does not know PVH enters here, where the header of the file says.
 *
 * From 32-bit code on it is as for PVH, whose entry loads tables of our own.
 */
    .section .text.entry, "ax"
    .globl image_entry
image_entry:
    cld
    lgdt boot_gdt_pointer
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $boot_stack_top, %esp
    movl $linux_start, %ebp
    pushq $24
    pushq $boot_enter
    lretq
