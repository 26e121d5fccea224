/* SPDX-License-Identifier: ISC */
/* The list of virtio devices, and access to their registers. */
#include "balloon_virtio.h"
#include "bus.h"
#include "platform.h"
#include <arch/cpu.h>
#include <bare/start.h>
#include <mirage/bare.h>
#include <string.h>

#define LOW_END ((uint64_t)1 << 40) /* where the heap begins (bare/pages.c) */
#define WINDOW  ((uintptr_t)1 << 46) /* for registers beyond */

LOG_SOURCE_SHARED(virtio_bus);

static struct virtio_device *first, **last = &first;

void bus_add(struct virtio_device *d)
{
    d->next = NULL;
    *last = d;
    last = &d->next;
}

struct virtio_device *virtio_devices(void)
{
    static bool is_done;

    if (!is_done) {
        is_done = true;
        pci_find();
        mmio_find();
        balloon_start(first);
    }
    return first;
}

uintptr_t bus_map(uint64_t physical, uint64_t len)
{
    static uintptr_t window = WINDOW;
    uint64_t from = physical / BARE_PAGE * BARE_PAGE, to;
    uintptr_t at = from;

    if (__builtin_add_overflow(physical, len + BARE_PAGE - 1, &to) ||
        to >> 52 != 0)
        return 0;
    to = to / BARE_PAGE * BARE_PAGE;
    if (len == 0 || to - from > WINDOW ||
        start_is_memory(platform_start_info, from, to))
        return 0;
    if (to > LOW_END) {
        at = window;
        window += to - from;
    }
    if (!bare_map(at, from, to - from, DEVICE))
        return 0;
    return at + (physical - from);
}

/* The width of the accesses for so many bytes. */
static size_t width_of(size_t len)
{
    return len == 8 ? 4 : len == 4 || len == 2 ? len
                                               : 1;
}

bool bus_read_config(uintptr_t at, size_t size, size_t offset, void *data,
                     size_t len)
{
    size_t width = width_of(len);
    uint8_t *to = data;

    memset(data, 0, len);
    if (offset > size || len > size - offset)
        return false;
    for (size_t i = 0; i < len; i += width) {
        uintptr_t from = at + offset + i;
        uint32_t value = width == 4   ? read_device(from)
                         : width == 2 ? read_device16(from)
                                      : read_device8(from);

        memcpy(to + i, &value, width); /* all our processors: little-endian */
    }
    return true;
}

void bus_write_config(uintptr_t at, size_t size, size_t offset,
                      const void *data, size_t len)
{
    size_t width = width_of(len);
    const uint8_t *from = data;

    if (offset > size || len > size - offset)
        return;
    for (size_t i = 0; i < len; i += width) {
        uintptr_t to = at + offset + i;
        uint32_t value = 0;

        memcpy(&value, from + i, width);
        if (width == 4)
            write_device(to, value);
        else if (width == 2)
            write_device16(to, (uint16_t)value);
        else
            write_device8(to, (uint8_t)value);
    }
}
