/* SPDX-License-Identifier: ISC */
/* The handlers of exceptions, which push all registers (traps.c, struct
 * registers) and do not return. */
    .text

/* Exceptions for which the processor pushes an error code; for the others the
 * handler pushes 0. */
#define HAVE_CODE \
    (1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | \
     1 << 21 | 1 << 29 | 1 << 30)

/* TRAP_ENTRY bytes for each of EXCEPTIONS (traps.h). */
    .globl trap_entries
trap_entries:
    .set .Lnumber, 0
    .rept 32
    .org trap_entries + 9 * .Lnumber
    .if (HAVE_CODE >> .Lnumber & 1) == 0
    pushq $0
    .endif
    pushq $.Lnumber
    jmp exception_common
    .set .Lnumber, .Lnumber + 1
    .endr

    .globl exception_common
exception_common:
    cld
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
    movq %rsp, %rdi
    call trap_exception
