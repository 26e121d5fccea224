/* SPDX-License-Identifier: ISC */
/* entry: how the entry points in assembly reach a first function in C. */
#ifndef ARCH_ENTRY_H
#define ARCH_ENTRY_H

struct hvm_start_info;

/*
 * Defined by the target. entry.S calls it in 64-bit mode, on the boot stack,
 * when the image was entered by the PVH protocol. Does not return.
 */
void bare_start(const struct hvm_start_info *info);

#endif
