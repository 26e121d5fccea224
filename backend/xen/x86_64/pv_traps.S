/* SPDX-License-Identifier: ISC */
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
