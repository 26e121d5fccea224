/* SPDX-License-Identifier: ISC */
/*
 * Virtqueues of either format (virtio 1.2, 2.6): their life, their buffers, and
 * the checks of what a device says about these. The formats are in split.c and
 * packed.c.
 */
#include "virtqueue.h"
#include <linux/virtio_config.h>
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <stdlib.h>

#define LARGEST 32768u /* 2.7, 2.8 */

/* Chooses the size of a queue; that of a legacy one is the device's (2.7.2). */
static enum status choose_size(struct virtio_device *d, unsigned index,
                               uint16_t most, uint16_t *size)
{
    unsigned there = index < VIRTIO_QUEUES
                         ? d->transport->queue_size(d, index)
                         : 0;
    bool is_packed = virtio_has(d, VIRTIO_F_RING_PACKED);

    if (there == 0) {
        log_error(d->driver->log, "%s: it has no queue %u", d->place, index);
        return ERR_UNSUPPORTED;
    }
    if (there > LARGEST || (!is_packed && (there & (there - 1)) != 0)) {
        log_error(d->driver->log, "%s: it gives queue %u a size of %u, which "
                                  "virtio forbids",
                  d->place, index, there);
        return ERR_UNSUPPORTED;
    }
    *size = (uint16_t)(d->is_legacy ? there : min(there, (unsigned)most));
    return OK;
}

static void place(struct virtqueue *q, uint8_t *at)
{
    size_t rings = (q->format->place(q, at) + 63) & ~(size_t)63;

    q->tables = (struct vring_desc *)(void *)(at + rings);
}

static bool allocate(struct virtqueue *q)
{
    size_t rings = (q->format->place(q, NULL) + 63) & ~(size_t)63;
    size_t tables = (size_t)q->size * q->table_size * sizeof *q->tables;

    q->pages_count = (rings + tables + PAGE_BYTES - 1) / PAGE_BYTES;
    q->pages = page_alloc(q->pages_count);
    q->entries = calloc(q->size, sizeof *q->entries);
    if (!q->pages || !q->entries)
        return false;
    place(q, q->pages);
    for (uint16_t i = 0; i < q->size; i++) {
        q->entries[i].next = (uint16_t)(i + 1);
        q->entries[i].next_table = (uint16_t)(i + 1);
    }
    return true;
}

static void free_queue(struct virtqueue *q)
{
    /* A device that has not answered the reset may write to it still. */
    if (q->pages && !q->device->keeps_memory)
        page_free(q->pages, q->pages_count);
    free(q->entries);
    free(q);
}

static uint64_t physical(const void *at)
{
    return (uintptr_t)at;
}

static bool start_queue(struct virtqueue *q)
{
    struct virtio_device *d = q->device;
    bool is_packed = q->format == &packed_format;

    return d->transport->queue_start(
        d, q->index, q->size, physical(q->descriptors.split),
        is_packed ? physical(q->driver_event) : physical(q->avail),
        is_packed ? physical(q->device_event) : physical(q->used));
}

enum status virtqueue_create(struct virtio_device *d, unsigned index,
                             uint16_t most, uint16_t pieces,
                             void (*on_used)(void *ctx), void *ctx,
                             struct virtqueue **queue)
{
    uint16_t size;
    enum status s = choose_size(d, index, most, &size);
    struct virtqueue *q;

    if (s != OK)
        return s;
    require(!d->queue[index] && (most & (most - 1)) == 0 && pieces > 0);
    if (pieces > size) {
        log_error(d->driver->log, "%s: queue %u has %u entries, too few for a "
                                  "buffer of %u",
                  d->place, index, size, pieces);
        return ERR_UNSUPPORTED;
    }
    q = calloc(1, sizeof *q);
    if (!q) {
        log_error(d->driver->log, "%s: queue %u: %s", d->place, index,
                  status_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    q->device = d;
    q->format = virtio_has(d, VIRTIO_F_RING_PACKED) ? &packed_format
                                                    : &split_format;
    q->on_used = on_used;
    q->ctx = ctx;
    q->index = (uint16_t)index;
    q->size = q->room = size;
    q->table_size = pieces > 1 && virtio_has(d, VIRTIO_RING_F_INDIRECT_DESC)
                        ? pieces
                        : 0;
    q->has_event_idx = virtio_has(d, VIRTIO_RING_F_EVENT_IDX);
    q->wrap = q->used_wrap = true;
    if (!allocate(q)) {
        log_error(d->driver->log, "%s: queue %u of %u entries: %s", d->place,
                  index, size, status_text(ERR_NO_MEMORY));
        free_queue(q);
        return ERR_NO_MEMORY;
    }
    q->format->disarm(q);
    /* Even a queue that is not taken ends with a reset: its device may have
     * kept the addresses. */
    d->queue[index] = q;
    d->queue_end = max(d->queue_end, index + 1);
    if (!start_queue(q)) {
        log_error(d->driver->log, "%s: it does not take queue %u", d->place,
                  index);
        return ERR_IO;
    }
    *queue = q;
    return OK;
}

void virtqueues_stop(struct virtio_device *d)
{
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        if (d->queue[i])
            d->queue[i]->is_dead = true;
}

void virtqueues_free(struct virtio_device *d)
{
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        if (d->queue[i]) {
            free_queue(d->queue[i]);
            d->queue[i] = NULL;
        }
}

unsigned virtqueue_size(const struct virtqueue *q)
{
    return q->size;
}

unsigned virtqueue_room(const struct virtqueue *q)
{
    return q->room;
}

unsigned virtqueue_in_flight(const struct virtqueue *q)
{
    return q->in_flight;
}

/*
 * A table saves entries, and costs the device a further access to memory, which
 * short buffers do without while there are entries. Each buffer finds a table:
 * there are as many as entries.
 */
static bool needs_table(const struct virtqueue *q, unsigned count)
{
    return q->table_size > 0 && count > 1 &&
           (count > 2 || q->room <= q->size / 2);
}

bool virtqueue_add(struct virtqueue *q, const struct virtio_piece *pieces,
                   unsigned out, unsigned in, void *token)
{
    unsigned count = out + in;
    uint16_t table = NO_TABLE, id;
    struct entry *e;
    uint32_t capacity = 0;

    require(token && count > 0 && count <= q->size);
    if (q->is_dead)
        return false;
    if (needs_table(q, count) && count <= q->table_size && q->room > 0) {
        table = q->free_table;
        q->free_table = q->entries[table].next_table;
    } else if (count > q->room) {
        return false;
    }
    for (unsigned i = out; i < count; i++)
        capacity += min(pieces[i].len, UINT32_MAX - capacity);
    id = q->format->add(q, pieces, out, in, table);
    e = &q->entries[id];
    e->token = token;
    e->capacity = capacity;
    e->count = (uint16_t)(table == NO_TABLE ? count : 1);
    e->table = table;
    q->room = (uint16_t)(q->room - e->count);
    q->in_flight++;
    return true;
}

void virtqueue_kick(struct virtqueue *q)
{
    if (q->is_dead || q->added == 0)
        return;
    if (q->format->publish(q))
        q->device->transport->notify(q->device, q->index, q->index);
    q->added = 0;
}

static void *remove_buffer(struct virtqueue *q, uint16_t id)
{
    struct entry *e = &q->entries[id];
    void *token = e->token;

    e->token = NULL;
    if (e->table != NO_TABLE) {
        q->entries[e->table].next_table = q->free_table;
        q->free_table = e->table;
    }
    q->room = (uint16_t)(q->room + e->count);
    q->in_flight--;
    q->format->release(q, id);
    return token;
}

void *virtqueue_used(struct virtqueue *q, uint32_t *written)
{
    const char *how = NULL;
    const struct entry *e;
    struct used u;

    *written = 0;
    if (q->is_dead)
        return NULL;
    if (!q->format->next_used(q, &u, &how)) {
        if (how)
            virtio_broken(q->device, how);
        return NULL;
    }
    e = u.id < q->size ? &q->entries[u.id] : NULL;
    if (!e || !e->token) {
        virtio_broken(q->device, "returned a buffer that it did not have");
        return NULL;
    }
    /*
     * Lengths of buffers that are only read mean nothing, and some devices
     * write them; those of legacy devices are often wrong (2.7.8.2).
     */
    if (u.len > e->capacity && e->capacity > 0 && !q->device->is_legacy &&
        !q->device->driver->ignores_written) {
        virtio_broken(q->device, "claims to have written beyond a buffer");
        return NULL;
    }
    *written = min(u.len, e->capacity);
    return remove_buffer(q, (uint16_t)u.id);
}

static bool enable(struct virtqueue *q, bool late)
{
    if (q->is_dead)
        return true;
    q->format->arm(q, late);
    ring_fence();
    if (q->format->is_used(q)) {
        virtqueue_disable(q);
        return false;
    }
    q->is_enabled = true;
    return true;
}

bool virtqueue_enable(struct virtqueue *q)
{
    return enable(q, false);
}

bool virtqueue_enable_late(struct virtqueue *q)
{
    return enable(q, true);
}

void virtqueue_disable(struct virtqueue *q)
{
    q->is_enabled = false;
    if (!q->is_dead)
        q->format->disarm(q);
}

void virtqueue_interrupt(struct virtqueue *q)
{
    if (!q->is_enabled || q->is_dead || !q->format->is_used(q))
        return;
    virtqueue_disable(q);
    q->on_used(q->ctx);
}

void *virtqueue_reclaim(struct virtqueue *q)
{
    require(q->is_dead);
    for (uint16_t i = 0; i < q->size; i++)
        if (q->entries[i].token) {
            void *token = q->entries[i].token;

            q->entries[i].token = NULL;
            q->in_flight--;
            return token;
        }
    return NULL;
}
