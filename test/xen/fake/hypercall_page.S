/* SPDX-License-Identifier: ISC */
/*
 * The page that the hypercall header calls into. As with the real one, calls
 * clobber the argument registers and preserve all others.
 */
    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .set number, 0
    .rept 128
    .balign 32
    movl $number, %eax
    jmp dispatch
    .set number, number + 1
    .endr
    .balign 4096

dispatch:
    pushq %rbp
    movq %rsp, %rbp
    subq $512, %rsp
    andq $-64, %rsp
    fxsave64 (%rsp)
    movq %r10, %r8
    movq %rdx, %rcx
    movq %rsi, %rdx
    movq %rdi, %rsi
    movl %eax, %edi
    call fake_hypercall
    fxrstor64 (%rsp)
    leave
    movq $-0x5afe, %rdi
    movq %rdi, %rsi
    movq %rdi, %rdx
    movq %rdi, %rcx
    movq %rdi, %r8
    movq %rdi, %r9
    movq %rdi, %r10
    movq %rdi, %r11
    ret

/* The host has called the constructors already. */
    .section .rodata
    .globl image_init_first, image_init_last
image_init_first:
image_init_last:
    .quad 0

    .section .note.GNU-stack, "", @progbits
