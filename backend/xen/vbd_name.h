/* SPDX-License-Identifier: ISC */
/*
 * vbd_name: names and numbers of virtual disks (Xen's xen-vbd-interface(7)):
 * xvda to xvdz and beyond, sda to sdp, hda to hdd, and their partitions. A name
 * can also be a number, such as 51712 or 0xca00.
 */
#ifndef XEN_VBD_NAME_H
#define XEN_VBD_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define VBD_NAME 16 /* bytes of the longest name, with its NUL */

/* Parses a name, which may begin with /dev/. False: it is no such name. */
bool vbd_number(const char *name, unsigned long *number);

/* Writes the name of the disk that has the number; or else the number. */
void vbd_name(unsigned long number, char name[VBD_NAME]);

#endif
