/* SPDX-License-Identifier: ISC */
/* Devices in the AML of a DSDT, as QEMU writes it, and damaged. */
#include "dsdt.c"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>

#define MOST 65536

struct seen {
    uint64_t address, size;
    unsigned pin;
    bool is_level;
};

static struct seen seen[DSDT_DEVICES];
static size_t seen_count;

static void note(void *ctx, uint64_t address, uint64_t size, unsigned pin,
                 bool is_level)
{
    (void)ctx;
    CHECK(seen_count < DSDT_DEVICES);
    seen[seen_count++] = (struct seen){address, size, pin, is_level};
}

/* A device as QEMU and Firecracker write it, at this address and pin. */
static size_t write_device_to(uint8_t *at, uint32_t address, uint8_t pin)
{
    static const uint8_t device[] = {
        0x5b, 0x82, 0x39, 'V', 'R', '0', '0',
        0x08, '_', 'H', 'I', 'D', 0x0d,
        'L', 'N', 'R', 'O', '0', '0', '0', '5', 0,
        0x08, '_', 'C', 'R', 'S', 0x11, 0x1a, 0x0a, 0x17,
        0x86, 9, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, /* at 35, and 512 bytes */
        0x89, 6, 0, 1, 1, 0, 0, 0, 0, /* level; the pin at 48 */
        0x79, 0};

    memcpy(at, device, sizeof device);
    at[2] = sizeof device - 2; /* the length of the package */
    memcpy(at + 35, &address, 4);
    at[48] = pin;
    return sizeof device;
}

static void find(const uint8_t *aml, size_t len)
{
    /* Memory of exactly this size, so that reads beyond are found. */
    uint8_t *copy = malloc(len + !len);

    memcpy(copy, aml, len);
    seen_count = 0;
    dsdt_find_mmio(copy, len, note, NULL);
    free(copy);
}

TEST(devices_are_listed_from_the_highest_address_down)
{
    uint8_t aml[512];
    size_t len = 0;

    len += write_device_to(aml + len, 0xfeb00000, 5);
    len += write_device_to(aml + len, 0xfeb00400, 7);
    len += write_device_to(aml + len, 0xfeb00200, 6);
    find(aml, len);
    CHECK(seen_count == 3);
    CHECK(seen[0].address == 0xfeb00400 && seen[0].pin == 7);
    CHECK(seen[1].address == 0xfeb00200 && seen[1].pin == 6);
    CHECK(seen[2].address == 0xfeb00000 && seen[2].pin == 5);
    CHECK(seen[0].size == 512 && seen[0].is_level);
}

TEST(a_device_that_is_cut_anywhere_is_not_listed)
{
    uint8_t aml[128];
    size_t len = write_device_to(aml, 0xfeb00000, 5);

    find(aml, len);
    CHECK(seen_count == 1);
    for (size_t cut = 0; cut < len; cut++) {
        find(aml, cut);
        CHECK(seen_count == 0);
    }
}

TEST(a_device_of_another_kind_or_without_resources_is_not_listed)
{
    static const size_t damaged[] = {0, 1, 12, 20, 25, 31, 43};
    uint8_t aml[128];

    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        size_t len = write_device_to(aml, 0xfeb00000, 5);

        aml[damaged[i]] ^= 1;
        find(aml, len);
        CHECK(seen_count == 0);
    }
}

TEST(more_devices_than_there_is_room_for_are_ignored)
{
    static uint8_t aml[8192];
    size_t len = 0;

    for (uint32_t i = 0; i < DSDT_DEVICES + 9; i++)
        len += write_device_to(aml + len, 0xfeb00000 + i * 512, 5);
    find(aml, len);
    CHECK(seen_count == DSDT_DEVICES);
}

static uint8_t file[MOST];

static size_t read_file(const char *name)
{
    FILE *f = fopen(name, "rb");
    size_t len;

    CHECK(f != NULL);
    if (!f)
        return 0;
    len = fread(file, 1, MOST, f);
    fclose(f);
    return len;
}

static void find_in_file(const char *name)
{
    size_t len = read_file(name);

    find(file, len);
}

static bool find_pci(size_t len, struct acpi_pci *p)
{
    /* Memory of exactly this size, so that reads beyond are found. */
    uint8_t *copy = malloc(len + !len);
    bool is_found;

    memcpy(copy, file, len);
    is_found = dsdt_find_pci(copy, len, p);
    free(copy);
    return is_found;
}

TEST(the_pci_in_the_dsdt_of_qemu_s_microvm_is_found)
{
    size_t len = read_file("test/fuzz/dsdt_fuzz.seeds/microvm_pcie");
    struct acpi_pci p;

    CHECK(find_pci(len, &p));
    CHECK(p.space == 0xe0000000);
    CHECK(p.hole == 0xc0000000 && p.hole_size == 0x20000000);
}

TEST(pci_that_is_cut_anywhere_is_not_found)
{
    size_t len = read_file("test/fuzz/dsdt_fuzz.seeds/microvm_pcie");
    size_t found = 0;
    struct acpi_pci p;

    for (size_t cut = 0; cut < len; cut++)
        found += find_pci(cut, &p);
    CHECK(found < 32); /* it is the last device but for some bytes */
}

TEST(pci_at_a_place_that_cannot_be_is_not_found)
{
    static const char text[] = "_CBA";
    size_t len = read_file("test/fuzz/dsdt_fuzz.seeds/microvm_pcie"), at = 0;
    struct acpi_pci p;

    while (at + 4 < len && memcmp(file + at, text, 4) != 0)
        at++;
    file[at + 9] = 0x08; /* no whole MiB */
    CHECK(!find_pci(len, &p));
    file[at + 9] = 0;
    file[at + 10] = 0;
    file[at + 6] = 0x0a; /* a byte, where 4 are expected */
    CHECK(!find_pci(len, &p));
    file[at] = 'X';
    CHECK(!find_pci(len, &p));
}

TEST(a_constant_that_ends_behind_its_device_is_not_read)
{
    static const uint8_t device[] = {
        0x5b, 0x82, 0x1a, 'P', 'C', 'I', '0',
        0x08, '_', 'H', 'I', 'D', 0x0d,
        'P', 'N', 'P', '0', 'A', '0', '8', 0,
        '_', 'C', 'B', 'A', 0, 0xa4, QWORD_PREFIX};
    struct acpi_pci p;

    memcpy(file, device, sizeof device);
    CHECK(!find_pci(sizeof device, &p));
}

TEST(the_dsdts_of_machines_with_ports_say_nothing_of_pci)
{
    struct acpi_pci p;

    CHECK(!find_pci(read_file("test/fuzz/dsdt_fuzz.seeds/microvm"), &p));
    CHECK(!find_pci(read_file("test/fuzz/dsdt_fuzz.seeds/q35"), &p));
}

TEST(the_three_devices_in_the_dsdt_of_qemu_s_microvm_are_found)
{
    find_in_file("test/fuzz/dsdt_fuzz.seeds/microvm");
    CHECK(seen_count == 3);
    CHECK(seen[0].address == 0xfeb02e00 && seen[0].size == 512);
    CHECK(seen[0].pin == 47 && seen[0].is_level);
    CHECK(seen[2].address == 0xfeb02a00 && seen[2].pin == 45);
}

TEST(the_dsdt_of_qemu_s_q35_has_no_such_device)
{
    find_in_file("test/fuzz/dsdt_fuzz.seeds/q35");
    CHECK(seen_count == 0);
}
