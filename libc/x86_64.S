/* SPDX-License-Identifier: ISC */
/*
 * setjmp and longjmp, in a jmp_buf of newlib's size (glibc's is larger).
 * newlib's own longjmp(place, 0) returns 0, where C wants 1.
 */
        .macro function name, others:vararg
        .section .text.\name, "ax", @progbits
        .irp each, \name, \others
        .globl \each
        .type \each, @function
\each:
        .endr
        .endm

        function setjmp, _setjmp, __sigsetjmp
        mov     %rbx, (%rdi)
        mov     %rbp, 8(%rdi)
        mov     %r12, 16(%rdi)
        mov     %r13, 24(%rdi)
        mov     %r14, 32(%rdi)
        mov     %r15, 40(%rdi)
        lea     8(%rsp), %rax
        mov     %rax, 48(%rdi)
        mov     (%rsp), %rax
        mov     %rax, 56(%rdi)
        xor     %eax, %eax
        ret

        function longjmp, _longjmp, siglongjmp, __longjmp_chk
        mov     %esi, %eax
        test    %eax, %eax
        jnz     1f
        inc     %eax
1:      mov     (%rdi), %rbx
        mov     8(%rdi), %rbp
        mov     16(%rdi), %r12
        mov     24(%rdi), %r13
        mov     32(%rdi), %r14
        mov     40(%rdi), %r15
        mov     48(%rdi), %rsp
        jmp     *56(%rdi)

        .section .note.GNU-stack, "", @progbits
