/* SPDX-License-Identifier: ISC */
/*
 * A PC as a bare image's machine: how it is entered, by PVH or by Linux's boot
 * protocol, and idling.
 */
#include "alarm.h"
#include "clock.h"
#include "interrupts.h"
#include "linux.h"
#include "machine.h"
#include "power.h"
#include "serial.h"
#include <arch/cpu.h>
#include <arch/entry.h>
#include <arch/pvh.h>
#include <arch/traps.h>
#include <mirage/machine.h>
#include <mirage/panic.h>
#include <mirage/platform.h>

struct start machine_start;

static void start_devices(void)
{
    clock_start();
    serial_start();
    traps_init();
}

void bare_start(const struct hvm_start_info *info)
{
    start_devices();
    start_read_pvh(&machine_start, info);
    target_start(&machine_start);
}

void linux_start(const struct boot_params *params)
{
    start_devices();
    start_read_linux(&machine_start, params);
    target_start(&machine_start);
}

void machine_start_interrupts(void)
{
    require(interrupts_start());
    alarm_start();
    clock_report();
    power_start();
}

static void idle(nanoseconds deadline)
{
    nanoseconds look = clock_next_reading();

    if (look < deadline)
        deadline = look;
    if (deadline != FOREVER)
        alarm_set(deadline);
    wait_for_interrupt();
    if (look != FOREVER)
        (void)platform_now();
}

void machine_wait(nanoseconds deadline)
{
    if (deadline == 0)
        accept_interrupts();
    else
        idle(deadline);
    if (interrupts_taken & 1u << TIMER_LINE)
        alarm_ended();
    interrupts_deliver();
}
