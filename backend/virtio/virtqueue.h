/* SPDX-License-Identifier: ISC */
/*
 * virtqueue: what split and packed rings have in common (virtio 1.2, 2.6).
 *
 * The device can write to all of the rings. The driver's knowledge (which
 * entries are free, who has which buffer, how long chains are) is in memory of
 * its own, and nothing of it is ever read back from a ring.
 */
#ifndef VIRTIO_VIRTQUEUE_H
#define VIRTIO_VIRTQUEUE_H

#include "virtio.h"
#include <arch/cpu.h>
#include <linux/virtio_ring.h>

#define NO_TABLE UINT16_MAX

/* The state of the descriptor (split) or buffer ID (packed) of this number. */
struct entry {
    void *token; /* NULL: it is not the device's */
    uint32_t capacity; /* bytes that the device may write */
    uint16_t next; /* in the list of free ones, or in its chain */
    uint16_t count; /* descriptors that the buffer takes */
    uint16_t table; /* its indirect table; NO_TABLE: none */
    uint16_t next_table; /* of the list of free tables, at this number */
};

/* What a device says about a buffer, read once. */
struct used {
    uint32_t id, len;
};

struct ring_format {
    /* Sets the addresses of the rings for memory at `at`, which is zeroed, and
     * returns how many bytes they take. NULL: only the latter. */
    size_t (*place)(struct virtqueue *q, uint8_t *at);
    /* Adds descriptors for pieces, or one for q's table; there is room.
     * Returns the buffer's entry. */
    uint16_t (*add)(struct virtqueue *q, const struct virtio_piece *pieces,
                    unsigned out, unsigned in, uint16_t table);
    /* Publishes what was added. Returns whether to notify the device. */
    bool (*publish)(struct virtqueue *q);
    bool (*is_used)(const struct virtqueue *q);
    /* Reads what the next used buffer is. False: there is none, or *how says
     * how the device breaks the specification. */
    bool (*next_used)(struct virtqueue *q, struct used *u, const char **how);
    /* Frees the descriptors of the buffer that next_used returned. */
    void (*release)(struct virtqueue *q, uint16_t id);
    /* Asks for an interrupt after the next used buffer, or, late, after three
     * quarters of all; disarm: for none. */
    void (*arm)(struct virtqueue *q, bool late);
    void (*disarm)(struct virtqueue *q);
};

extern const struct ring_format split_format, packed_format;

struct virtqueue {
    struct virtio_device *device;
    const struct ring_format *format;
    void (*on_used)(void *ctx);
    void *ctx;
    struct entry *entries;
    void *pages; /* of the rings and tables */
    size_t pages_count;
    struct vring_desc *tables;
    uint16_t index, size;
    uint16_t table_size; /* entries of each; 0: there are no tables */
    uint16_t free_table; /* the first */
    uint16_t free_entry; /* the first */
    uint16_t room; /* free descriptors */
    uint16_t in_flight; /* buffers */
    uint16_t added; /* descriptors (packed) or buffers (split) since publish */
    uint16_t next; /* the position for what is added next */
    uint16_t last_used; /* the position of what is used next */
    bool has_event_idx;
    bool is_enabled;
    bool is_dead; /* the device is reset, or gone */
    struct { /* the first buffer that was added since publish */
        uint16_t at, flags;
    } held; /* packed */
    bool wrap, used_wrap; /* packed: the counters at next and at last_used */
    union {
        struct vring_desc *split;
        struct vring_packed_desc *packed;
    } descriptors;
    struct vring_avail *avail; /* split */
    struct vring_used *used;
    struct vring_packed_desc_event *driver_event, *device_event; /* packed */
};

/* Accesses to memory that the device reads and writes meanwhile: each is done
 * once, in one piece. */
#define ring_read(at)           __atomic_load_n(at, __ATOMIC_RELAXED)
#define ring_write(at, value)   __atomic_store_n(at, value, __ATOMIC_RELAXED)
/* No later access is done before this one; no earlier one after it. */
#define ring_acquire(at)        __atomic_load_n(at, __ATOMIC_ACQUIRE)
#define ring_release(at, value) __atomic_store_n(at, value, __ATOMIC_RELEASE)

/*
 * Orders earlier writes before later reads, for "publish, then look". QEMU 7.2
 * leaves out the fence when it emulates a machine of one processor, although
 * its devices have threads of their own, and a notification or an interrupt is
 * lost once in many thousands. Its emulation of reading the counter is one: it
 * takes a lock.
 */
static inline void ring_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    (void)read_cycles();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* The position of the last of three quarters of count, from the next one. */
static inline uint16_t most_of(uint16_t count)
{
    return count == 0 ? 0 : (uint16_t)((3u * count + 3) / 4 - 1);
}

/* Stops the use of all queues of d, and, when it is reset, frees them. */
void virtqueues_stop(struct virtio_device *d);
void virtqueues_free(struct virtio_device *d);

/* Calls on_used if the device has used buffers and the driver has asked. */
void virtqueue_interrupt(struct virtqueue *q);

#endif
