/* SPDX-License-Identifier: ISC */
/*
 * How the virtual machine ends. A value that is written to QEMU's
 * isa-debug-exit ends QEMU with the low 8 bits of 2 * value + 1. QEMU itself
 * ends with 1 when it cannot start, so the value is the exit status + 1;
 * statuses above 126 are given as 126. Without that device: ACPI's soft off
 * where QEMU's q35 and pc have it, a reset by the keyboard controller, and
 * finally a triple fault.
 */
#include <arch/cpu.h>
#include <mirage/bare.h>

#define DEBUG_EXIT  0xf4
#define PM1_CONTROL 0x604 /* QEMU's ACPI */
#define SOFT_OFF    0x2000 /* its SLP_EN, and type S5 */
#define KEYBOARD    0x64
#define RESET       0xfe /* pulses the processor's reset line */

void bare_leave(int code)
{
    static const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_table = {0, 0};
    uint8_t status = (uint8_t)code;

    outb(DEBUG_EXIT, status < 126 ? status + 1 : 127);
    if (status == 0)
        outw(PM1_CONTROL, SOFT_OFF);
    outb(KEYBOARD, RESET);
    __asm__ volatile("lidt %0\n\tint3"
                     :
                     : "m"(no_table));
    __builtin_unreachable();
}
