/* SPDX-License-Identifier: ISC */
/*
 * ACPI's tables (ACPI 6.5, 5.2), as far as they are needed to find devices: the
 * RSDP, the XSDT or RSDT, the I/O APICs of the MADT, and the DSDT. Each table
 * is copied before it is read.
 */
#include "acpi.h"
#include "bus.h"
#include "platform.h"
#include <bare/start.h>
#include <mirage/bare.h>
#include <mirage/macros.h>
#include <pc/interrupts.h>
#include <stdlib.h>
#include <string.h>

#define HEADER     36u
#define TABLE_MOST 131072u
#define TABLES     64 /* of the XSDT, at most */
#define ADDRESSES  ((uint64_t)1 << 40) /* identity-mapped, below the heap */

struct table {
    uint8_t *bytes;
    size_t len;
};

static uint64_t number(const uint8_t *at, size_t len)
{
    uint64_t n = 0;

    while (len-- > 0)
        n = n << 8 | at[len];
    return n;
}

static bool is_ours(uint64_t page)
{
    const struct start *s = platform_start_info;

    for (size_t i = 0; i < s->regions; i++)
        if (page < s->region[i].base + s->region[i].size &&
            s->region[i].base < page + BARE_PAGE)
            return true;
    return false;
}

/* Copies physical memory that is not ours: where an image's memory is, tables
 * would have been overwritten. */
static bool copy(void *to, uint64_t from, size_t len)
{
    uint64_t first = from / BARE_PAGE * BARE_PAGE;

    if (from < BARE_PAGE || from >= ADDRESSES || len > TABLE_MOST)
        return false;
    for (uint64_t page = first; page < from + len; page += BARE_PAGE)
        if (is_ours(page) || !bare_map(page, page, BARE_PAGE, READ_ONLY))
            return false;
    memcpy(to, (const void *)(uintptr_t)from, len);
    for (uint64_t page = first; page < from + len; page += BARE_PAGE)
        (void)bare_map(page, page, BARE_PAGE, NO_ACCESS);
    return true;
}

static bool is_sum_zero(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + at[i]);
    return sum == 0;
}

/* Reads the table at this address; it is freed by free(t->bytes). */
static bool read_table(uint64_t at, const char signature[4], struct table *t)
{
    uint8_t head[HEADER];

    t->bytes = NULL;
    if (!copy(head, at, sizeof head) || memcmp(head, signature, 4) != 0)
        return false;
    t->len = (size_t)number(head + 4, 4);
    if (t->len < HEADER || t->len > TABLE_MOST)
        return false;
    t->bytes = malloc(t->len);
    if (t->bytes && copy(t->bytes, at, t->len) &&
        number(t->bytes + 4, 4) == t->len && is_sum_zero(t->bytes, t->len))
        return true;
    free(t->bytes);
    t->bytes = NULL;
    return false;
}

static bool read_root(struct table *root, size_t *width)
{
    uint8_t rsdp[36];

    if (platform_start_info->rsdp == 0 ||
        !copy(rsdp, platform_start_info->rsdp, 20) ||
        memcmp(rsdp, "RSD PTR ", 8) != 0 || !is_sum_zero(rsdp, 20))
        return false;
    *width = 8;
    if (rsdp[15] >= 2 && copy(rsdp, platform_start_info->rsdp, sizeof rsdp) &&
        number(rsdp + 24, 8) != 0 &&
        read_table(number(rsdp + 24, 8), "XSDT", root))
        return true;
    *width = 4;
    return read_table(number(rsdp + 16, 4), "RSDT", root);
}

/* Finds the first table with this signature. */
static bool find_table(const struct table *root, size_t width,
                       const char signature[4], struct table *t)
{
    size_t count = min((root->len - HEADER) / width, (size_t)TABLES);

    for (size_t i = 0; i < count; i++)
        if (read_table(number(root->bytes + HEADER + i * width, width),
                       signature, t))
            return true;
    return false;
}

/* The structures of the MADT (5.2.12); type 1 is an I/O APIC. */
static void add_io_apics(const struct table *t)
{
    for (size_t at = HEADER + 8; at + 2 <= t->len;) {
        size_t len = t->bytes[at + 1];

        if (len < 2 || len > t->len - at)
            return;
        if (t->bytes[at] == 1 && len >= 12)
            (void)interrupts_add_io_apic(number(t->bytes + at + 4, 4),
                                         (unsigned)number(t->bytes + at + 8,
                                                          4));
        at += len;
    }
}

/* The DSDT's address is in the FADT, with 64 bits if it is that long. */
static bool find_dsdt(const struct table *fadt, struct table *dsdt)
{
    uint64_t at = fadt->len >= 148 ? number(fadt->bytes + 140, 8) : 0;

    if (at == 0 && fadt->len >= 44)
        at = number(fadt->bytes + 40, 4);
    return read_table(at, "DSDT", dsdt);
}

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    struct table root, t, dsdt;
    size_t width;

    if (!read_root(&root, &width))
        return;
    if (find_table(&root, width, "APIC", &t)) {
        add_io_apics(&t);
        free(t.bytes);
    }
    if (find_table(&root, width, "FACP", &t)) {
        if (find_dsdt(&t, &dsdt)) {
            dsdt_find_mmio(dsdt.bytes + HEADER, dsdt.len - HEADER, found, ctx);
            free(dsdt.bytes);
        }
        free(t.bytes);
    }
    free(root.bytes);
}
