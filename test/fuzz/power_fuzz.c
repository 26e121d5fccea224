/* SPDX-License-Identifier: ISC */
/*
 * What is recognised in the FADT and the byte code of ACPI: the power button,
 * the ways out, and the generation of the virtual machine. The input is a FADT,
 * with its length, and a DSDT or SSDT, in memory of exactly their sizes. Seeds:
 * the tables of QEMU's machines, and as Firecracker and Cloud Hypervisor write
 * them.
 */
#include <pc/power_tables.c>
#include "platform.h"
#define platform_is_copied tested_is_copied
#include <pc/vmgenid.c>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t)
{
    (void)signature;
    (void)nth;
    (void)t;
    return false;
}

bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt)
{
    (void)fadt;
    (void)dsdt;
    return false;
}

uintptr_t acpi_map(uint64_t address, size_t len, enum access access)
{
    (void)address;
    (void)len;
    (void)access;
    return 0;
}

void entropy_seed(const void *data, size_t len)
{
    (void)data;
    (void)len;
}

static struct acpi_table copy_of(const uint8_t *data, size_t len)
{
    uint8_t *bytes = malloc(len + !len);

    check(bytes != NULL);
    memcpy(bytes, data, len);
    return (struct acpi_table){bytes, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leave_way ways[LEAVE_WAYS] = {{0}};
    struct acpi_table fadt, dsdt;
    struct power p = {.event = {0}};
    size_t len;

    if (size < ACPI_HEADER)
        return 0;
    len = get_le32(data + 4) & 0x1ff;
    if (len < ACPI_HEADER || size - len < ACPI_HEADER || len > size)
        return 0;
    fadt = copy_of(data, len);
    dsdt = copy_of(data + len, size - len);
    power_read(&fadt, &dsdt, &p, ways);
    if (p.event.bit) {
        check(p.event.width == 0 || p.event.width == 1 || p.event.width == 4);
        check(p.event.width != 0 || p.event.at <= UINT16_MAX);
    }
    check(ways[LEAVE_OFF].how != LEAVE_PORT16 ||
          ways[LEAVE_OFF].at <= UINT16_MAX);
    (void)vmgenid_address(&dsdt);
    free((void *)fadt.bytes);
    free((void *)dsdt.bytes);
    return 0;
}
