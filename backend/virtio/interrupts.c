/* SPDX-License-Identifier: ISC */
/* The interrupt controllers of a PC: two 8259s behind the local APIC. */
#include "interrupts.h"
#include <cpu.h>
#include <traps.h>
#include <mirage/bare.h>

#define LINES 16

extern const uint64_t interrupt_entries[LINES];

volatile uint32_t interrupts_taken;

#define APIC          0xfee00000u
#define APIC_SPURIOUS (APIC + 0xf0)
#define APIC_LINT0    (APIC + 0x350)

/*
 * The local APIC lies between the 8259s and the processor, and lets nothing
 * through where no firmware has told it to.
 */
static bool open_apic(void)
{
    if (!(cpuid(1).d & 1u << 9))
        return true; /* there is none */
    if (!bare_map(APIC, APIC, BARE_PAGE, READ_WRITE))
        return false;
    *(volatile uint32_t *)APIC_SPURIOUS = 0x1ff; /* on */
    *(volatile uint32_t *)APIC_LINT0 = 0x700;    /* an external controller */
    return true;
}

/* The two 8259 controllers: lines 0 to 15 come as vectors 32 to 47. */
static void set_controllers(void)
{
    static const uint8_t words[][4] = {{0x11, EXCEPTIONS, 4, 1},
                                       {0x11, EXCEPTIONS + 8, 2, 1}};

    for (uint16_t i = 0; i < 2; i++) {
        uint16_t port = i ? 0xa0 : 0x20;

        outb(port, words[i][0]);
        for (int w = 1; w < 4; w++)
            outb(port + 1, words[i][w]);
        outb(port + 1, i ? 0xff : 0xfb); /* all off but the second itself */
    }
}

bool interrupts_init(void)
{
    for (unsigned line = 0; line < LINES; line++)
        trap_gate(EXCEPTIONS + line, interrupt_entries[line]);
    set_controllers();
    return open_apic();
}

void interrupt_enable(unsigned line)
{
    uint16_t port = line < 8 ? 0x21 : 0xa1;

    outb(port, inb(port) & (uint8_t) ~(1u << line % 8));
}
