/* SPDX-License-Identifier: ISC */
/* platform: what the loader said, for those who look for devices. */
#ifndef VIRTIO_PLATFORM_H
#define VIRTIO_PLATFORM_H

struct start;

extern const struct start *platform_start_info; /* NULL before target_start */

#endif
