/* SPDX-License-Identifier: ISC */
/* found: what a transport adds to the machine's devices. */
#ifndef VIRTIO_FAKE_FOUND_H
#define VIRTIO_FAKE_FOUND_H

#include <stddef.h>
#include <virtio/virtio.h>

static inline struct virtio_device *last_device(void)
{
    struct virtio_device *d = virtio_devices();

    while (d && d->next)
        d = d->next;
    return d;
}

/* Returns the last of the devices that find has added. NULL: none. */
static inline struct virtio_device *found_by(void (*find)(void))
{
    struct virtio_device *before = last_device(), *after;

    find();
    after = last_device();
    return after != before ? after : NULL;
}

#endif
