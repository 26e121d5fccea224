/* SPDX-License-Identifier: ISC */
/*
 * How the virtual machine ends. A value that is written to QEMU's
 * isa-debug-exit ends QEMU with the low 8 bits of 2 * value + 1. QEMU itself
 * ends with 1 when it cannot start, so the value is the exit status + 1;
 * statuses above 126 are given as 126. Without that device: ACPI's soft off and
 * reset (power_tables.c), a reset by the keyboard controller, and finally a
 * triple fault.
 */
#include "leave.h"
#include <arch/cpu.h>
#include <mirage/bare.h>

#define DEBUG_EXIT 0xf4
#define KEYBOARD   0x64
#define RESET      0xfe /* pulses the processor's reset line */
#define PATIENCE   1000000 /* pauses: some 10 ms */

struct leave_way leave_ways[LEAVE_WAYS];
bool leave_by_reset;

static void leave_by(const struct leave_way *w)
{
    if (w->at == 0)
        return;
    if (w->how == LEAVE_MEMORY)
        write_device8(w->at, (uint8_t)w->value);
    if (w->how == LEAVE_PORT8)
        outb((uint16_t)w->at, (uint8_t)w->value);
    if (w->how == LEAVE_PORT16)
        outw((uint16_t)w->at, w->value);
}

static void leave_by_tables(uint8_t status)
{
    if (status == 0 && !leave_by_reset) {
        leave_by(&leave_ways[LEAVE_OFF]);
        for (int i = 0; i < PATIENCE; i++)
            __builtin_ia32_pause(); /* while QEMU notices */
    }
    leave_by(&leave_ways[LEAVE_RESET]);
}

void bare_leave(int code)
{
    static const struct table_pointer no_gates = {0, 0};
    uint8_t status = (uint8_t)code;

    outb(DEBUG_EXIT, status < 126 ? status + 1 : 127);
    leave_by_tables(status);
    outb(KEYBOARD, RESET);
    load_idt(&no_gates);
    __asm__ volatile("int3");
    __builtin_unreachable();
}
