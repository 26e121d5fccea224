/* SPDX-License-Identifier: ISC */
/*
 * The power button, Ctrl-Alt-Del and the ways out, on models of the registers
 * of QEMU, Firecracker and Cloud Hypervisor, and with the tables that QEMU
 * writes (test/fuzz/power_fuzz.seeds).
 */
#include <arch/cpu.h>
#define inb(port)                     tested_in(port, 1)
#define inw(port)                     tested_in(port, 2)
#define outb(port, value)             tested_out(port, 1, value)
#define outw(port, value)             tested_out(port, 2, value)
#define read_device(address)          tested_read(address, 4)
#define read_device8(address)         ((uint8_t)tested_read(address, 1))
#define write_device8(address, value) tested_write(address, value)
#define load_idt(p)                   tested_gates(p)
#define __builtin_ia32_pause()        (void)0
#define image_stop                    tested_stop

static uint16_t tested_in(uint16_t port, unsigned width);
static void tested_out(uint16_t port, unsigned width, unsigned value);
static uint32_t tested_read(uintptr_t address, unsigned width);
static void tested_write(uintptr_t address, uint8_t value);
static void tested_gates(const struct table_pointer *p);

#include "i8042.c"
#include "leave.c"
#include "power.c"
#include "power_tables.c"
#include "check.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED 0x7700000000000000u /* where acpi_map maps */
#define MOST   16384

/* The machine. */
static struct acpi_table fadt, dsdt;
static uint8_t madt[16];
static bool has_tables, has_keyboard, has_no_pages;

static struct interrupt *power_interrupt, *keyboard_interrupt;
static unsigned power_pin;
static bool power_is_level;

static uint16_t pm1_status, pm1_enable, pm1_control, smi;
static uint32_t ged;
static char keys[100];
static size_t key_first, key_count;
static char said[200]; /* the writes that leave the machine */

static int stops;
static jmp_buf out; /* of the machine */

void tested_stop(void)
{
    stops++;
}

void interrupt_listen(struct interrupt *i)
{
    CHECK(i->line == 1);
    keyboard_interrupt = i;
}

bool interrupt_listen_pin(struct interrupt *i, unsigned pin, bool is_level)
{
    power_interrupt = i;
    power_pin = pin;
    power_is_level = is_level;
    return true;
}

bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t)
{
    CHECK(signature == ACPI_FADT && nth == 0);
    *t = fadt;
    return has_tables;
}

bool acpi_find_dsdt(const struct acpi_table *f, struct acpi_table *t)
{
    CHECK(f->bytes == fadt.bytes);
    *t = dsdt;
    return true;
}

void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx)
{
    static const uint8_t io_apic[12] = {1, 12, 9};

    visit(ctx, io_apic);
    if (madt[1])
        visit(ctx, madt);
}

uintptr_t acpi_map(uint64_t address, size_t len, enum access access)
{
    CHECK(len <= 4 && access == DEVICE);
    return address == 0 || has_no_pages ? 0 : MAPPED + address;
}

static void note(const char *what, uint64_t at, unsigned value)
{
    size_t len = strlen(said);

    snprintf(said + len, sizeof said - len, "%s %#llx=%#x ", what,
             (unsigned long long)at, value);
}

static uint16_t tested_in(uint16_t port, unsigned width)
{
    if (port == 0x64)
        return !has_keyboard ? 0xff : key_first < key_count;
    if (port == 0x60)
        return key_first < key_count ? (uint8_t)keys[key_first++] : 0;
    CHECK(width == 2 && (port == 0x600 || port == 0x604));
    return port == 0x600 ? pm1_status : pm1_control;
}

static void tested_out(uint16_t port, unsigned width, unsigned value)
{
    if (port == 0x600 && width == 2) {
        pm1_status &= (uint16_t)~value;
    } else if (port == 0x602 && width == 2) {
        pm1_enable = (uint16_t)value;
    } else if (port == 0xb2) {
        smi = (uint16_t)value;
        pm1_control |= 1;
    } else {
        note("port", port, value);
    }
}

/* The machine ends with the next exception. */
static void tested_gates(const struct table_pointer *p)
{
    CHECK(p->limit == 0);
    longjmp(out, 1);
}

static uint32_t tested_read(uintptr_t address, unsigned width)
{
    uint32_t bits = ged;

    CHECK(address == MAPPED + (width == 4 ? 0xfea00000 : 0x3ffffffff000));
    ged = 0;
    return bits;
}

static void tested_write(uintptr_t address, uint8_t value)
{
    note("memory", address - MAPPED, value);
}

/* The tables of a seed: the FADT, which has its length in bytes 4 to 7, and the
 * DSDT. */
static void begin(const char *name)
{
    static uint8_t bytes[MOST];
    char path[100];
    size_t len = 0;
    FILE *f;

    snprintf(path, sizeof path, "test/fuzz/power_fuzz.seeds/%s", name);
    f = fopen(path, "rb");
    CHECK(f != NULL);
    if (f) {
        len = fread(bytes, 1, MOST, f);
        fclose(f);
    }
    free((void *)fadt.bytes);
    free((void *)dsdt.bytes);
    fadt.len = get_le32(bytes + 4);
    dsdt.len = len - fadt.len;
    fadt.bytes = memcpy(malloc(fadt.len), bytes, fadt.len);
    dsdt.bytes = memcpy(malloc(dsdt.len), bytes + fadt.len, dsdt.len);
    memset(madt, 0, sizeof madt);
    has_tables = true;
    has_keyboard = has_no_pages = false;
    power_interrupt = keyboard_interrupt = NULL;
    pm1_status = pm1_enable = pm1_control = smi = 0;
    ged = 0;
    key_first = key_count = 0;
    stops = 0;
    said[0] = '\0';
    memset(leave_ways, 0, sizeof leave_ways);
    leave_by_reset = power_is_asked = false;
}

static void interrupt(struct interrupt *i)
{
    CHECK(i != NULL);
    if (i)
        i->on_interrupt(i->ctx);
}

static void press_fixed(void)
{
    if (pm1_enable & 1u << 8)
        pm1_status |= 1u << 8;
    interrupt(power_interrupt);
}

static void press_event(uint32_t bit)
{
    ged |= bit;
    interrupt(power_interrupt);
}

static void type(const char *codes, size_t count)
{
    memcpy(keys, codes, count);
    key_first = 0;
    key_count = count;
    interrupt(keyboard_interrupt);
}

TEST(the_button_of_q35_is_fixed_hardware_that_is_enabled)
{
    begin("q35");
    pm1_status = 1u << 8 | 1; /* switched on, and a timer wrapped */
    power_start();
    CHECK(smi == 2 && pm1_control & 1);
    CHECK(pm1_enable == 1u << 8 && pm1_status == 1);
    CHECK(power_pin == 9 && power_is_level && stops == 0);
    interrupt(power_interrupt);
    CHECK(stops == 0);
    press_fixed();
    CHECK(stops == 1 && pm1_status == 1 && !leave_by_reset);
    press_fixed();
    CHECK(stops == 1 && pm1_status == 1);
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0x604=0x2000 port 0xcf9=0xf ");
}

TEST(the_button_of_pc_is_the_same_without_a_reset_register)
{
    begin("pc");
    power_start();
    CHECK(smi == 0xf1);
    press_fixed();
    CHECK(stops == 1);
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0x604=0x2000 ");
}

TEST(the_madt_may_give_the_interrupt_of_the_button_another_pin)
{
    begin("q35");
    memcpy(madt, (uint8_t[]){2, 10, 0, 9, 20, 0, 0, 0, 0x05, 0}, 10);
    power_start();
    CHECK(power_pin == 20 && !power_is_level);
    begin("q35");
    memcpy(madt, (uint8_t[]){2, 10, 0, 5, 20, 0, 0, 0, 0x05, 0}, 10);
    power_start();
    CHECK(power_pin == 9 && power_is_level);
}

TEST(a_machine_that_never_takes_over_is_not_waited_for_without_end)
{
    begin("q35");
    ((uint8_t *)fadt.bytes)[FADT_SMI_CMD] = 0;
    power_start();
    CHECK(smi == 0 && pm1_enable == 1u << 8);
}

TEST(the_button_of_microvm_is_bit_1_of_a_generic_event_device)
{
    begin("microvm");
    power_start();
    CHECK(power_pin == 9 && !power_is_level && pm1_enable == 0);
    press_event(1);
    CHECK(stops == 0);
    press_event(1 | 2);
    CHECK(stops == 1 && ged == 0);
    leave_by_tables(0);
    CHECK_TEXT(said, "memory 0xfea00200=0x34 memory 0xfea00202=0x42 ");
    said[0] = '\0';
    leave_by_tables(70);
    CHECK_TEXT(said, "memory 0xfea00202=0x42 ");
}

TEST(a_press_of_microvm_s_button_before_the_start_is_heard)
{
    begin("microvm");
    ged = 2;
    power_start();
    CHECK(stops == 1);
}

TEST(the_button_of_cloud_hypervisor_is_bit_3_of_its_event_controller)
{
    begin("cloud-hypervisor");
    power_start();
    CHECK(power_pin == 13 && !power_is_level);
    press_event(1 | 2 | 4);
    CHECK(stops == 0);
    press_event(8);
    CHECK(stops == 1);
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0x600=0x34 port 0x600=0x1 ");
}

/* The Generic Address Structure of microvm's sleep control register. */
static uint8_t *sleep_control(void)
{
    begin("microvm");
    return (uint8_t *)fadt.bytes + FADT_SLEEP_CONTROL;
}

TEST(a_register_in_another_space_than_memory_and_ports_is_not_written)
{
    for (unsigned space = 2; space < 256; space++) {
        sleep_control()[0] = (uint8_t)space;
        power_start();
        leave_by_tables(0);
        CHECK_TEXT(said, "memory 0xfea00202=0x42 ");
    }
}

TEST(a_port_that_does_not_exist_is_not_written)
{
    sleep_control()[0] = LEAVE_PORT8; /* at 0xfea00200 */
    power_start();
    leave_by_tables(0);
    CHECK_TEXT(said, "memory 0xfea00202=0x42 ");
}

TEST(firecracker_has_no_button_and_leaves_by_the_keyboard_controller)
{
    begin("firecracker");
    has_keyboard = true;
    power_start();
    CHECK(power_interrupt == NULL);
    leave_by_tables(0);
    CHECK_TEXT(said, "");
}

TEST(ctrl_alt_del_of_firecracker_asks_for_a_reset)
{
    begin("firecracker");
    has_keyboard = true;
    power_start();
    type("\x14\x11\xe0", 3);
    CHECK(stops == 0);
    type("\x71", 1);
    CHECK(stops == 1 && leave_by_reset);
}

TEST(ctrl_alt_del_of_qemu_asks_for_a_reset)
{
    begin("q35");
    has_keyboard = true;
    power_start();
    type("\x1d\x38\xe0\x53\xe0\xd3\xb8\x9d", 8);
    CHECK(stops == 1 && leave_by_reset);
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0xcf9=0xf ");
}

TEST(ctrl_and_alt_may_be_the_right_ones_in_any_order_and_repeated)
{
    begin("q35");
    has_keyboard = true;
    power_start();
    type("\xe0\x38\xe0\x38\xe0\x38\xe0\x1d\xe0\x1d\xe0\x53", 12);
    CHECK(stops == 1);
}

TEST(other_keys_ask_for_nothing)
{
    begin("q35");
    has_keyboard = true;
    power_start();
    type("\x1d\x38\xb8\xe0\x53", 5); /* Alt is released */
    type("\x1d\x9d\x38\xe0\x53", 5); /* Ctrl is */
    type("\x1d\xe0\x53\x38", 4);
    type("\x38\xe0\x53", 3);
    type("\x14\x94\x11\x91\xe0\x53", 6); /* t, w, Del in set 1 */
    CHECK(stops == 0);
}

TEST(what_was_typed_before_the_start_is_heard)
{
    begin("q35");
    has_keyboard = true;
    memcpy(keys, "\x1d\x38\xe0\x53", 4);
    key_count = 4;
    power_start();
    CHECK(stops == 1);
}

TEST(keys_without_end_are_read_in_portions)
{
    begin("q35");
    has_keyboard = true;
    power_start();
    memset(keys, 0, sizeof keys);
    key_first = 0;
    key_count = sizeof keys;
    interrupt(keyboard_interrupt);
    CHECK(key_first == BUFFER);
}

TEST(a_machine_without_tables_has_its_keyboard_alone)
{
    begin("q35");
    has_tables = false;
    has_keyboard = true;
    power_start();
    CHECK(keyboard_interrupt && !power_interrupt);
    leave_by_tables(0);
    CHECK_TEXT(said, "");
}

TEST(registers_that_cannot_be_mapped_are_not_used)
{
    begin("microvm");
    has_no_pages = true;
    power_start();
    CHECK(power_interrupt == NULL);
    leave_by_tables(0);
    CHECK_TEXT(said, "");
}

TEST(a_power_button_that_is_a_control_method_on_fixed_hardware_is_not_used)
{
    begin("q35");
    ((uint8_t *)fadt.bytes)[FADT_FLAGS] |= 1u << 4;
    power_start();
    CHECK(power_interrupt == NULL && pm1_enable == 0);
    CHECK(leave_ways[LEAVE_OFF].at == 0x604);
}

/* In memory of exactly the size, so that reads beyond are found. */
static struct acpi_table cut_to(const struct acpi_table *t, size_t len)
{
    return (struct acpi_table){memcpy(malloc(len + !len), t->bytes, len), len};
}

TEST(tables_that_are_cut_anywhere_are_read_to_their_end_and_no_further)
{
    static const char *const names[] = {"microvm", "cloud-hypervisor", "pc"};
    struct power p;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        begin(names[i]);
        for (size_t len = 0; len <= dsdt.len; len++) {
            struct acpi_table cut = cut_to(&dsdt, len);

            power_read(&fadt, &cut, &p, leave_ways);
            free((void *)cut.bytes);
        }
        for (size_t len = 0; len <= fadt.len; len++) {
            struct acpi_table cut = cut_to(&fadt, len);

            power_read(&cut, &dsdt, &p, leave_ways);
            CHECK(len >= FADT_LEAST || p.event.bit == 0);
            free((void *)cut.bytes);
        }
    }
}

static void damage(const char *what, size_t len, size_t at)
{
    for (size_t i = 0; i + len <= dsdt.len; i++)
        if (memcmp(dsdt.bytes + i, what, len) == 0) {
            ((uint8_t *)dsdt.bytes)[i + at] ^= 1;
            return;
        }
    CHECK(false);
}

TEST(an_encoding_that_is_not_known_is_no_button)
{
    static const struct {
        const char *what;
        size_t len, at;
    } damaged[] = {
        {"ACPI0013", 9, 7},
        {"\x89\x06\x00", 3, 0}, /* the interrupt */
        {"PWRB\x0a\x80", 6, 5},
        {"\x86PWRB\x0a\x80", 7, 0}, /* Notify */
        {"\x0a\x02\x86PWRB", 7, 0}, /* the bit */
        {"\x5b\x80\x45REG\0", 7, 1}, /* the operation region */
        {"\x5b\x80\x45REG\0", 7, 6}, /* its space */
    };

    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        begin("microvm");
        damage(damaged[i].what, damaged[i].len, damaged[i].at);
        power_start();
        CHECK(power_interrupt == NULL);
    }
    begin("microvm");
    damage("_S5_", 4, 0);
    power_start();
    leave_by_tables(0);
    CHECK_TEXT(said, "memory 0xfea00202=0x42 ");
}

static const char *leave(int code)
{
    said[0] = '\0';
    if (setjmp(out) == 0)
        bare_leave(code);
    return said;
}

/* QEMU ends with 2 * value + 1, and a value of 0 would be its own failure. */
TEST(the_exit_status_is_told_to_qemu_plus_1_and_up_to_127)
{
    begin("firecracker");
    CHECK_TEXT(leave(0), "port 0xf4=0x1 port 0x64=0xfe ");
    CHECK_TEXT(leave(70), "port 0xf4=0x47 port 0x64=0xfe ");
    CHECK_TEXT(leave(125), "port 0xf4=0x7e port 0x64=0xfe ");
    CHECK_TEXT(leave(126), "port 0xf4=0x7f port 0x64=0xfe ");
    CHECK_TEXT(leave(255), "port 0xf4=0x7f port 0x64=0xfe ");
    CHECK_TEXT(leave(256), "port 0xf4=0x1 port 0x64=0xfe ");
}

TEST(a_machine_that_goes_on_is_powered_off_then_reset_then_reset_by_keyboard)
{
    begin("q35");
    power_start();
    CHECK_TEXT(leave(0), "port 0xf4=0x1 port 0x604=0x2000 port 0xcf9=0xf "
                         "port 0x64=0xfe ");
    CHECK_TEXT(leave(1), "port 0xf4=0x2 port 0xcf9=0xf port 0x64=0xfe ");
}

TEST(the_last_port_can_be_a_register)
{
    sleep_control()[0] = LEAVE_PORT8;
    memcpy(sleep_control() + 4, "\xff\xff\0\0\0\0\0\0", 8);
    ((uint8_t *)fadt.bytes)[FADT_SLEEP_CONTROL] = LEAVE_PORT8;
    power_start();
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0xffff=0x34 memory 0xfea00202=0x42 ");
}

TEST(the_sleep_type_of_fixed_hardware_is_in_bits_10_to_12)
{
    uint8_t *at;

    begin("q35");
    at = (uint8_t *)(uintptr_t)ACPI_BEHIND(dsdt.bytes, dsdt.bytes + dsdt.len,
                                           "\x08_S5_\x12", MORE);
    CHECK(at != NULL && at[2] == 0);
    if (at)
        memcpy(at + 2, "\x0a\x05", 2);
    power_start();
    leave_by_tables(0);
    CHECK_TEXT(said, "port 0x604=0x3400 port 0xcf9=0xf ");
}
