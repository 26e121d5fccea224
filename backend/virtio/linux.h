/* SPDX-License-Identifier: ISC */
/* linux: being started as Linux is. */
#ifndef VIRTIO_LINUX_H
#define VIRTIO_LINUX_H

#include <start.h>

struct boot_params;

/* Memory, the command line, and a seed for the entropy if there is one. */
void start_read_linux(struct start *s, const struct boot_params *p);

#endif
