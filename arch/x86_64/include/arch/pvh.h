/* SPDX-License-Identifier: ISC */
/* pvh: the start information of PVH (xen/arch-x86/hvm/start_info.h). */
#ifndef ARCH_PVH_H
#define ARCH_PVH_H

struct start;
struct hvm_start_info;

/* Reads the memory map and the command line. Ends the image if there is no
 * memory map, or if the command line is too long. */
void start_read_pvh(struct start *s, const struct hvm_start_info *info);

#endif
