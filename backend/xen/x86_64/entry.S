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

    /* Xen fills the page, so it is not in the file. */
    .section .hypercalls, "ax", @nobits
    .align 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

/*
 * The handlers of a PV guest's exceptions. Xen pushes what the processor would,
 * and RCX and R11, to the running stack; these are popped, and the processor's
 * handlers do the rest. PV_TRAP_ENTRY bytes for each of PV_TRAPS (pv.c).
 */
    .text
    .globl pv_trap_entries
pv_trap_entries:
    .set .Lnumber, 0
    .rept 20
    .org pv_trap_entries + 8 * .Lnumber
    popq %rcx
    popq %r11
    jmp trap_entries + 9 * .Lnumber
    .set .Lnumber, .Lnumber + 1
    .endr
