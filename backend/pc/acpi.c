/* SPDX-License-Identifier: ISC */
/*
 * Finds and copies ACPI's tables (ACPI 6.5, 5.2): by the RSDP, and the XSDT or
 * RSDT. Each table is copied before it is read.
 */
#include "acpi.h"
#include <bare/start.h>
#include <mirage/bare.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <string.h>

#define TABLE_MOST 131072u
#define TABLES     64u /* of the XSDT, at most */
#define ADDRESSES  ((uint64_t)1 << 40) /* identity-mapped, below the heap */

static const struct start *start;

uint64_t acpi_number(const uint8_t *at, size_t len)
{
    uint64_t n = 0;

    while (len-- > 0)
        n = n << 8 | at[len];
    return n;
}

void acpi_start(const struct start *s)
{
    start = s;
}

/* Copies physical memory that is not ours: where an image's memory is, tables
 * would have been overwritten. */
static bool copy(void *to, uint64_t from, size_t len)
{
    uint64_t first = from / BARE_PAGE * BARE_PAGE;

    if (from >= ADDRESSES || len > TABLE_MOST)
        return false;
    for (uint64_t page = first; page < from + len; page += BARE_PAGE)
        if (start_is_memory(start, page, page + BARE_PAGE) ||
            !bare_map(page, page, BARE_PAGE, READ_ONLY))
            return false;
    memcpy(to, (const void *)(uintptr_t)from, len);
    for (uint64_t page = first; page < from + len; page += BARE_PAGE)
        (void)bare_map(page, page, BARE_PAGE, NO_ACCESS);
    return true;
}

static bool is_sum_zero(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    while (len-- > 0)
        sum = (uint8_t)(sum + at[len]);
    return sum == 0;
}

static size_t pages_of(const struct acpi_table *t)
{
    return (t->len + BARE_PAGE - 1) / BARE_PAGE;
}

void acpi_free(struct acpi_table *t)
{
    platform_pages_free(t->bytes, pages_of(t));
}

static bool read_table(uint64_t at, const char signature[4],
                       struct acpi_table *t)
{
    uint8_t head[ACPI_HEADER];

    if (!copy(head, at, sizeof head) || memcmp(head, signature, 4) != 0)
        return false;
    t->len = (size_t)acpi_number(head + 4, 4);
    if (t->len < ACPI_HEADER || t->len > TABLE_MOST)
        return false;
    t->bytes = platform_pages(pages_of(t));
    if (!t->bytes)
        return false;
    if (copy(t->bytes, at, t->len) && memcmp(t->bytes, head, 8) == 0 &&
        is_sum_zero(t->bytes, t->len))
        return true;
    acpi_free(t);
    return false;
}

static bool read_root(struct acpi_table *root, size_t *width)
{
    uint8_t rsdp[36];

    if (!start || start->rsdp == 0 ||
        !copy(rsdp, start->rsdp, sizeof rsdp) ||
        memcmp(rsdp, "RSD PTR ", 8) != 0 || !is_sum_zero(rsdp, 20))
        return false;
    *width = 8;
    if (rsdp[15] >= 2 && read_table(acpi_number(rsdp + 24, 8), "XSDT", root))
        return true;
    *width = 4;
    return read_table(acpi_number(rsdp + 16, 4), "RSDT", root);
}

bool acpi_find(const char signature[4], size_t *index, struct acpi_table *t)
{
    struct acpi_table root;
    bool is_found = false;
    size_t width, count;

    if (!read_root(&root, &width))
        return false;
    count = min((root.len - ACPI_HEADER) / width, (size_t)TABLES);
    while (!is_found && *index < count) {
        const uint8_t *at = root.bytes + ACPI_HEADER + *index * width;

        is_found = read_table(acpi_number(at, width), signature, t);
        ++*index;
    }
    acpi_free(&root);
    return is_found;
}

/* With 64 bits if the FADT is that long. */
bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt)
{
    uint64_t at = fadt->len >= 148 ? acpi_number(fadt->bytes + 140, 8) : 0;

    if (at == 0 && fadt->len >= 44)
        at = acpi_number(fadt->bytes + 40, 4);
    return read_table(at, "DSDT", dsdt);
}

void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx)
{
    struct acpi_table t;
    size_t index = 0;

    if (!acpi_find("APIC", &index, &t))
        return;
    for (size_t at = ACPI_HEADER + 8; at + 2 <= t.len;) {
        size_t len = t.bytes[at + 1];

        if (len < 2 || len > t.len - at)
            break;
        visit(ctx, t.bytes + at);
        at += len;
    }
    acpi_free(&t);
}
