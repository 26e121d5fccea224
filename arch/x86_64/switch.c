/* SPDX-License-Identifier: ISC */
/*
 * Stack switching on x86-64. Calls preserve RBX, RBP and R12 to R15 (System V
 * ABI, 3.2.1). It ends with ret and not with a jump, which would leave the
 * return predictor one call behind, so that all later returns were
 * mispredicted. Since core calls it from one place, the predicted address is
 * right.
 */
#include <mirage/arch.h>

__asm__(".text\n"
        ".globl arch_switch\n"
        ".hidden arch_switch\n"
        ".type arch_switch, @function\n"
        "arch_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size arch_switch, . - arch_switch\n");

void *arch_stack(void *top, void (*entry)(void))
{
    uint64_t *sp = top;

    *--sp = 0; /* entry's return address, where backtraces end; it also aligns
                  the stack as at a function's first instruction */
    *--sp = (uintptr_t)entry;
    for (int i = 0; i < 6; i++)
        *--sp = 0;
    return sp;
}

bool arch_is_return_address(uintptr_t address, bool (*holds_code)(uintptr_t))
{
    const uint8_t *after = (const uint8_t *)address;

    if (!holds_code(address) || !holds_code(address - 8))
        return false;
    if (after[-5] == 0xe8) /* call relative */
        return true;
    for (int length = 2; length <= 7; length++) /* call by a register */
        if (after[-length] == 0xff && (after[1 - length] & 0x38) == 0x10)
            return true;
    return false;
}
