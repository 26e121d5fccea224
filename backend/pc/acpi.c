/* SPDX-License-Identifier: ISC */
/*
 * Finds ACPI's tables (ACPI 6.5, 5.2): by the RSDP, and the XSDT or RSDT. They
 * are read where they are: a host that would change them while they are read
 * can change any of our memory.
 */
#include "acpi.h"
#include "machine.h"
#include <mirage/bare.h>
#include <mirage/bytes.h>

#define TABLE_MOST 131072u
#define RSDP       36u
#define RSD_PTR    0x2052545020445352u /* "RSD PTR " */
#define XSDT       ACPI_SIGNATURE('X', 'S', 'D', 'T')
#define RSDT       ACPI_SIGNATURE('R', 'S', 'D', 'T')

/* Where all this is mapped: the last TiB of the lower half, more than all
 * tables can be that an XSDT of TABLE_MOST bytes lists. */
#define WINDOW (((uintptr_t)1 << 47) - ((uintptr_t)1 << 40))

static uintptr_t window = WINDOW;

uintptr_t acpi_map(uint64_t address, size_t len, enum access access)
{
    size_t offset = address % BARE_PAGE;
    size_t size = (offset + len + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE;
    uintptr_t at = window;

    address -= offset;
    if (address >> 52 != 0 ||
        start_is_memory(&machine_start, address, address + size) ||
        !bare_map(at, address, size, access))
        return 0;
    window += size;
    return at + offset;
}

static const uint8_t *map_bytes(uint64_t address, size_t len)
{
    return (const uint8_t *)acpi_map(address, len, READ_ONLY);
}

static bool is_sum_zero(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    while (len-- > 0)
        sum = (uint8_t)(sum + at[len]);
    return sum == 0;
}

static bool read_table(uint64_t at, uint32_t signature,
                       struct acpi_table *t)
{
    const uint8_t *head = map_bytes(at, ACPI_HEADER);

    if (!head || get_le32(head) != signature)
        return false;
    t->len = get_le32(head + 4);
    return t->len >= ACPI_HEADER && t->len <= TABLE_MOST &&
           (t->bytes = map_bytes(at, t->len)) && is_sum_zero(t->bytes, t->len);
}

static bool read_root(struct acpi_table *root, size_t *width)
{
    const uint8_t *rsdp = map_bytes(machine_start.rsdp, RSDP);

    if (!rsdp || get_le64(rsdp) != RSD_PTR || !is_sum_zero(rsdp, 20))
        return false;
    *width = 8;
    if (rsdp[15] >= 2 && read_table(get_le64(rsdp + 24), XSDT, root))
        return true;
    *width = 4;
    return read_table(get_le32(rsdp + 16), RSDT, root);
}

bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t)
{
    struct acpi_table root;
    const uint8_t *at;
    size_t width;

    if (!read_root(&root, &width))
        return false;
    for (at = root.bytes + ACPI_HEADER; at + width <= root.bytes + root.len;
         at += width)
        if (read_table(width == 8 ? get_le64(at) : get_le32(at), signature,
                       t) &&
            nth-- == 0)
            return true;
    return false;
}

/* With 64 bits if the FADT is that long. */
bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt)
{
    uint64_t at = fadt->len >= 148 ? get_le64(fadt->bytes + 140) : 0;

    if (at == 0 && fadt->len >= 44)
        at = get_le32(fadt->bytes + 40);
    return read_table(at, ACPI_DSDT, dsdt);
}

void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx)
{
    const uint8_t *at, *end;
    struct acpi_table t;

    if (!acpi_find(ACPI_MADT, 0, &t))
        return;
    at = t.bytes + ACPI_HEADER + 8;
    end = t.bytes + t.len;
    while (end - at >= 2 && at[1] >= 2 && end - at >= at[1]) {
        visit(ctx, at);
        at += at[1];
    }
}
