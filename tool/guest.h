/* SPDX-License-Identifier: ISC */
/* guest: the disks and networks that a guest of Xen is given. */
#ifndef TOOL_GUEST_H
#define TOOL_GUEST_H

#include "facts.h"

/* The name by which the image on Xen knows its disk, or its network; NULL: the
 * device is neither. */
char *guest_device(const struct facts *f, const struct node *device);

/* The lines of the .xl file that give the guest what config.c asks for, with
 * networks on that bridge. */
char *guest_lines(const struct facts *f, const char *bridge);

/* The same as elements of libvirt's XML; files are in the folder @HERE@. */
char *guest_elements(const struct facts *f);

#endif
