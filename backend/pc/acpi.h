/* SPDX-License-Identifier: ISC */
/* acpi: the tables of ACPI (ACPI 6.5, 5.2) that the loader gives. */
#ifndef PC_ACPI_H
#define PC_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct start;

#define ACPI_HEADER 36 /* bytes before a table's contents */

/* A copy of a table, with its header. */
struct acpi_table {
    uint8_t *bytes;
    size_t len;
};

/* Has the tables read at the address that is in s. Keeps s. */
void acpi_start(const struct start *s);

/*
 * Copies the next table with this signature, from *index on: the first time 0,
 * then as it was left. False: there is no other, or no tables at all, or no
 * memory; damaged tables are passed over. The copy is freed by acpi_free.
 */
bool acpi_find(const char signature[4], size_t *index, struct acpi_table *t);

/* Copies the DSDT, whose address is in the FADT (signature "FACP"). */
bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt);

void acpi_free(struct acpi_table *t);

/* Calls visit for each structure of the MADT (5.2.12): its bytes, of which
 * there are at[1], at least 2. */
void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx);

/* The number of len bytes at at, little-endian. len is at most 8. */
uint64_t acpi_number(const uint8_t *at, size_t len);

#endif
