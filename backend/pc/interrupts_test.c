/* SPDX-License-Identifier: ISC */
/* Interrupt lines and their handlers, on simulated controllers. */
#include <arch/cpu.h>
#define cpuid(leaf)                  tested_cpuid(leaf)
#define outb(port, value)            tested_outb(port, value)
#define read_device(address)         tested_read(address)
#define write_device(address, value) tested_write(address, value)

static struct cpuid tested_cpuid(uint32_t leaf);
static void tested_outb(uint16_t port, uint8_t value);
static uint32_t tested_read(uintptr_t address);
static void tested_write(uintptr_t address, uint32_t value);

#include "interrupts.c"
#include "check.h"
#include <string.h>

#define LEAVES   64 /* registers of the I/O APIC */
#define OUR_APIC (5u << 24)
#define MAPPED   2

const uint64_t interrupt_entries[LINES] = {[3] = 0x1003, [15] = 0x100f};

static bool has_apic, has_pages;
static uint32_t apic[BARE_PAGE / 4], io_apic[LEAVES], io_index;
static uint64_t gates[EXCEPTIONS + LINES];
static uintptr_t mapped[MAPPED];
static unsigned mapped_count;

static struct cpuid tested_cpuid(uint32_t leaf)
{
    CHECK(leaf == 1);
    return (struct cpuid){.d = has_apic ? 1u << 9 : 0};
}

static void tested_outb(uint16_t port, uint8_t value)
{
    CHECK((port == 0x21 || port == 0xa1) && value == 0xff);
}

static uint32_t tested_read(uintptr_t address)
{
    CHECK(address - APIC < BARE_PAGE);
    return apic[(address - APIC) / 4];
}

static void tested_write(uintptr_t address, uint32_t value)
{
    if (address == IO_APIC + IO_APIC_INDEX) {
        io_index = value;
    } else if (address == IO_APIC + IO_APIC_DATA) {
        CHECK(io_index < LEAVES);
        io_apic[io_index] = value;
    } else {
        CHECK(address - APIC < BARE_PAGE);
        apic[(address - APIC) / 4] = value;
    }
}

void trap_gate(unsigned vector, uint64_t at)
{
    CHECK(vector >= EXCEPTIONS && vector < EXCEPTIONS + LINES);
    gates[vector] = at;
}

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    CHECK(address == physical && size == BARE_PAGE && access == DEVICE);
    if (has_pages)
        mapped[mapped_count++] = address;
    return has_pages;
}

static void begin(void)
{
    has_apic = has_pages = true;
    memset(apic, 0, sizeof apic);
    memset(io_apic, 0, sizeof io_apic);
    apic[APIC_ID / 4] = OUR_APIC;
    mapped_count = 0;
    listeners = NULL;
    interrupts_taken = 0;
}

/* Is the line's entry of the I/O APIC enabled? */
static bool is_enabled(unsigned line)
{
    return io_apic[IO_APIC_LINES + 2 * line] == EXCEPTIONS + line &&
           io_apic[IO_APIC_LINES + 2 * line + 1] == OUR_APIC;
}

static void count(void *ctx)
{
    ++*(int *)ctx;
}

TEST(registers_of_both_controllers_are_mapped_as_a_device)
{
    begin();
    CHECK(interrupts_start());
    CHECK(mapped_count == 2);
    CHECK(mapped[0] == APIC && mapped[1] == IO_APIC);
    CHECK(gates[EXCEPTIONS + 3] == 0x1003);
}

TEST(the_timer_and_spurious_interrupts_have_vectors_of_their_own)
{
    begin();
    CHECK(interrupts_start());
    CHECK(apic[APIC_TIMER / 4] == EXCEPTIONS + TIMER_LINE);
    CHECK(apic[APIC_MODE / 4] == (ON | (EXCEPTIONS + 15)));
    CHECK(gates[EXCEPTIONS + 15] == 0x100f);
}

TEST(a_machine_without_a_local_apic_or_pages_is_refused)
{
    begin();
    has_apic = false;
    CHECK(!interrupts_start());
    begin();
    has_pages = false;
    CHECK(!interrupts_start());
}

TEST(a_line_is_enabled_when_it_is_first_listened_to)
{
    int calls = 0;
    struct interrupt i = {.line = 4, .on_interrupt = count, .ctx = &calls};

    begin();
    CHECK(!is_enabled(4));
    interrupt_listen(&i);
    CHECK(is_enabled(4));
    CHECK(!is_enabled(5));
    CHECK(calls == 0);
}

TEST(handlers_are_called_once_for_interrupts_of_their_line)
{
    int four = 0, again = 0, seven = 0;
    struct interrupt handlers[] = {
        {.line = 4, .on_interrupt = count, .ctx = &four},
        {.line = 4, .on_interrupt = count, .ctx = &again},
        {.line = 7, .on_interrupt = count, .ctx = &seven}};

    begin();
    for (size_t i = 0; i < 3; i++)
        interrupt_listen(&handlers[i]);
    interrupts_deliver();
    CHECK(four == 0 && again == 0 && seven == 0);
    interrupts_taken = 1u << 4 | 1u << TIMER_LINE;
    interrupts_deliver();
    CHECK(four == 1 && again == 1 && seven == 0);
    interrupts_deliver();
    CHECK(four == 1 && again == 1 && seven == 0);
    interrupts_taken = 1u << 4 | 1u << 7;
    interrupts_deliver();
    CHECK(four == 2 && again == 2 && seven == 1);
    interrupts_taken = 1u << 5;
    interrupts_deliver();
    CHECK(four == 2 && again == 2 && seven == 1);
}

TEST(the_timer_counts_in_the_registers_of_the_local_apic)
{
    begin();
    timer_set(77);
    CHECK(apic[APIC_COUNT / 4] == 77);
    apic[APIC_LEFT / 4] = 12;
    CHECK(timer_left() == 12);
}
