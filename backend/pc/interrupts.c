/* SPDX-License-Identifier: ISC */
/*
 * The local APIC with its timer (Intel's manual, volume 3, "Advanced
 * Programmable Interrupt Controller"), and the I/O APIC (Intel's data sheet of
 * the 82093AA). Every supported machine has both. The older 8259s, if there are
 * any, are masked.
 */
#include "interrupts.h"
#include <arch/cpu.h>
#include <arch/traps.h>
#include <mirage/bare.h>
#include <mirage/machine.h>
#include <mirage/panic.h>

#define LINES 16

extern const uint64_t interrupt_entries[LINES];

volatile uint32_t interrupts_taken;

static struct interrupt *listeners;

/* interrupts.S has this address, too. */
#define APIC         0xfee00000u
#define APIC_ID      0x20
#define APIC_MODE    0xf0 /* spurious interrupt vector register */
#define APIC_TIMER   0x320
#define APIC_LINT0   0x350
#define APIC_COUNT   0x380 /* the timer counts down from it */
#define APIC_LEFT    0x390
#define APIC_DIVIDER 0x3e0

#define MASKED     0x10000u
#define ON         0x100u
#define BY_SIXTEEN 3u

#define IO_APIC       0xfec00000u
#define IO_APIC_INDEX 0
#define IO_APIC_DATA  0x10
#define IO_APIC_LINES 0x10 /* redirection table: two words for each line */

static void io_apic_write(uint32_t index, uint32_t value)
{
    write_device(IO_APIC + IO_APIC_INDEX, index);
    write_device(IO_APIC + IO_APIC_DATA, value);
}

/* Spurious interrupts get the vector of the last line, on which nothing can
 * listen. */
bool interrupts_start(void)
{
    for (unsigned line = 0; line < LINES; line++)
        trap_gate(EXCEPTIONS + line, interrupt_entries[line]);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    if (!(cpuid(1).d & 1u << 9) ||
        !bare_map(APIC, APIC, BARE_PAGE, DEVICE) ||
        !bare_map(IO_APIC, IO_APIC, BARE_PAGE, DEVICE))
        return false;
    write_device(APIC + APIC_MODE, ON | (EXCEPTIONS + LINES - 1));
    write_device(APIC + APIC_LINT0, MASKED);
    write_device(APIC + APIC_DIVIDER, BY_SIXTEEN);
    write_device(APIC + APIC_TIMER, EXCEPTIONS + TIMER_LINE);
    return true;
}

/* Routes the line to this processor, edge-triggered. */
static void enable(unsigned line)
{
    io_apic_write(IO_APIC_LINES + 2 * line + 1, read_device(APIC + APIC_ID));
    io_apic_write(IO_APIC_LINES + 2 * line, EXCEPTIONS + line);
}

void interrupt_listen(struct interrupt *i)
{
    require(i->line > TIMER_LINE && i->line < LINES - 1);
    i->next = listeners;
    listeners = i;
    enable(i->line);
}

void interrupts_deliver(void)
{
    uint32_t taken = interrupts_taken;

    interrupts_taken = 0;
    for (struct interrupt *i = listeners; i; i = i->next)
        if (taken & 1u << i->line)
            i->on_interrupt(i->ctx);
}

void timer_set(uint32_t count)
{
    write_device(APIC + APIC_COUNT, count);
}

uint32_t timer_left(void)
{
    return read_device(APIC + APIC_LEFT);
}
