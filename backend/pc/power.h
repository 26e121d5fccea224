/* SPDX-License-Identifier: ISC */
/*
 * power: how a PC is asked to stop, and how it ends: what the FADT (ACPI 6.5,
 * 5.2.9) and the DSDT say about it.
 */
#ifndef PC_POWER_H
#define PC_POWER_H

#include "acpi.h"
#include "leave.h"
#include <stdbool.h>
#include <stdint.h>

/* Offsets in the FADT (5.2.9). */
#define FADT_SCI_INT       46
#define FADT_SMI_CMD       48
#define FADT_ACPI_ENABLE   52
#define FADT_PM1A_EVENT    56
#define FADT_PM1A_CONTROL  64
#define FADT_PM1_EVENT_LEN 88
#define FADT_FLAGS         112
#define FADT_LEAST         116 /* bytes that the oldest has */
#define FADT_RESET_REG     116
#define FADT_RESET_VALUE   128
#define FADT_SLEEP_CONTROL 244

#define POWER_BUTTON (1u << 8) /* of the PM1 event registers */

/* A bit of a register says that the power button was pressed. With fixed
 * hardware (4.8.3.1) the register is a port, and the bit is cleared by writing
 * it. A Generic Event Device (5.6.9) has its register in memory, which is
 * cleared by reading it. */
struct power_event {
    uint64_t at;
    uint32_t bit; /* 0: there is no power button */
    uint32_t width; /* bytes of a register in memory, 1 or 4; 0: a port */
};

struct power {
    struct power_event event;
    unsigned pin; /* of an I/O APIC */
    unsigned line; /* 0, or the number on the ISA bus, of which the MADT may say
                    * another pin */
    bool is_level;
};

/* Reads the tables. If p->event.bit is 0, nothing else of *p is set. Registers
 * in memory are not mapped yet. */
void power_read(const struct acpi_table *fadt, const struct acpi_table *dsdt,
                struct power *p, struct leave_way ways[LEAVE_WAYS]);

/* Listens to the power button and to Ctrl-Alt-Del, and notes how the machine
 * is left. Interrupts work, and acpi_start was called. */
void power_start(void);

/* Somebody asks from outside: the image stops its jobs (decision 0007), and
 * then leaves by a reset if wanted. What follows the first time is ignored. */
void power_asked(bool is_reset);

#endif
