/* SPDX-License-Identifier: ISC */
/* vmgenid: the generation of a virtual machine. */
#ifndef PC_VMGENID_H
#define PC_VMGENID_H

#include "acpi.h"

/* The physical address of the generation's 16 bytes by this table, the DSDT or
 * an SSDT. 0: it does not say. */
uint64_t vmgenid_address(const struct acpi_table *t);

#endif
