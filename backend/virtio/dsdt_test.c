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

TEST(a_package_shorter_than_its_length_is_none)
{
    static const uint8_t lengths[] = {0, 0x40, 0x41, 0x80, 0x82, 0xc0, 0xc3};
    uint8_t aml[128];

    for (size_t i = 0; i < sizeof lengths; i++) {
        size_t len = write_device_to(aml, 0xfeb00000, 5);

        aml[2] = lengths[i];
        memset(aml + 3, 0, lengths[i] >> 6);
        find(aml, len);
        CHECK(seen_count == 0);
        len = write_device_to(aml, 0xfeb00000, 5);
        aml[28] = lengths[i]; /* of the resources */
        memset(aml + 29, 0, lengths[i] >> 6);
        find(aml, len);
        CHECK(seen_count == 0);
    }
}

TEST(of_several_interrupts_none_is_used)
{
    uint8_t aml[128];
    size_t len = write_device_to(aml, 0xfeb00000, 5);

    aml[47] = 2; /* of them */
    find(aml, len);
    CHECK(seen_count == 0);
}

TEST(resources_that_are_cut_are_not_read)
{
    uint8_t aml[128];
    size_t len = write_device_to(aml, 0xfeb00000, 5);

    aml[32] = 0xff; /* a length beyond the buffer */
    find(aml, len);
    CHECK(seen_count == 0);
    for (unsigned type = 0x86; type <= 0x8a; type++) {
        len = write_device_to(aml, 0xfeb00000, 5);
        /* One of 3 bytes, the last of what there is. */
        aml[2] = 35;
        aml[28] = 9;
        aml[30] = 6;
        aml[31] = (uint8_t)type;
        aml[32] = 3;
        memset(aml + 33, 0, 4);
        find(aml, 37);
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

/* A Device with this _HID, a _CBA, and one descriptor as its resources. */
static size_t write_space(const char *hid, const uint8_t *space, size_t len)
{
    static const uint8_t cba[] = {'_', 'C', 'B', 'A', 0, 0xa4,
                                  DWORD_PREFIX, 0, 0, 0, 0xe0};
    static const uint8_t pin[] = {INTERRUPT, 6, 0, 1, 1, 7, 0, 0, 0};
    uint8_t *at = file + 4;

    memcpy(file, "\x5b\x82\x40", 3); /* a length of two bytes */
    memcpy(at, "DEV0\x08_HID\x0d", 10);
    at += 10;
    memcpy(at, hid, strlen(hid) + 1);
    at += strlen(hid) + 1;
    memcpy(at, cba, sizeof cba);
    at += sizeof cba;
    memcpy(at, "\x08_CRS\x11", 6);
    at += 6;
    *at++ = (uint8_t)(3 + len + sizeof pin);
    *at++ = BYTE_PREFIX;
    *at++ = (uint8_t)(len + sizeof pin);
    memcpy(at, space, len);
    at += len;
    memcpy(at, pin, sizeof pin);
    at += sizeof pin;
    file[2] = (uint8_t)(0x40 | ((at - file - 2) & 15));
    file[3] = (uint8_t)((at - file - 2) >> 4);
    return (size_t)(at - file);
}

TEST(a_device_of_64_bits_has_the_minimum_and_length_of_its_space)
{
    uint8_t space[46] = {QWORD_SPACE, QWORD_LEN};

    space[14 + 4] = 1; /* 0x100000000 */
    space[22] = 0xff;
    space[38 + 1] = 0x10;
    find(file, write_space("LNRO0005", space, sizeof space));
    CHECK(seen_count == 1 && seen[0].address == UINT64_C(0x100000000));
    CHECK(seen[0].size == 0x1000 && seen[0].pin == 7);
    space[3] = 1; /* of ports */
    find(file, write_space("LNRO0005", space, sizeof space));
    CHECK(seen_count == 0);
}

TEST(only_a_space_of_memory_is_for_bars)
{
    uint8_t space[26] = {DWORD_SPACE, DWORD_LEN};
    struct acpi_pci p;

    space[10 + 3] = 0xc0;
    space[22 + 3] = 0x20;
    CHECK(find_pci(write_space("PNP0A08", space, sizeof space), &p));
    CHECK(p.hole == 0xc0000000 && p.hole_size == 0x20000000);
    space[3] = 1; /* of ports */
    CHECK(find_pci(write_space("PNP0A08", space, sizeof space), &p));
    CHECK(p.hole == 0 && p.hole_size == 0);
}
