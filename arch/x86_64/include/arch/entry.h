/* SPDX-License-Identifier: ISC */
/* entry: the first C function, which entry.S calls after the boot by PVH. */
#ifndef ARCH_ENTRY_H
#define ARCH_ENTRY_H

struct hvm_start_info;

/*
 * Defined by the target. entry.S calls it in 64-bit mode, on the boot stack,
 * with the first GiB identity-mapped. Does not return.
 */
void bare_start(const struct hvm_start_info *info);

#endif
