/* SPDX-License-Identifier: ISC */
/*
 * virtio: a virtio device as its driver sees it, on any transport (virtio 1.2,
 * sections 2 and 3). The drivers trust no host: a device that breaks the
 * specification is reset and gone (virtio_broken), and the image goes on.
 *
 * Integers of a device are little-endian, as those of all our processors.
 */
#ifndef VIRTIO_VIRTIO_H
#define VIRTIO_VIRTIO_H

#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/restart.h>
#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_QUEUES 16u /* queues of a device have indices below this */
#define VIRTIO_CONFIG 128u /* bytes that virtio_config reads at most */

struct virtqueue;
struct virtio_device;

/*
 * A transport (pci.c, pci_legacy.c, mmio.c): the registers of a device.
 * Accesses have the widths that the specification demands. Values are the
 * host's, and are only checked where it is said. Nothing here blocks.
 */
struct virtio_transport {
    uint64_t (*features)(struct virtio_device *d);
    void (*accept)(struct virtio_device *d, uint64_t features);
    uint8_t (*status)(struct virtio_device *d);
    void (*set_status)(struct virtio_device *d, uint8_t status);
    /* Lengths of 1, 2 and 4 are one access of this width, 8 is two of 4 bytes;
     * other lengths are accesses of single bytes. False: the configuration is
     * too short; data is zeroed. */
    bool (*read_config)(struct virtio_device *d, size_t offset, void *data,
                        size_t len);
    void (*write_config)(struct virtio_device *d, size_t offset,
                         const void *data, size_t len);
    uint32_t (*generation)(struct virtio_device *d); /* legacy: always 0 */
    /* The most entries that the queue can have; 0: it does not exist. */
    uint16_t (*queue_size)(struct virtio_device *d, unsigned index);
    /* Starts a queue whose rings are at these physical addresses. With a legacy
     * device size is what queue_size returned, and the rings lie as 2.7.2 says,
     * at a multiple of 4096. False: the device does not take it. */
    bool (*queue_start)(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver,
                        uint64_t device);
    void (*notify)(struct virtio_device *d, unsigned index, uint32_t data);
    /* Reads and acknowledges why it interrupted (bit 0 queues, bit 1
     * configuration). Not called with MSI-X. */
    uint8_t (*cause)(struct virtio_device *d);
    /* Called after each reset, once DRIVER is set: sets what a reset clears and
     * is not a queue's, such as the vector for configuration changes. False:
     * the device does not take it. May be NULL. */
    bool (*prepare)(struct virtio_device *d);
};

/* A feature's number, and that of the one that it needs. */
struct virtio_need {
    uint8_t feature, needed;
};

/* A driver. Its functions get the ctx of virtio_start; each but features and
 * log may be NULL, and then nothing is done. */
struct virtio_driver {
    struct log_source *log;
    uint64_t features; /* that it can use, of its type: VIRTIO_BLK_F_* */
    uint64_t required; /* of them: without these it does not start */
    /* Features that need another one (2.2.1), ended by {0, 0}: they are not
     * accepted without. NULL: there are none. */
    const struct virtio_need *needs;
    /* It does not use virtqueue_used's *written. A device that is wrong about
     * it, as Cloud Hypervisor's disks are, is not broken then. */
    bool ignores_written;
    /*
     * Features are negotiated (d->features). Creates the queues
     * (virtqueue_create), and reads the configuration. DRIVER_OK follows.
     * Called at the first start, and again after each reset that the device
     * asked for (NEEDS_RESET); features and configuration may have changed
     * then. A status that is not OK ends the device.
     */
    enum status (*start)(struct virtio_device *d, void *ctx);
    /* DRIVER_OK is set: buffers may be added and kicked. */
    void (*started)(struct virtio_device *d, void *ctx);
    void (*config_changed)(struct virtio_device *d, void *ctx);
    /*
     * The device was reset and uses no memory any more, unless
     * d->keeps_memory. Its queues exist until this returns, for
     * virtqueue_reclaim only. Their buffers are added again after the next
     * start, or, if is_gone, end with ERR_GONE, for good. Called again, with
     * is_gone and without queues, if the device then does not start.
     */
    void (*stopped)(struct virtio_device *d, void *ctx, bool is_gone);
};

struct virtio_device {
    /* The transport's: */
    const struct virtio_transport *transport;
    uint32_t type; /* virtio 1.2, 5: VIRTIO_ID_NET, ... (linux/virtio_ids.h) */
    char place[24]; /* for people: "PCI 0:3.0", "MMIO 0xfeb00000" */
    bool is_legacy; /* the legacy interface: no VERSION_1 */
    bool has_msix;
    struct virtio_device *next; /* in the machine's order */

    /* For the driver to read: */
    const struct virtio_driver *driver; /* NULL: the device is free */
    void *ctx; /* the driver's */
    uint64_t features; /* negotiated */
    bool is_running; /* between started and stopped */
    bool is_gone; /* broken, or given up: it is not used any more */
    bool keeps_memory; /* it did not answer the last reset, and may still use
                          the memory of its buffers: they are never freed */

    /* virtio.c's own: */
    struct virtqueue *queue[VIRTIO_QUEUES];
    unsigned queue_end; /* the indices of its queues are below it */
    struct waiters changed;
    bool must_look; /* at the status */
    bool is_config_changed;
    struct restarts restarts;
};

static inline bool virtio_has(const struct virtio_device *d, unsigned feature)
{
    return d->features >> feature & 1;
}

/* Returns all devices, in the machine's order (decision 0016). The first call
 * finds them. */
struct virtio_device *virtio_devices(void);

/*
 * Makes the driver the device's: reset, ACKNOWLEDGE, DRIVER, features, start,
 * DRIVER_OK, started (virtio 1.2, 3.1.1). Starts a fiber that follows the
 * device: resets it when it asks for that, and reports changes of its
 * configuration. Blocks. Keeps driver and ctx.
 *
 * Errors are logged, but for those of start, and leave the device without
 * queues, in status FAILED, and free. ERR_UNSUPPORTED: it lacks a required
 * feature, or does not accept ours (ACCESS_PLATFORM is never accepted).
 * ERR_GONE: it is gone, or broken. ERR_IO: it does not answer a reset, or asks
 * for one again and again. ERR_NO_MEMORY: for a fiber. Others are start's.
 */
MUST_CHECK enum status virtio_start(struct virtio_device *d,
                                    const struct virtio_driver *driver,
                                    void *ctx);

/*
 * Gives up a device that broke the specification: logs "PLACE: it HOW; the
 * device is not used any more". From then on d->is_gone is set, and its queues
 * give and take nothing; the device's fiber resets it and calls stopped. Only
 * the first call does anything. Does not block; may be called by a handler.
 */
void virtio_broken(struct virtio_device *d, const char *how);

/*
 * Has the device's fiber look at its status (NEEDS_RESET, or all ones, when it
 * was unplugged): for a driver that has waited for long. Does not block.
 */
void virtio_check(struct virtio_device *d);

/*
 * Reads len bytes, at most VIRTIO_CONFIG, of the device's configuration, all of
 * one generation (2.5.1). A field of more than one byte must be read by its own
 * call, since len is the width (struct virtio_transport). False: the device is
 * gone, or changed it again and again, or its configuration is too short, which
 * ends it; data is zeroed.
 */
MUST_CHECK bool virtio_config(struct virtio_device *d, size_t offset,
                              void *data, size_t len);
void virtio_config_write(struct virtio_device *d, size_t offset,
                         const void *data, size_t len);

/*
 * For transports, from their interrupt handlers. They call on_used of the
 * queues that have used buffers and are enabled, and wake the device's fiber.
 * virtio_interrupt asks the transport for the cause; the others are for MSI-X.
 */
void virtio_interrupt(struct virtio_device *d);
void virtio_queue_interrupt(struct virtio_device *d, unsigned index);
void virtio_config_interrupt(struct virtio_device *d);

/* ---- Virtqueues (2.6 to 2.8): split or packed, as negotiated ---- */

/* Memory of one buffer, at its physical address (bare_is_physical), which the
 * device may change at any time. */
struct virtio_piece {
    void *data;
    uint32_t len; /* at least 1 */
};

/*
 * Creates queue `index` of the device with `most` entries (a power of two), or
 * as many as the device has if these are fewer, or if it is a legacy device;
 * for buffers of at most `pieces` pieces each. To be called in start.
 * on_used(ctx) is called by a handler, so it may not block, when the device has
 * used buffers after virtqueue_enable, once for each of these calls. The queue
 * ends with the device's next reset.
 *
 * Errors are logged. ERR_UNSUPPORTED: the device has no such queue, or a size
 * that the specification forbids, or too few entries for a buffer. ERR_IO: it
 * does not take the queue. ERR_NO_MEMORY.
 */
MUST_CHECK enum status virtqueue_create(struct virtio_device *d,
                                        unsigned index, uint16_t most,
                                        uint16_t pieces,
                                        void (*on_used)(void *ctx), void *ctx,
                                        struct virtqueue **queue);

/* The number of entries, of those that are free, and of buffers that were added
 * and not given back. A buffer takes one entry with INDIRECT_DESC, and
 * otherwise one for each piece. */
unsigned virtqueue_size(const struct virtqueue *q);
unsigned virtqueue_room(const struct virtqueue *q);
unsigned virtqueue_in_flight(const struct virtqueue *q);

/*
 * Adds a buffer: `out` pieces that the device reads, then `in` pieces that it
 * writes, at least one in all. The device sees it after the next
 * virtqueue_kick. Keeps token (not NULL) until virtqueue_used gives it back.
 * False: there is no room, or the device is gone or about to be reset; nothing
 * was added.
 */
MUST_CHECK bool virtqueue_add(struct virtqueue *q,
                              const struct virtio_piece *pieces, unsigned out,
                              unsigned in, void *token);

/* Makes what was added visible to the device, and notifies it at most once, if
 * it asks for that (2.7.10, 2.8.10). Not before DRIVER_OK (started). */
void virtqueue_kick(struct virtqueue *q);

/*
 * Returns the token of the next buffer that the device has used, and sets
 * *written to how many bytes it says that it wrote: never more than the `in`
 * pieces hold. NULL: there is none now, or the device is gone. A device that
 * returns what it does not have, or says that it wrote more, is broken.
 */
void *virtqueue_used(struct virtqueue *q, uint32_t *written);

/*
 * Ask for a call of on_used when the next buffer is used, or, _late, when three
 * quarters of what has been added is: for transmit queues. False: some have
 * been used meanwhile, so the caller should look again (virtqueue_used);
 * nothing was asked for.
 */
MUST_CHECK bool virtqueue_enable(struct virtqueue *q);
MUST_CHECK bool virtqueue_enable_late(struct virtqueue *q);
void virtqueue_disable(struct virtqueue *q);

/* In stopped: returns the token of a buffer that the device has not given back,
 * each one once, in no order. NULL: there are no more. */
void *virtqueue_reclaim(struct virtqueue *q);

#endif
