/* SPDX-License-Identifier: ISC */
/*
 * Switching stacks on x86-64: System V ABI, 3.2.1 says what a call keeps. It
 * returns by ret, not by a jump: all switches are called from one place in
 * core, so the processor's return prediction, which knows nothing of stacks,
 * is right there, and in the callers above as far as they are the same. A jump
 * would leave it one call behind, and each return after it mispredicted.
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

    *--sp = 0; /* entry's return address: the end of every backtrace; it also
                  aligns the stack as at a function's first instruction */
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
