/* SPDX-License-Identifier: ISC */
/*
 * The entry by Linux's 64-bit boot protocol (its
 * Documentation/arch/x86/boot.rst), at the ELF header's entry point, which
 * versions of Firecracker without PVH use: 64-bit mode, low memory
 * identity-mapped, RSI holds the physical address of struct boot_params.
 * Returns to 32-bit mode to use PVH's path, boot_enter.
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
