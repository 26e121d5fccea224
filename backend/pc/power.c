/* SPDX-License-Identifier: ISC */
/*
 * The power button, by the registers that ACPI's tables name (ACPI 6.5, 4.8.3.1
 * and 5.6.9), and what is done when it is pressed.
 */
#include "power.h"
#include "i8042.h"
#include "interrupts.h"
#include <arch/cpu.h>
#include <mirage/bytes.h>
#include <mirage/log.h>
#include <mirage/machine.h>
#include <mirage/platform.h>

#define SCI_EN        1u
#define ENABLE_POLLS  1000
#define MADT_OVERRIDE 2 /* of an interrupt of the ISA bus (5.2.12.5) */
#define TRIGGER       0xcu
#define TRIGGER_EDGE  0x4u

LOG_SOURCE(power);

static struct power_event event;
static bool power_is_asked;

void power_asked(bool is_reset)
{
    if (power_is_asked)
        return;
    power_is_asked = true;
    leave_by_reset = is_reset;
    log_info(&power, "asked for %s", is_reset ? "reboot" : "poweroff");
    image_stop();
}

static void on_event(void *ctx)
{
    uint32_t bits;

    (void)ctx;
    if (event.width == 0) {
        bits = inw((uint16_t)event.at) & POWER_BUTTON;
        outw((uint16_t)event.at, (uint16_t)bits);
    } else {
        bits = event.width == 4 ? read_device(event.at)
                                : read_device8(event.at);
    }
    if (bits & event.bit)
        power_asked(false);
}

/* An interrupt of the ISA bus may have another pin. */
static void read_override(void *ctx, const uint8_t *at)
{
    struct power *p = ctx;

    if (at[0] != MADT_OVERRIDE || at[1] < 10 || at[3] != p->line)
        return;
    p->pin = get_le32(at + 4);
    p->is_level = (at[8] & TRIGGER) != TRIGGER_EDGE;
}

/* An event from before the start is none for us: the machine may have been
 * switched on by the button. */
static void start_fixed(const uint8_t *fadt, struct power *p)
{
    uint16_t command = get_le16(fadt + FADT_SMI_CMD);
    uint16_t control = get_le16(fadt + FADT_PM1A_CONTROL);
    uint16_t at = (uint16_t)event.at;
    int polls = ENABLE_POLLS;

    acpi_visit_madt(read_override, p);
    if (command)
        outb(command, fadt[FADT_ACPI_ENABLE]);
    while (!(inw(control) & SCI_EN) && --polls > 0)
        ;
    outw(at, POWER_BUTTON);
    outw((uint16_t)(at + fadt[FADT_PM1_EVENT_LEN] / 2), POWER_BUTTON);
}

static void map_way(struct leave_way *w)
{
    if (w->how == LEAVE_MEMORY)
        w->at = acpi_map(w->at, 1, DEVICE);
}

void power_start(void)
{
    static struct interrupt interrupt;
    struct acpi_table fadt, dsdt;
    struct power p;

    i8042_start();
    if (!acpi_find(ACPI_FADT, 0, &fadt) || !acpi_find_dsdt(&fadt, &dsdt))
        return;
    power_read(&fadt, &dsdt, &p, leave_ways);
    map_way(&leave_ways[LEAVE_OFF]);
    map_way(&leave_ways[LEAVE_RESET]);
    event = p.event;
    if (event.bit == 0)
        return;
    if (event.width == 0)
        start_fixed(fadt.bytes, &p);
    else if (!(event.at = acpi_map(event.at, 4, DEVICE)))
        return;
    interrupt.on_interrupt = on_event;
    (void)interrupt_listen_pin(&interrupt, p.pin, p.is_level);
    on_event(NULL);
}
