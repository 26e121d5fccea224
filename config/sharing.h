/* SPDX-License-Identifier: ISC */
/* sharing: refuses two users of a device that can have one. */
#ifndef CONFIG_SHARING_H
#define CONFIG_SHARING_H

#include "graph.h"

/* Marks a node as used by the image, and all devices that it depends on. */
void sharing_mark(struct node *user);

/*
 * Ends configuration with a message if two nodes of the image use one network
 * device, two block devices are one file, two file systems are on one disk, or
 * two layers of one type are over one layer.
 */
void sharing_check(void);

#endif
