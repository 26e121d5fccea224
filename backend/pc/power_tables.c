/* SPDX-License-Identifier: ISC */
/*
 * The power button and the ways out in ACPI's tables: fixed hardware (ACPI 6.5,
 * 4.8), as QEMU's q35 and pc have it, and the hardware-reduced kind (4.1) of
 * QEMU's microvm and of Cloud Hypervisor.
 */
#include "power.h"
#include <mirage/bytes.h>
#include <string.h>

#define CONTROL_BUTTON (1u << 4) /* flags: no fixed power button */
#define HAS_RESET      (1u << 10)
#define IS_REDUCED     (1u << 20)

#define SLEEP_FIXED   0x2000u /* SLP_EN of PM1 control; the type's first bit: */
#define TYPE_FIXED    10
#define SLEEP_REDUCED 0x20u /* and of the sleep control register */
#define TYPE_REDUCED  2

#define BYTE_PREFIX  0x0a
#define QWORD_PREFIX 0x0e
#define ONE_OP       1
#define NOTIFY_OP    0x86
#define EDGE         2 /* of an interrupt's flags */
#define REGION       9 /* with MORE: bytes of an operation region */

/* A Generic Address Structure (5.2.3.2) of a register of 8 bits, in memory or a
 * port. Registers in other spaces do not exist here. */
static void read_register(const uint8_t *at, unsigned value,
                          struct leave_way *w)
{
    uint64_t address = get_le64(at + 4);

    if (at[0] > LEAVE_PORT8 ||
        (at[0] == LEAVE_PORT8 && address > UINT16_MAX))
        return;
    w->at = address;
    w->value = (uint16_t)value;
    w->how = at[0];
}

#define MORE 6 /* bytes that are there behind what is found */

/* The first element of the package _S5 (7.4.2): a byte, zero or one. */
static int sleep_type(const uint8_t *at, const uint8_t *end)
{
    at = ACPI_BEHIND(at, end, "\x08_S5_\x12", MORE);
    if (!at)
        return -1;
    return (at[2] == BYTE_PREFIX ? at[3] : at[2]) & 7;
}

/*
 * The device ACPI0013 has an Extended Interrupt Descriptor (6.4.3.6) with one
 * interrupt. The method that it calls has `Notify(PWRB, 0x80)` or
 * `Notify(\_SB.PWRB, 0x80)`, behind a comparison with a constant of one byte:
 * the bit of the register that is the last operation region (20.2.5.2) before.
 */
static void read_event(const uint8_t *at, const uint8_t *end, struct power *p)
{
    const uint8_t *button = ACPI_BEHIND(at, end, "PWRB\x0a\x80", MORE);
    const uint8_t *region = NULL, *i;

    i = ACPI_BEHIND(at, end, "ACPI0013", MORE);
    i = ACPI_BEHIND(i, end, "\x89\x06\x00", MORE);
    if (!i || !button)
        return;
    p->pin = get_le32(i + 2);
    p->is_level = !(i[0] & EDGE);
    while ((at = ACPI_BEHIND(at, button - REGION, "\x5b\x80", MORE)))
        region = at;
    if (!region || region[4] != 0)
        return;
    p->event.at = get_le64(region + 6);
    if (region[5] != QWORD_PREFIX) {
        p->event.at = (uint32_t)p->event.at;
        region -= 4;
    }
    p->event.width = region[14] == ONE_OP ? 1 : 4;
    button -= 6;
    if (button[-6] == '\\') /* \._SB_ */
        button -= 6;
    if (button[-1] == NOTIFY_OP && button[-3] == BYTE_PREFIX)
        p->event.bit = button[-2];
}

static void read_fixed(const uint8_t *fadt, struct power *p)
{
    p->event.at = get_le16(fadt + FADT_PM1A_EVENT);
    p->event.width = 0;
    if (!(fadt[FADT_FLAGS] & CONTROL_BUTTON))
        p->event.bit = POWER_BUTTON;
    p->pin = p->line = fadt[FADT_SCI_INT];
    p->is_level = true;
}

/* FADTs of older revisions are shorter. */
void power_read(const struct acpi_table *fadt, const struct acpi_table *dsdt,
                struct power *p, struct leave_way ways[LEAVE_WAYS])
{
    const uint8_t *f = fadt->bytes, *end = dsdt->bytes + dsdt->len;
    int type = sleep_type(dsdt->bytes, end);
    uint32_t flags;

    p->event.bit = 0;
    if (fadt->len < FADT_LEAST)
        return;
    flags = get_le32(f + FADT_FLAGS);
    if (flags & HAS_RESET && fadt->len > FADT_RESET_VALUE)
        read_register(f + FADT_RESET_REG, f[FADT_RESET_VALUE],
                      &ways[LEAVE_RESET]);
    if (!(flags & IS_REDUCED)) {
        read_fixed(f, p);
        ways[LEAVE_OFF].at = get_le16(f + FADT_PM1A_CONTROL);
        ways[LEAVE_OFF].value =
            (uint16_t)((unsigned)type << TYPE_FIXED | SLEEP_FIXED);
        ways[LEAVE_OFF].how = LEAVE_PORT16;
    } else if (fadt->len >= FADT_SLEEP_CONTROL + 12) {
        read_event(dsdt->bytes, end, p);
        read_register(f + FADT_SLEEP_CONTROL,
                      (unsigned)type << TYPE_REDUCED | SLEEP_REDUCED,
                      &ways[LEAVE_OFF]);
    }
    if (type < 0)
        ways[LEAVE_OFF].at = 0;
}
