/* SPDX-License-Identifier: ISC */
/* rng_virtio: the entropy device. */
#ifndef VIRTIO_RNG_VIRTIO_H
#define VIRTIO_RNG_VIRTIO_H

struct virtio_device;

/* Asks the first entropy device of the list, if there is one. Blocks. */
void rng_start(struct virtio_device *devices);

#endif
