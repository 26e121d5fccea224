/* SPDX-License-Identifier: ISC */
/* Stack switching on AArch64. Calls preserve x19 to x30 and the low halves of
 * v8 to v15 (AAPCS64, 6.1). */
#include <mirage/arch.h>

#define SAVED 20 /* words: 12 registers and 8 halves, a multiple of 16 bytes */
#define LINK  11 /* index of x30 among them */

__asm__(".text\n"
        ".globl arch_switch\n"
        ".hidden arch_switch\n"
        ".type arch_switch, %function\n"
        "arch_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size arch_switch, . - arch_switch\n");

void *arch_stack(void *top, void (*entry)(void))
{
    uint64_t *sp = top;

    for (int i = 0; i < SAVED; i++)
        *--sp = 0;
    sp[LINK] = (uintptr_t)entry;
    return sp;
}

bool arch_is_return_address(uintptr_t address, bool (*holds_code)(uintptr_t))
{
    uint32_t before;

    if (address % 4 != 0 || !holds_code(address) || !holds_code(address - 4))
        return false;
    before = *(const uint32_t *)(address - 4);
    return before >> 26 == 0x25 || /* bl */
           (before & 0xfffffc1f) == 0xd63f0000; /* blr */
}
