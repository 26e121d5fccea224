/* SPDX-License-Identifier: ISC */
/*
 * The front door of a PV guest, and what Xen's domain builder wants to know of
 * the image (xen/elfnote.h). The same image is entered by PVH in entry.S of
 * arch/x86_64/bare.
 *
 * PV (xen/arch-x86/xen-x86_64.h, xen/xen.h "start-of-day memory layout"): 64
 * bits, ring 3, paging on, the image at the addresses where it was linked, RSI
 * holds the address of struct start_info.
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
    pushq $0 /* the end of every backtrace */
    xorl %ebp, %ebp
    movq %rsi, %rdi
    jmp pv_start

    /* Xen fills it; so it is not in the file. */
    .section .hypercalls, "ax", @nobits
    .align 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

/*
 * Exceptions of a PV guest come on the running stack, with RCX and R11 on top
 * of what the processor would push. Without those they are the processor's.
 * PV_TRAP_ENTRY bytes for each of PV_TRAPS (pv.c).
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
