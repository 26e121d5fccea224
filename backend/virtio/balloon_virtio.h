/* SPDX-License-Identifier: ISC */
/*
 * balloon_virtio: gives free pages to the host, and takes them back, as a
 * virtio balloon device asks for it (virtio 1.2, 5.5).
 */
#ifndef VIRTIO_BALLOON_VIRTIO_H
#define VIRTIO_BALLOON_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>

struct virtio_device;

/* Starts the first balloon of the list, if there is one. Blocks. */
void balloon_start(struct virtio_device *devices);

/*
 * For pages_map_more and pages_unmapped_count. Takes pages back from a host
 * that permits that (DEFLATE_ON_OOM), and waits for its answer, for 100 ms at
 * most; no other fiber runs. False: there are none. Weak in platform.c.
 */
bool balloon_take_back(size_t count);
size_t balloon_pages(void); /* that can be taken back so */

#endif
