/* SPDX-License-Identifier: ISC */
/* acpi: the tables of ACPI (ACPI 6.5, 5.2), by the address that the loader
 * gives. */
#ifndef PC_ACPI_H
#define PC_ACPI_H

#include <mirage/bare.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ACPI_HEADER 36 /* bytes before a table's contents */

/* Signatures of tables, as numbers. */
#define ACPI_SIGNATURE(a, b, c, d)                              \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
     (uint32_t)(d) << 24)
#define ACPI_FADT ACPI_SIGNATURE('F', 'A', 'C', 'P')
#define ACPI_MADT ACPI_SIGNATURE('A', 'P', 'I', 'C')
#define ACPI_DSDT ACPI_SIGNATURE('D', 'S', 'D', 'T')
#define ACPI_SSDT ACPI_SIGNATURE('S', 'S', 'D', 'T')

/* A table with its header, of at least ACPI_HEADER bytes. It can only be read,
 * and stays. */
struct acpi_table {
    const uint8_t *bytes;
    size_t len;
};

/* Finds the table with this signature of which there are nth before it. False:
 * there is none, or no tables at all; damaged ones do not count. */
bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t);

/* Finds the DSDT, whose address is in the FADT. */
bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt);

/* Calls visit for each structure of the MADT (5.2.12): its bytes, of which
 * there are at[1], at least 2. */
void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx);

/*
 * Maps len bytes of a physical address that are not the image's memory, such as
 * registers, and returns where they are; 0: it cannot be done.
 */
uintptr_t acpi_map(uint64_t address, size_t len, enum access access);

/*
 * Searches the bytes from at to end for the len bytes of `what` that at least
 * `more` bytes follow. Returns what follows them. NULL: they are not there, or
 * at is NULL. end may be before at.
 */
static inline const uint8_t *acpi_behind(const uint8_t *at, const uint8_t *end,
                                         const void *what, size_t len,
                                         size_t more)
{
    for (; at && end - at >= (ptrdiff_t)(len + more); at++)
        if (memcmp(at, what, len) == 0)
            return at + len;
    return NULL;
}

/* The same for a literal, without the NUL that ends it. */
#define ACPI_BEHIND(at, end, text, more) \
    acpi_behind(at, end, text, sizeof text - 1, more)

#endif
