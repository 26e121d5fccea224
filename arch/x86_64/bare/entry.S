/* SPDX-License-Identifier: ISC */
/*
 * The entry by PVH (Xen's docs/misc/pvh.pandoc; the note is
 * XEN_ELFNOTE_PHYS32_ENTRY), which QEMU's -kernel, Xen, Cloud Hypervisor and
 * Firecracker use: 32-bit protected mode, flat segments, no paging, EBX holds
 * the physical address of struct hvm_start_info. Calls bare_start(info) in
 * 64-bit mode, with the first GiB identity-mapped. Entries in backend/ jump to
 * boot_enter to have another function called.
 */
#include <xen/elfnote.h>

#define PRESENT_WRITABLE 0x003
#define LARGE            0x080

#define CR0_MP (1 << 1)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE        (1 << 5)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define EFER     0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

    .section .text.entry, "ax"
    .code32
    .globl pvh_entry
pvh_entry:
    movl %ebx, %esi
    movl $bare_start, %ebp

/* In 32-bit code, with flat segments: calls EBP(ESI) in 64-bit mode. */
    .globl boot_enter
boot_enter:
    cld
    movl $boot_stack_top, %esp

    /* In a machine that was reset memory has what the last start left there,
     * and QEMU loads again only what the file contains. */
    movl $image_bss, %edi
    movl $image_bss_words, %ecx
    xorl %eax, %eax
    rep stosl

    /* One table for each level; the last has 512 entries of 2 MiB. */
    movl $boot_pdpt + PRESENT_WRITABLE, boot_pml4
    movl $boot_pd + PRESENT_WRITABLE, boot_pdpt
    movl $boot_pd, %edi
    movl $(PRESENT_WRITABLE | LARGE), %eax
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl %cr4, %eax
    orl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE), %eax
    wrmsr
    movl %cr0, %eax
    andl $~(1 << 2), %eax /* EM: there is a floating-point unit */
    orl $(CR0_PG | CR0_WP | CR0_MP), %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %esi, %edi
    movq $boot_stack_top, %rsp
    pushq $0 /* where backtraces end */
    movl %ebp, %eax
    xorl %ebp, %ebp
    jmp *%rax

    .section .rodata.boot, "a"
    .align 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff /* 8: code, 64 bits */
    .quad 0x00cf92000000ffff /* 16: data */
    .quad 0x00cf9a000000ffff /* 24: code, 32 bits */
    .globl boot_gdt_pointer
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .quad boot_gdt

    .bss
    .align 4096
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4096
    .globl boot_stack
boot_stack:
    .skip 8192
    .globl boot_stack_top
boot_stack_top:
