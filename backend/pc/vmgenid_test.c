/* SPDX-License-Identifier: ISC */
/* The generation of a virtual machine, by the tables of QEMU, Firecracker and
 * Cloud Hypervisor (test/fuzz/power_fuzz.seeds), and when it changes. */
#define platform_is_copied tested_is_copied
#include "said.h"
#include <mirage/platform.h>
#include "vmgenid.c"
#undef platform_is_copied
#include "check.h"
#include <stdio.h>
#include <stdlib.h>

#define MOST 16384

static uint8_t bytes[MOST];
static struct acpi_table dsdt, ssdt;
static _Alignas(8) struct generation there;
static uint64_t mapped;
static unsigned seeds;
static bool has_no_fadt;

bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t)
{
    *t = ssdt;
    if (signature == ACPI_FADT && has_no_fadt)
        return false;
    return signature == ACPI_FADT || (nth == 3 && ssdt.bytes) || nth < 3;
}

bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *t)
{
    (void)fadt;
    *t = dsdt;
    return true;
}

uintptr_t acpi_map(uint64_t address, size_t len, enum access access)
{
    CHECK(len == 16 && access == READ_ONLY);
    mapped = address;
    return (uintptr_t)&there;
}

void entropy_seed(const void *data, size_t len)
{
    CHECK(len == 16 && memcmp(data, &there, 16) == 0);
    seeds++;
}

/* The table behind the FADT of a seed, in memory of exactly its size. */
static struct acpi_table table_of(const char *name)
{
    char path[100];
    size_t len, fadt;
    uint8_t *copy;
    FILE *f;

    snprintf(path, sizeof path, "test/fuzz/power_fuzz.seeds/%s", name);
    f = fopen(path, "rb");
    CHECK(f != NULL);
    if (!f)
        exit(1);
    len = fread(bytes, 1, MOST, f);
    fclose(f);
    fadt = get_le32(bytes + 4);
    copy = malloc(len - fadt);
    memcpy(copy, bytes + fadt, len - fadt);
    return (struct acpi_table){copy, len - fadt};
}

static uint64_t address_in(const char *name)
{
    struct acpi_table t = table_of(name);
    uint64_t address = vmgenid_address(&t);

    free((void *)t.bytes);
    return address;
}

TEST(the_generation_is_found_as_each_monitor_writes_it)
{
    CHECK(address_in("vmgenid") == 0x3fff028);
    CHECK(address_in("firecracker") == 0xdfff0);
    CHECK(address_in("cloud-hypervisor") == 0xa0028);
}

TEST(a_machine_without_a_generation_has_none)
{
    CHECK(address_in("q35") == 0);
    CHECK(address_in("pc") == 0);
    CHECK(address_in("microvm") == 0);
}

TEST(a_table_that_is_cut_anywhere_is_read_to_its_end_and_no_further)
{
    static const char *const names[] = {"vmgenid", "firecracker"};

    for (size_t i = 0; i < 2; i++) {
        struct acpi_table whole = table_of(names[i]);

        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *copy = malloc(len + !len);
            struct acpi_table cut = {copy, len};

            memcpy(copy, whole.bytes, len);
            (void)vmgenid_address(&cut);
            free(copy);
        }
        free((void *)whole.bytes);
    }
}

static void forget(struct acpi_table *t)
{
    free((void *)t->bytes);
    *t = (struct acpi_table){0};
}

TEST(the_dsdt_and_each_ssdt_are_searched)
{
    ssdt = table_of("q35");
    dsdt = table_of("firecracker");
    CHECK(find_address() == 0xdfff0);
    has_no_fadt = true;
    CHECK(find_address() == 0);
    forget(&ssdt);
    ssdt = table_of("vmgenid");
    CHECK(find_address() == 0x3fff028);
    has_no_fadt = false;
    forget(&ssdt);
    forget(&dsdt);
}

/* ACPI 6.5, 20.2.3. */
TEST(an_integer_has_0_1_2_4_or_8_bytes_behind_its_prefix)
{
    static const uint8_t code[] = {0, 0x81, 0x72, 0x63, 0x54,
                                   0x45, 0x36, 0x27, 0x18};
    static const struct {
        uint8_t prefix, len;
        uint64_t value;
    } known[] = {
        {0, 1, 0},
        {1, 1, 1},
        {0x0a, 2, 0x81},
        {0x0b, 3, 0x7281},
        {0x0c, 5, 0x54637281},
        {0x0e, 9, 0x1827364554637281},
    };
    uint8_t at[sizeof code];
    uint64_t value = 0;

    memcpy(at, code, sizeof at);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        at[0] = known[i].prefix;
        CHECK(read_integer(at, &value) == known[i].len);
        CHECK(value == known[i].value);
    }
    at[0] = 0x0d; /* a string */
    CHECK(read_integer(at, &value) == 0);
    at[0] = 2;
    CHECK(read_integer(at, &value) == 0);
}

/* One image's life. */
TEST(a_changed_generation_is_mixed_in_and_told_once)
{
    dsdt = table_of("q35");
    ssdt = table_of("vmgenid");
    there = (struct generation){1, 2};
    CHECK(tested_is_copied() && seeds == 1); /* it may be a copy already */
    CHECK(mapped == 0x3fff028);
    CHECK_TEXT(said_since(),
               "debug: the host tells copies of this machine apart\n");
    CHECK(!tested_is_copied() && !tested_is_copied() && seeds == 1);
    there.high = 3;
    CHECK(tested_is_copied() && seeds == 2);
    CHECK_TEXT(said_since(), "info: this is a copy: random numbers are new\n");
    CHECK(!tested_is_copied());
    there.low = 0;
    CHECK(tested_is_copied() && seeds == 3);
    CHECK(!tested_is_copied() && seeds == 3);
}
