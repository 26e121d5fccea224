/* SPDX-License-Identifier: ISC */
/*
 * The entry of a PV guest, and the ELF notes for Xen's domain builder
 * (xen/elfnote.h). The entry by PVH is in arch/x86_64/bare/entry.S.
 *
 * PV (xen/arch-x86/xen-x86_64.h; xen/xen.h, "start-of-day memory layout"):
 * 64-bit mode, ring 3, paging on, the image at its link addresses, RSI holds
 * the address of struct start_info.
 */
#include <xen/elfnote.h>

    .macro note type
    .align 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:
    .endm

    .macro text_note type, text
    note \type
    .asciz "\text"
2:
    .endm

    .macro word_note type, value
    note \type
    .quad \value
2:
    .endm

    .section .note.Xen, "a", @note
    text_note XEN_ELFNOTE_GUEST_OS, "Mirage for C"
    text_note XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
    text_note XEN_ELFNOTE_LOADER, "generic"
    word_note XEN_ELFNOTE_VIRT_BASE, 0
    word_note XEN_ELFNOTE_PADDR_OFFSET, 0
    word_note XEN_ELFNOTE_ENTRY, image_entry
    word_note XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
    word_note XEN_ELFNOTE_SUSPEND_CANCEL, 1

    .section .text.entry, "ax"
    .globl image_entry
image_entry:
    cld
    movq $boot_stack_top, %rsp
    pushq $0 /* where backtraces end */
    xorl %ebp, %ebp
    movq %rsi, %rdi
    jmp pv_start
