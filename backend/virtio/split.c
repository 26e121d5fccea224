/* SPDX-License-Identifier: ISC */
/*
 * Split virtqueues (virtio 1.2, 2.7): descriptors, a ring of available buffers,
 * and a ring of used ones. Legacy devices have the same rings, at fixed places
 * (2.7.2).
 */
#include "virtqueue.h"

#define LEGACY_ALIGN 4096u
#define ALIGN        64u

static size_t place(struct virtqueue *q, uint8_t *at)
{
    size_t align = q->device->is_legacy ? LEGACY_ALIGN : ALIGN;
    size_t avail = q->size * sizeof(struct vring_desc);
    /* Each ring has an event index at its end (2.7.6, 2.7.8). */
    size_t used = avail + sizeof(struct vring_avail) +
                  (q->size + 1u) * sizeof(uint16_t);

    used = (used + align - 1) & ~(align - 1);
    if (at) {
        q->descriptors.split = (void *)at;
        q->avail = (void *)(at + avail);
        q->used = (void *)(at + used);
    }
    return used + sizeof(struct vring_used) +
           q->size * sizeof(struct vring_used_elem) + sizeof(uint16_t);
}

static uint16_t *used_event(const struct virtqueue *q)
{
    return &q->avail->ring[q->size];
}

static const uint16_t *avail_event(const struct virtqueue *q)
{
    return (const void *)&q->used->ring[q->size];
}

static void describe(struct vring_desc *at, const struct virtio_piece *piece,
                     uint16_t flags, uint16_t next)
{
    at->addr = (uintptr_t)piece->data;
    at->len = piece->len;
    at->flags = flags;
    at->next = next;
}

static uint16_t flags_of(unsigned i, unsigned out, unsigned count)
{
    return (uint16_t)((i < out ? 0 : VRING_DESC_F_WRITE) |
                      (i + 1 < count ? VRING_DESC_F_NEXT : 0));
}

static uint16_t add(struct virtqueue *q, const struct virtio_piece *pieces,
                    unsigned out, unsigned in, uint16_t table)
{
    unsigned count = out + in;
    uint16_t head = q->free_entry, at = head;

    if (table != NO_TABLE) {
        struct vring_desc *t = q->tables + (size_t)table * q->table_size;
        struct virtio_piece whole = {t, (uint32_t)(count * sizeof *t)};

        for (unsigned i = 0; i < count; i++)
            describe(&t[i], &pieces[i], flags_of(i, out, count),
                     (uint16_t)(i + 1));
        describe(&q->descriptors.split[at], &whole, VRING_DESC_F_INDIRECT, 0);
        at = q->entries[at].next;
    } else {
        for (unsigned i = 0; i < count; i++) {
            uint16_t next = q->entries[at].next;

            describe(&q->descriptors.split[at], &pieces[i],
                     flags_of(i, out, count), next);
            at = next;
        }
    }
    q->free_entry = at;
    ring_write(&q->avail->ring[q->next % q->size], head);
    q->next++;
    q->added++;
    return head;
}

static bool publish(struct virtqueue *q)
{
    ring_release(&q->avail->idx, q->next);
    ring_fence();
    if (q->has_event_idx)
        return vring_need_event(ring_read(avail_event(q)), q->next,
                                (uint16_t)(q->next - q->added));
    return (ring_read(&q->used->flags) & VRING_USED_F_NO_NOTIFY) == 0;
}

static bool is_used(const struct virtqueue *q)
{
    return ring_acquire(&q->used->idx) != q->last_used;
}

static bool next_used(struct virtqueue *q, struct used *u, const char **how)
{
    uint16_t count = (uint16_t)(ring_acquire(&q->used->idx) - q->last_used);
    const struct vring_used_elem *from;

    if (count == 0)
        return false;
    if (count > q->in_flight) {
        *how = "has used more buffers than it had";
        return false;
    }
    from = &q->used->ring[q->last_used % q->size];
    u->id = ring_read(&from->id);
    u->len = ring_read(&from->len);
    return true;
}

static void release(struct virtqueue *q, uint16_t id)
{
    uint16_t last = id;

    for (unsigned i = 1; i < q->entries[id].count; i++)
        last = q->entries[last].next;
    q->entries[last].next = q->free_entry;
    q->free_entry = id;
    q->last_used++;
}

static void arm(struct virtqueue *q, bool late)
{
    if (q->has_event_idx)
        ring_write(used_event(q), (uint16_t)(q->last_used +
                                             (late ? most_of(q->in_flight)
                                                   : 0)));
    else
        ring_write(&q->avail->flags, 0);
}

/* With EVENT_IDX flags are to be 0 (2.7.7.1), and an index that is passed
 * already is not passed for the next 65,535 buffers. */
static void disarm(struct virtqueue *q)
{
    if (q->has_event_idx)
        ring_write(used_event(q), (uint16_t)(q->last_used - 1));
    else
        ring_write(&q->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

const struct ring_format split_format = {
    .place = place,
    .add = add,
    .publish = publish,
    .is_used = is_used,
    .next_used = next_used,
    .release = release,
    .arm = arm,
    .disarm = disarm,
};
