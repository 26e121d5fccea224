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
#define OTHER    0xfec10000u /* a second I/O APIC */
#define PINS     24u
#define MAPPED   8

static bool has_apic, has_pages;
static uint32_t apic[BARE_PAGE / 4], io_apic[LEAVES], other[LEAVES], io_index;
static unsigned ends; /* of interrupts */
static unsigned masked; /* 8259s */
static uint64_t gates[EXCEPTIONS + VECTORS];
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
    masked |= port == 0x21 ? 1 : 2;
}

static uint32_t tested_read(uintptr_t address)
{
    if (address == OTHER + IO_APIC_DATA || address == IO_APIC + IO_APIC_DATA) {
        CHECK(io_index == IO_APIC_VERSION);
        return (PINS - 1) << 16 | 0x11;
    }
    CHECK(address - APIC < BARE_PAGE);
    return apic[(address - APIC) / 4];
}

static void tested_write(uintptr_t address, uint32_t value)
{
    if (address == IO_APIC + IO_APIC_INDEX || address == OTHER) {
        io_index = value;
    } else if (address == OTHER + IO_APIC_DATA) {
        CHECK(io_index < LEAVES);
        other[io_index] = value;
    } else if (address == APIC + APIC_END) {
        CHECK(value == 0);
        ends++;
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
    CHECK(vector >= EXCEPTIONS && vector < EXCEPTIONS + VECTORS);
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
    memset(other, 0, sizeof other);
    ends = masked = 0;
    io_apics[0].at = IO_APIC;
    io_apic_count = 1;
    apic[APIC_ID / 4] = OUR_APIC;
    mapped_count = 0;
    memset(gates, 0, sizeof gates);
    listeners = NULL;
    interrupts_taken = interrupts_open = 0;
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
    memset(io_apics, 0, sizeof io_apics);
    io_apic_count = 0;
    CHECK(interrupts_start());
    CHECK(io_apic_count == 1 && io_apics[0].at == IO_APIC);
    CHECK(mapped_count == 2);
    CHECK(mapped[0] == APIC && mapped[1] == IO_APIC);
    CHECK(gates[EXCEPTIONS + 3] == (uintptr_t)line_entries[3]);
}

TEST(the_timer_and_spurious_interrupts_have_vectors_of_their_own)
{
    begin();
    CHECK(interrupts_start());
    CHECK(apic[APIC_TIMER / 4] == EXCEPTIONS + TIMER_LINE);
    CHECK(apic[APIC_MODE / 4] == (ON | (EXCEPTIONS + 15)));
    CHECK(apic[APIC_DIVIDER / 4] == 3); /* by 16 (10.5.4) */
    CHECK(apic[APIC_LINT0 / 4] == 0x10000); /* masked: the 8259s' */
    CHECK(masked == 3);
    CHECK(gates[EXCEPTIONS + 15] == (uintptr_t)line_entries[15]);
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

TEST(the_end_of_each_interrupt_is_sent_after_the_handlers)
{
    int calls = 0;
    struct interrupt i = {.line = 4, .on_interrupt = count, .ctx = &calls};

    begin();
    interrupt_listen(&i);
    interrupts_taken = 1u << 4 | 1u << 7;
    interrupts_open = 2;
    CHECK(ends == 0);
    interrupts_deliver();
    CHECK(calls == 1 && ends == 2 && interrupts_open == 0);
    interrupts_deliver();
    CHECK(ends == 2);
}

TEST(pins_of_a_second_io_apic_share_the_vectors_of_lines)
{
    int calls = 0;
    struct interrupt i[3];

    begin();
    CHECK(interrupts_start());
    mapped_count = 0;
    for (size_t k = 0; k < 3; k++)
        i[k] = (struct interrupt){.on_interrupt = count, .ctx = &calls};
    CHECK(!interrupt_listen_pin(&i[0], 30, true));
    CHECK(interrupts_add_io_apic(OTHER, 24));
    CHECK(interrupts_add_io_apic(OTHER, 24) && io_apic_count == 2);
    CHECK(mapped_count == 1 && mapped[0] == OTHER);
    CHECK(interrupt_listen_pin(&i[0], 30, true));
    CHECK(interrupt_listen_pin(&i[1], 30, true));
    CHECK(interrupt_listen_pin(&i[2], 47, false));
    CHECK(!interrupt_listen_pin(&i[2], 48, false));
    CHECK(i[0].line > TIMER_LINE && i[0].line < LINES - 1);
    CHECK(i[1].line == i[0].line && i[2].line != i[0].line);
    CHECK(other[IO_APIC_LINES + 12] == ((EXCEPTIONS + i[0].line) | LEVEL));
    CHECK(other[IO_APIC_LINES + 13] == OUR_APIC);
    CHECK(other[IO_APIC_LINES + 46] == EXCEPTIONS + i[2].line);
    interrupts_taken = 1u << i[0].line;
    interrupts_deliver();
    CHECK(calls == 2);
}

TEST(no_other_pin_has_the_vector_of_the_timer_or_of_spurious_interrupts)
{
    begin();
    CHECK(interrupts_start() && interrupts_add_io_apic(OTHER, 24));
    for (unsigned pin = 0; pin < 48; pin++) {
        struct interrupt i = {0};

        CHECK(interrupt_listen_pin(&i, pin, true));
        CHECK(i.line > TIMER_LINE && i.line < LINES - 1);
        CHECK(pin == 0 || pin >= LINES - 1 || i.line == pin);
        listeners = NULL;
    }
}

TEST(a_low_pin_keeps_its_line_and_can_be_level_triggered)
{
    struct interrupt i = {0};

    begin();
    CHECK(interrupt_listen_pin(&i, 11, true));
    CHECK(i.line == 11);
    CHECK(io_apic[IO_APIC_LINES + 22] == ((EXCEPTIONS + 11) | LEVEL));
}

TEST(messages_go_to_this_processor_with_a_vector_of_their_own)
{
    struct interrupt i[2 * VECTORS] = {{0}};
    uint64_t address;
    uint32_t data;

    begin();
    for (size_t k = 0; k < 2 * VECTORS; k++) {
        interrupt_listen_message(&i[k], &address, &data);
        CHECK(address == (APIC | 5u << 12));
        CHECK(data == EXCEPTIONS + i[k].line);
        CHECK(i[k].line >= LINES && i[k].line < VECTORS);
        CHECK(gates[data] == (uintptr_t)driver_entries[i[k].line - LINES]);
    }
    CHECK(i[1].line != i[0].line && i[VECTORS - LINES].line == i[0].line);
}

/* As the processor does, which then continues here. The number of the vector is
 * in no register. */
static void interrupt_at(const char *entry)
{
    uint64_t kept = 0x1234567812345678;

    __asm__ volatile("movq %%rsp, %%rcx\n\t"
                     "subq $128, %%rsp\n\t"
                     "movq %%ss, %%rdx\n\t"
                     "pushq %%rdx\n\t"
                     "pushq %%rcx\n\t"
                     "pushfq\n\t"
                     "movq %%cs, %%rdx\n\t"
                     "pushq %%rdx\n\t"
                     "leaq 1f(%%rip), %%rdx\n\t"
                     "pushq %%rdx\n\t"
                     "jmp *%1\n"
                     "1:"
                     : "+a"(kept)
                     : "r"(entry)
                     : "rcx", "rdx", "memory", "cc");
    CHECK(kept == 0x1234567812345678);
}

TEST(the_entry_of_each_vector_notes_it_and_that_its_end_is_due)
{
    begin();
    for (unsigned line = 0; line < LINES - 1; line++) {
        interrupts_taken = 0;
        interrupts_open = 7;
        interrupt_at(line_entries[line]);
        CHECK(interrupts_taken == 1u << line && interrupts_open == 8);
        interrupts_taken = 0;
        interrupt_at(driver_entries[line]);
        CHECK(interrupts_taken == 1u << (LINES + line));
        CHECK(interrupts_open == 9);
    }
    interrupts_taken = 1u << 4;
    interrupt_at(driver_entries[LINES - 1]);
    CHECK(interrupts_taken == (1u << 31 | 1u << 4));
}

TEST(a_spurious_interrupt_has_no_end)
{
    begin();
    interrupt_at(line_entries[LINES - 1]);
    CHECK(interrupts_open == 0);
}
