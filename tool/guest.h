/* SPDX-License-Identifier: ISC */
/* guest: the disks and networks of a virtual machine. */
#ifndef TOOL_GUEST_H
#define TOOL_GUEST_H

#include "facts.h"

/* The name or number by which the image finds a disk or network on Xen; NULL:
 * the device is neither. */
char *guest_device(const struct facts *f, const struct node *device);

/* The names of config.c's disks, each once, sorted. */
struct list guest_disks(const struct facts *f);

/* Makes the lines of the .xl file for the disks and networks of config.c, with
 * the networks on this bridge. */
char *guest_lines(const struct facts *f, const char *bridge);

/* Makes them as elements of libvirt's XML; files are in the folder @HERE@. */
char *guest_elements(const struct facts *f);

#endif
