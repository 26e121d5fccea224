/* SPDX-License-Identifier: ISC */
/* sharing: devices that have one user at a time. */
#ifndef CONFIG_SHARING_H
#define CONFIG_SHARING_H

#include "graph.h"

/* Marks a node and all the devices that it is given, at whatever depth. */
void sharing_mark(struct node *user);

/*
 * Ends configuration with a message if two nodes of the image use one network
 * device, two block devices are one file, two file systems are on one disk, or
 * two layers of one type are over one layer.
 */
void sharing_check(void);

#endif
