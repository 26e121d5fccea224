/* SPDX-License-Identifier: ISC */
/*
 * Packed virtqueues (virtio 1.2, 2.8): one ring of descriptors, in which driver
 * and device tell by two flags of each whose turn it is, and two event
 * suppression structures.
 *
 * A device takes descriptors in the order of the ring, so the first of several
 * buffers is made available last (publish), and with it all of them.
 */
#include "virtqueue.h"

#define AVAIL_FLAG (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_FLAG  (1u << VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

static size_t place(struct virtqueue *q, uint8_t *at)
{
    size_t ring = q->size * sizeof(struct vring_packed_desc);

    if (at) {
        q->descriptors.packed = (void *)at;
        q->driver_event = (void *)(at + ring);
        q->device_event = q->driver_event + 1;
    }
    return ring + 2 * sizeof(struct vring_packed_desc_event);
}

/* Goes on by count positions, and returns whether the end was passed. */
static bool advance(const struct virtqueue *q, uint16_t *at, unsigned count)
{
    unsigned to = *at + count;
    bool is_passed = to >= q->size;

    *at = (uint16_t)(is_passed ? to - q->size : to);
    return is_passed;
}

/* Flags of an available descriptor: the wrap counter, and its inverse. */
static uint16_t available(const struct virtqueue *q, uint16_t flags)
{
    return (uint16_t)(flags | (q->wrap ? AVAIL_FLAG : USED_FLAG));
}

/* Writes the descriptor at q->next, and goes on. The head's flags make it
 * available, and are left to the caller. */
static void put(struct virtqueue *q, const struct virtio_piece *piece,
                uint16_t id, uint16_t flags, bool is_head)
{
    struct vring_packed_desc *to = &q->descriptors.packed[q->next];

    to->addr = (uintptr_t)piece->data;
    to->len = piece->len;
    to->id = id;
    if (!is_head)
        ring_write(&to->flags, available(q, flags));
    if (advance(q, &q->next, 1))
        q->wrap = !q->wrap;
    q->added++;
}

static uint16_t write_flag(unsigned i, unsigned out)
{
    return i < out ? 0 : VRING_DESC_F_WRITE;
}

static uint16_t flags_of(unsigned i, unsigned out, unsigned count)
{
    return (uint16_t)(write_flag(i, out) |
                      (i + 1 < count ? VRING_DESC_F_NEXT : 0));
}

/* In a table only WRITE means something, and the order is that of the ring
 * (2.8.7). */
static void fill_table(struct vring_packed_desc *t,
                       const struct virtio_piece *pieces, unsigned out,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        t[i].addr = (uintptr_t)pieces[i].data;
        t[i].len = pieces[i].len;
        t[i].id = 0;
        t[i].flags = write_flag(i, out);
    }
}

static uint16_t add(struct virtqueue *q, const struct virtio_piece *pieces,
                    unsigned out, unsigned in, uint16_t table)
{
    unsigned count = out + in;
    uint16_t id = q->free_entry, head = q->next, flags;
    bool is_first = q->added == 0;

    q->free_entry = q->entries[id].next;
    if (table != NO_TABLE) {
        struct vring_desc *t = q->tables + (size_t)table * q->table_size;
        struct virtio_piece whole = {t, (uint32_t)(count * sizeof *t)};

        fill_table((void *)t, pieces, out, count);
        flags = available(q, VRING_DESC_F_INDIRECT);
        put(q, &whole, id, 0, true);
    } else {
        flags = available(q, flags_of(0, out, count));
        for (unsigned i = 0; i < count; i++)
            put(q, &pieces[i], id, flags_of(i, out, count), i == 0);
    }
    if (is_first) {
        q->held.at = head;
        q->held.flags = flags;
    } else {
        ring_release(&q->descriptors.packed[head].flags, flags);
    }
    return id;
}

/* With flags DESC the device asks for the position off, in the round of its
 * wrap bit (2.8.10). Seen from the present round, those of the one before are
 * negative. */
static bool wants_event(const struct virtqueue *q, uint16_t off_wrap)
{
    uint16_t off = (uint16_t)(off_wrap & ~EVENT_WRAP);

    if (((off_wrap & EVENT_WRAP) != 0) != q->wrap)
        off = (uint16_t)(off - q->size);
    return vring_need_event(off, q->next, (uint16_t)(q->next - q->added));
}

static bool publish(struct virtqueue *q)
{
    uint16_t flags;

    ring_release(&q->descriptors.packed[q->held.at].flags, q->held.flags);
    ring_fence();
    flags = ring_acquire(&q->device_event->flags) & 3;
    if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
        return false;
    return flags != VRING_PACKED_EVENT_FLAG_DESC || !q->has_event_idx ||
           wants_event(q, ring_read(&q->device_event->off_wrap));
}

static bool is_used(const struct virtqueue *q)
{
    uint16_t flags = ring_acquire(&q->descriptors.packed[q->last_used].flags);

    return ((flags & AVAIL_FLAG) != 0) == q->used_wrap &&
           ((flags & USED_FLAG) != 0) == q->used_wrap;
}

static bool next_used(struct virtqueue *q, struct used *u, const char **how)
{
    const struct vring_packed_desc *from = &q->descriptors.packed[q->last_used];

    (void)how;
    if (!is_used(q))
        return false;
    u->id = ring_read(&from->id);
    u->len = ring_read(&from->len);
    return true;
}

static void release(struct virtqueue *q, uint16_t id)
{
    q->entries[id].next = q->free_entry;
    q->free_entry = id;
    if (advance(q, &q->last_used, q->entries[id].count))
        q->used_wrap = !q->used_wrap;
}

/* Flags are written after the position, which the device reads after them. */
static void arm(struct virtqueue *q, bool late)
{
    uint16_t at = q->last_used;
    bool wrap = q->used_wrap;

    if (!q->has_event_idx) {
        ring_write(&q->driver_event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
        return;
    }
    if (late && advance(q, &at, most_of((uint16_t)(q->size - q->room))))
        wrap = !wrap;
    ring_write(&q->driver_event->off_wrap,
               (uint16_t)(at | (wrap ? EVENT_WRAP : 0)));
    ring_release(&q->driver_event->flags, VRING_PACKED_EVENT_FLAG_DESC);
}

static void disarm(struct virtqueue *q)
{
    ring_write(&q->driver_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

const struct ring_format packed_format = {
    .place = place,
    .add = add,
    .publish = publish,
    .is_used = is_used,
    .next_used = next_used,
    .release = release,
    .arm = arm,
    .disarm = disarm,
};
