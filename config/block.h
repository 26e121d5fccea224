/* SPDX-License-Identifier: ISC */
/* block: disks for the file systems of fs.c. */
#ifndef CONFIG_BLOCK_H
#define CONFIG_BLOCK_H

#include "device.h"

/* Makes the disk of a file that `mirage image` will make. call: the constructor
 * that wants it, for messages. */
struct node *block_of_image(struct config_place at, const char *call,
                            const char *file);

#endif
