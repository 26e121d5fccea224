/* SPDX-License-Identifier: ISC */
/*
 * virtio: the disks, networks and ports of a virtual machine with virtio
 * devices, for QEMU, libvirt and Firecracker, in the order of their names.
 */
#ifndef TOOL_VIRTIO_H
#define TOOL_VIRTIO_H

#include "facts.h"

/* The names that the driver of a network takes besides its own: of all
 * networks, each followed by its MAC address. Other drivers take none. */
struct list virtio_names(const struct facts *f, const struct node *device);

/* Ends the program with a message if QEMU, libvirt or the image could not tell
 * the disks apart by the names that config.c gives them, or a console cannot
 * have its name. */
void virtio_check(const struct facts *f);

/* Make the functions of NAME.qemu.sh for disks, networks and ports, if there
 * are any; and the lines that add them to QEMU's arguments. */
char *virtio_functions(const struct facts *f);
char *virtio_lines(const struct facts *f);

/* Makes them as elements of libvirt's XML; files are in the folder @HERE@. */
char *virtio_elements(const struct facts *f);

/* Make the lists of drives and of networks of Firecracker's configuration. */
char *virtio_drives(const struct facts *f);
char *virtio_interfaces(const struct facts *f);

#endif
