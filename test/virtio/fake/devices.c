/* SPDX-License-Identifier: ISC */
/* The machine of a test: a list of fake devices. A test may define these
 * functions itself. */
#include "devices.h"
#include <mirage/bare.h>
#include <stdio.h>

uint8_t fake_heap[65536];
static struct virtio_device *first;

__attribute__((weak)) struct virtio_device *virtio_devices(void)
{
    return first;
}

void fake_add(struct fake *f, uint32_t type)
{
    struct virtio_device **end = &first;
    unsigned number = 0;

    for (; *end; end = &(*end)->next)
        number++;
    f->device.type = type;
    snprintf(f->device.place, sizeof f->device.place, "fake %u", number);
    *end = &f->device;
}

void fake_remove_all(void)
{
    first = NULL;
}

__attribute__((weak)) bool bare_is_physical(const void *at, size_t len)
{
    const uint8_t *p = at;

    return p + len <= fake_heap || p >= fake_heap + sizeof fake_heap;
}
