/* SPDX-License-Identifier: ISC */
/*
 * The local APIC with its timer (Intel's manual, volume 3, chapter 11), and the
 * IO-APIC (its 82093AA data sheet), which every such machine has; the older
 * controllers, where there are any, are switched off.
 */
#include "interrupts.h"
#include <arch/cpu.h>
#include <arch/traps.h>
#include <mirage/bare.h>

#define LINES 16

extern const uint64_t interrupt_entries[LINES];

volatile uint32_t interrupts_taken;

/* interrupts.S has the address, too. */
#define APIC         0xfee00000u
#define APIC_ID      0x20
#define APIC_MODE    0xf0
#define APIC_TIMER   0x320
#define APIC_LINT0   0x350
#define APIC_COUNT   0x380 /* from where it counts down */
#define APIC_LEFT    0x390
#define APIC_DIVIDER 0x3e0

#define MASKED     0x10000u
#define ON         0x100u
#define BY_SIXTEEN 3u

#define IO_APIC       0xfec00000u
#define IO_APIC_INDEX 0
#define IO_APIC_DATA  0x10
#define IO_APIC_LINES 0x10 /* two words each */

static volatile uint32_t *at(uintptr_t address)
{
    return (volatile uint32_t *)address;
}

static void io_apic_write(uint32_t index, uint32_t value)
{
    *at(IO_APIC + IO_APIC_INDEX) = index;
    *at(IO_APIC + IO_APIC_DATA) = value;
}

/* An interrupt that is gone when it is asked for comes as the last line's. */
bool interrupts_init(void)
{
    for (unsigned line = 0; line < LINES; line++)
        trap_gate(EXCEPTIONS + line, interrupt_entries[line]);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    if (!(cpuid(1).d & 1u << 9) ||
        !bare_map(APIC, APIC, BARE_PAGE, READ_WRITE) ||
        !bare_map(IO_APIC, IO_APIC, BARE_PAGE, READ_WRITE))
        return false;
    *at(APIC + APIC_MODE) = ON | (EXCEPTIONS + LINES - 1);
    *at(APIC + APIC_LINT0) = MASKED;
    *at(APIC + APIC_DIVIDER) = BY_SIXTEEN;
    *at(APIC + APIC_TIMER) = EXCEPTIONS + TIMER_LINE;
    return true;
}

/* By its edge, to this processor. */
void interrupt_enable(unsigned line)
{
    io_apic_write(IO_APIC_LINES + 2 * line + 1, *at(APIC + APIC_ID));
    io_apic_write(IO_APIC_LINES + 2 * line, EXCEPTIONS + line);
}

void interrupt_after(uint32_t count)
{
    *at(APIC + APIC_COUNT) = count;
}

uint32_t interrupt_count_left(void)
{
    return *at(APIC + APIC_LEFT);
}
