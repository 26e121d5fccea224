/* SPDX-License-Identifier: ISC */
/*
 * The start and the end of a loader. QEMU enters by PVH (xen/elfnote.h); load.c
 * runs in 32-bit mode; enter then switches to the state that Linux's 64-bit boot
 * protocol requires, with page tables and a stack of the loader.
 */
#include <xen/elfnote.h>

#define PRESENT_WRITABLE 0x003
#define LARGE            0x080

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long begin

    .text
    .globl begin
begin:
    movl $stack_top, %esp
    pushl $0
    pushl $0
    pushl $0
    pushl %ebx
    call load

/* void enter(uint32_t entry, struct boot_params *params) */
    .globl enter
enter:
    movl 4(%esp), %ebx
    movl 8(%esp), %esi

    /* The first GiB, in pages of 2 MiB. */
    movl $pdpt + PRESENT_WRITABLE, pml4
    movl $pd + PRESENT_WRITABLE, pdpt
    movl $pd, %edi
    movl $(PRESENT_WRITABLE | LARGE), %eax
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl $0x20, %eax /* PAE */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    xorl %edx, %edx
    movl $0x100, %eax /* long mode, and nothing else */
    wrmsr
    movl $0x80000011, %eax
    movl %eax, %cr0
    lgdt pointer
    ljmp $0x10, $long_mode

    .code64
long_mode:
    movl $0x18, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %ebx, %ebx
    movl %esi, %esi
    jmp *%rbx

    .data
    .align 8
gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff /* __BOOT_CS */
    .quad 0x00cf93000000ffff /* __BOOT_DS */
pointer:
    .word . - gdt - 1
    .long gdt, 0

    .bss
    .align 4096
pml4:
    .skip 4096
pdpt:
    .skip 4096
pd:
    .skip 4096
    .skip 4096
stack_top:
    .section .note.GNU-stack, "", @progbits
