/* SPDX-License-Identifier: ISC */
/*
 * vbd_name: the numbers of virtual disks, and their names (Xen's
 * xen-vbd-interface(7)): xvda to xvdz and beyond, sda to sdp, hda to hdd, and
 * their partitions; or a number itself, such as 51712 or 0xca00.
 */
#ifndef XEN_VBD_NAME_H
#define XEN_VBD_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define VBD_NAME 16 /* bytes of the longest name, with its NUL */

/* False: it is no such name. */
bool vbd_number(const char *name, unsigned long *number);

/* The name of the disk with that number; the number, if there is none. */
void vbd_name(unsigned long number, char name[VBD_NAME]);

#endif
