/* SPDX-License-Identifier: ISC */
/* guest: the disks and networks of a virtual machine. */
#ifndef TOOL_GUEST_H
#define TOOL_GUEST_H

#include "facts.h"

/* The names of all disks, or networks, that the image uses: each once, sorted
 * as by strverscmp. */
struct list guest_disks(const struct facts *f);
struct list guest_networks(const struct facts *f);

/* The name or number by which the image finds a disk or network on Xen; NULL:
 * the device is neither. */
char *guest_device(const struct facts *f, const struct node *device);

/* Ends the tool if the name of a disk's file is not UTF-8, or has a control
 * character, which `refusal` says ("libvirt does not take"). */
void guest_check_characters(const char *name, const char *refusal);

/* Makes the lines of the .xl file for the disks and networks of config.c, with
 * the networks on this bridge. */
char *guest_lines(const struct facts *f, const char *bridge);

/* Makes them as elements of libvirt's XML; files are in the folder @HERE@. */
char *guest_elements(const struct facts *f);

#endif
