/* SPDX-License-Identifier: ISC */
/*
 * ports: consoles of a name other than "0" on target virtio. Each is a port of
 * a virtio console device, and on the host a Unix socket NAME.sock in the
 * image's folder.
 */
#ifndef TOOL_PORTS_H
#define TOOL_PORTS_H

#include "facts.h"

/* The names of all ports that the image uses: each once, sorted. */
struct list ports_of(const struct facts *f);

/* Ends the program with a message if one has a name that it cannot have, or if
 * there are more than a device has. */
void ports_check(const struct facts *f);

/* The lines of NAME.qemu.sh that add the ports to QEMU's arguments, and their
 * elements of libvirt's XML; "" without ports. */
char *ports_lines(const struct facts *f);
char *ports_elements(const struct facts *f);

/* Says that Firecracker has no such device, if there are ports. */
void ports_note(const struct facts *f);

#endif
