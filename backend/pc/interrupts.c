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

/* Lines have vectors of their own, the last for spurious interrupts. Other pins
 * share those of the lines 5 to 14, which few devices have; the other vectors
 * are given to messages in turn. */
#define LINES           16
#define SHARED(pin)     (5 + (pin) % 10)
#define VECTORS         INTERRUPTS
#define INTERRUPT_ENTRY 4 /* bytes of code for each vector, in interrupts.S */

extern const char line_entries[LINES][INTERRUPT_ENTRY];
extern const char driver_entries[VECTORS - LINES][INTERRUPT_ENTRY];

volatile uint32_t interrupts_taken, interrupts_open;

static struct interrupt *listeners;

#define APIC         0xfee00000u
#define APIC_ID      0x20
#define APIC_END     0xb0
#define APIC_MODE    0xf0 /* spurious interrupt vector register */
#define APIC_TIMER   0x320
#define APIC_LINT0   0x350
#define APIC_COUNT   0x380 /* the timer counts down from it */
#define APIC_LEFT    0x390
#define APIC_DIVIDER 0x3e0

#define MASKED     0x10000u
#define LEVEL      0x8000u
#define ON         0x100u
#define BY_SIXTEEN 3u

#define IO_APIC         0xfec00000u
#define IO_APIC_INDEX   0
#define IO_APIC_DATA    0x10
#define IO_APIC_VERSION 1
#define IO_APIC_LINES   0x10 /* two words each */

/* The I/O APICs: the pins of each are numbered from first on. Only functions
 * for drivers use the table, so that other images are linked without it. */
static struct io_apic {
    uintptr_t at;
    unsigned first;
} io_apics[4];
static size_t io_apic_count;

static void io_apic_write(uintptr_t at, uint32_t index, uint32_t value)
{
    write_device(at + IO_APIC_INDEX, index);
    write_device(at + IO_APIC_DATA, value);
}

static unsigned io_apic_pins(const struct io_apic *a)
{
    write_device(a->at + IO_APIC_INDEX, IO_APIC_VERSION);
    return (read_device(a->at + IO_APIC_DATA) >> 16 & 0xff) + 1;
}

bool interrupts_add_io_apic(uint64_t address, unsigned first)
{
    for (size_t i = 0; i < io_apic_count; i++)
        if (io_apics[i].at == address)
            return true;
    if (io_apic_count == sizeof io_apics / sizeof io_apics[0] ||
        !bare_map(address, address, BARE_PAGE, DEVICE))
        return false;
    io_apics[io_apic_count++] = (struct io_apic){address, first};
    return true;
}

/* Spurious interrupts get the vector of the last line, on which nothing can
 * listen. */
bool interrupts_start(void)
{
    for (unsigned line = 0; line < LINES; line++)
        trap_gate(EXCEPTIONS + line, (uintptr_t)line_entries[line]);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    if (!(cpuid(1).d & 1u << 9) ||
        !bare_map(APIC, APIC, BARE_PAGE, DEVICE) ||
        !bare_map(IO_APIC, IO_APIC, BARE_PAGE, DEVICE))
        return false;
    io_apics[0].at = IO_APIC;
    io_apic_count = 1;
    write_device(APIC + APIC_MODE, ON | (EXCEPTIONS + LINES - 1));
    write_device(APIC + APIC_LINT0, MASKED);
    write_device(APIC + APIC_DIVIDER, BY_SIXTEEN);
    write_device(APIC + APIC_TIMER, EXCEPTIONS + TIMER_LINE);
    return true;
}

static void listen(struct interrupt *i, unsigned vector)
{
    i->line = vector;
    i->next = listeners;
    listeners = i;
}

/* When all are given away, they are shared. */
static unsigned next_vector(void)
{
    static unsigned given;
    unsigned next = given++ % (VECTORS - LINES);

    trap_gate(EXCEPTIONS + LINES + next, (uintptr_t)driver_entries[next]);
    return LINES + next;
}

void interrupt_listen(struct interrupt *i)
{
    require(interrupt_listen_pin(i, i->line, false));
}

bool interrupt_listen_pin(struct interrupt *i, unsigned pin, bool is_level)
{
    const struct io_apic *a = io_apics;
    uint32_t entry;

    while (pin - a->first >= io_apic_pins(a))
        if (++a == io_apics + io_apic_count)
            return false;
    listen(i, pin > TIMER_LINE && pin < LINES - 1 ? pin : SHARED(pin));
    entry = IO_APIC_LINES + 2 * (pin - a->first);
    /* To this processor. */
    io_apic_write(a->at, entry + 1, read_device(APIC + APIC_ID));
    io_apic_write(a->at, entry,
                  (EXCEPTIONS + i->line) | (is_level ? LEVEL : 0));
    return true;
}

void interrupt_listen_vector(struct interrupt *i)
{
    require(i->line < VECTORS);
    listen(i, i->line);
}

void interrupt_listen_message(struct interrupt *i, uint64_t *address,
                              uint32_t *data)
{
    unsigned vector = next_vector();

    listen(i, vector);
    *address = APIC | read_device(APIC + APIC_ID) >> 24 << 12;
    *data = EXCEPTIONS + vector;
}

/* The ends are sent after the handlers, which have devices lower their lines:
 * otherwise a level-triggered line would interrupt again at once. */
void interrupts_deliver(void)
{
    uint32_t taken = interrupts_taken, open = interrupts_open;

    interrupts_taken = interrupts_open = 0;
    for (struct interrupt *i = listeners; taken && i; i = i->next)
        if (taken & 1u << i->line)
            i->on_interrupt(i->ctx);
    while (open-- > 0)
        write_device(APIC + APIC_END, 0);
}

void timer_set(uint32_t count)
{
    write_device(APIC + APIC_COUNT, count);
}

uint32_t timer_left(void)
{
    return read_device(APIC + APIC_LEFT);
}
