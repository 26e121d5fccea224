/* SPDX-License-Identifier: ISC */
/*
 * An image as a virtual machine on QEMU/KVM and its like: its start, idling,
 * and its ways out.
 */
#include <pc/alarm.h>
#include <pc/clock.h>
#include <pc/interrupts.h>
#include <pc/linux.h>
#include <pc/serial.h>
#include <arch/cpu.h>
#include <arch/entry.h>
#include <bare/start.h>
#include <arch/traps.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/panic.h>
#include <mirage/platform.h>

void platform_put(const char *text, size_t len)
{
    serial_write(text, len);
}

void platform_answer(const char *text, size_t len)
{
    serial_write(text, len);
}

/*
 * Writes a value to QEMU's isa-debug-exit, which ends QEMU with the low 8 bits
 * of 2 * value + 1. QEMU ends with 1 when it cannot start, so the value is the
 * exit status + 1; statuses above 126 are given as 126. Without that device:
 * ACPI's soft off where QEMU's q35 and pc have it, a reset by the keyboard
 * controller, and finally a triple fault.
 */
void bare_leave(int code)
{
    static const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_table = {0, 0};
    uint8_t status = (uint8_t)code;

    outb(0xf4, status < 126 ? status + 1 : 127);
    if (status == 0)
        outw(0x604, 0x2000);
    outb(0x64, 0xfe);
    __asm__ volatile("lidt %0\n\tint3"
                     :
                     : "m"(no_table));
    __builtin_unreachable();
}

static void idle(nanoseconds deadline)
{
    nanoseconds look = clock_look();

    if (look < deadline)
        deadline = look;
    if (deadline != FOREVER)
        alarm_set(deadline);
    wait_for_interrupt();
    if (look != FOREVER)
        (void)platform_now();
}

void platform_wait(nanoseconds deadline)
{
    uint32_t taken;

    if (deadline == 0)
        accept_interrupts();
    else
        idle(deadline);
    taken = interrupts_taken;
    interrupts_taken = 0;
    if (taken & 1u << SERIAL_LINE)
        serial_wake();
}

/* All memory is mapped from the beginning. */
bool pages_more(size_t count)
{
    (void)count;
    return false;
}

size_t pages_unmapped(void)
{
    return 0;
}

void *bare_table_page(void)
{
    return platform_pages(1);
}

static struct start start;

static void begin(void)
{
    clock_start();
    serial_start();
    traps_init();
}

static void go_on(void)
{
    libc_start();
    set_thread_base(libc_thread_block);
    pages_start(start.region, start.regions);
    require(interrupts_init());
    alarm_start();
    clock_report();
    start_image(&start);
}

void bare_start(const struct hvm_start_info *info)
{
    begin();
    start_read_pvh(&start, info);
    go_on();
}

void linux_start(const struct boot_params *params)
{
    begin();
    start_read_linux(&start, params);
    go_on();
}
