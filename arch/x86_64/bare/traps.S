/* SPDX-License-Identifier: ISC */
/* Where the processor goes on an exception, which never returns. */
    .text

    .macro exception number, has_code
exception_\number:
    .if \has_code == 0
    pushq $0
    .endif
    pushq $\number
    jmp exception_common
    .endm

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 31
    exception \n, 0
    .endr
    .irp n, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
    exception \n, 1
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

    .section .rodata
    .align 8
    .globl trap_entries
trap_entries:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .quad exception_\n
    .endr
