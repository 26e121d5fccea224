/* SPDX-License-Identifier: ISC */
/*
 * The life of a virtio device: initialisation (virtio 1.2, 3.1.1), reset (2.4),
 * changes of the configuration, and the end of a device that breaks the
 * specification.
 */
#include "virtqueue.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/panic.h>
#include <string.h>

#define BIT(feature) (UINT64_C(1) << (feature))

/* What the rings can do, for each driver. */
#define MODERN_FEATURES                                    \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED) | \
     BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))
#define LEGACY_FEATURES                                            \
    (BIT(VIRTIO_F_ANY_LAYOUT) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
     BIT(VIRTIO_RING_F_EVENT_IDX))

#define ALL_ONES     0xffu /* the status of a device that was unplugged */
#define CAUSE_QUEUES 1u
#define CAUSE_CONFIG 2u

#define PATIENCE (10 * SECOND) /* for a reset */
#define SPINS    100 /* looks at the status before the first pause */
#define TRIES    10 /* of a start, when the device asks for a reset meanwhile */
#define READS    64 /* of a configuration that changes */

static void add_status(struct virtio_device *d, uint8_t bits)
{
    d->transport->set_status(d, d->transport->status(d) | bits);
}

/*
 * Resets the device, and blocks until it says that it is (2.4.2, 4.1.4.3.2).
 * Its queues end. False: it is gone, or does not answer; in the latter case it
 * may use its memory still.
 */
static bool reset(struct virtio_device *d)
{
    nanoseconds end = time_after(PATIENCE);
    uint8_t status;

    d->is_running = false;
    virtqueues_stop(d);
    d->transport->set_status(d, 0);
    fiber_shield();
    for (unsigned i = 0; (status = d->transport->status(d)) != 0; i++) {
        if (status == ALL_ONES || time_now() >= end)
            break;
        if (status == VIRTIO_CONFIG_S_NEEDS_RESET)
            d->transport->set_status(d, 0); /* it was, and asks once more */
        if (i >= SPINS)
            (void)time_sleep(MILLISECOND);
    }
    fiber_unshield();
    d->keeps_memory = status != 0 && status != ALL_ONES;
    return status == 0;
}

static enum status log_no_reset(struct virtio_device *d)
{
    bool is_unplugged = !d->keeps_memory;

    log_error(d->driver->log, "%s: %s", d->place,
              is_unplugged ? "it is not there any more"
                           : "it does not answer a reset");
    return is_unplugged ? ERR_GONE : ERR_IO;
}

/* Removes features without those that they need. A feature's needs stand before
 * it in the list. */
static void drop_dependent(const struct virtio_need *n, uint64_t *features)
{
    for (; n && n->feature != n->needed; n++)
        if (!(*features & BIT(n->needed)))
            *features &= ~BIT(n->feature);
}

/* The features that both sides have. ERR_UNSUPPORTED: too few. */
static enum status choose_features(struct virtio_device *d, uint64_t *features)
{
    uint64_t offered = d->transport->features(d);
    uint64_t required = d->driver->required;

    if (d->is_legacy)
        *features = offered & UINT32_MAX &
                    (d->driver->features | LEGACY_FEATURES);
    else
        *features = offered & (d->driver->features | MODERN_FEATURES);
    drop_dependent(d->driver->needs, features);
    if (!d->is_legacy && !(offered & BIT(VIRTIO_F_VERSION_1))) {
        log_error(d->driver->log, "%s: it does not offer VERSION_1, which "
                                  "virtio 1 demands",
                  d->place);
        return ERR_UNSUPPORTED;
    }
    if ((required & ~*features) != 0) {
        log_error(d->driver->log, "%s: it lacks features that its driver "
                                  "needs: 0x%llx",
                  d->place, (unsigned long long)(required & ~*features));
        return ERR_UNSUPPORTED;
    }
    return OK;
}

/* ERR_RESET: the device asks for one meanwhile. */
static enum status agree_on_features(struct virtio_device *d)
{
    bool wants_iommu =
        (d->transport->features(d) & BIT(VIRTIO_F_ACCESS_PLATFORM)) != 0;
    uint8_t status;

    add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
    status = d->transport->status(d);
    if (status == ALL_ONES)
        return log_no_reset(d);
    if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
        return ERR_RESET;
    if (status & VIRTIO_CONFIG_S_FEATURES_OK)
        return OK;
    log_error(d->driver->log, "%s: it does not accept the features 0x%llx%s",
              d->place, (unsigned long long)d->features,
              !d->is_legacy && wants_iommu
                  ? "; it wants ACCESS_PLATFORM (an IOMMU, or memory that is "
                    "encrypted), which is not supported"
                  : "");
    return ERR_UNSUPPORTED;
}

static enum status prepare(struct virtio_device *d)
{
    if (!d->transport->prepare || d->transport->prepare(d))
        return OK;
    log_error(d->driver->log, "%s: its transport cannot be set up", d->place);
    return ERR_IO;
}

/* Until the driver starts anew it may know the queues of an attempt that has
 * failed, so they are freed only then. */
static enum status start_driver(struct virtio_device *d)
{
    virtqueues_free(d);
    return d->driver->start ? d->driver->start(d, d->ctx) : OK;
}

/* One attempt at 3.1.1. ERR_RESET: the device asked for a reset before it was
 * in use. */
static enum status initialise(struct virtio_device *d)
{
    enum status s;

    if (!reset(d))
        return log_no_reset(d);
    add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    add_status(d, VIRTIO_CONFIG_S_DRIVER);
    s = choose_features(d, &d->features);
    if (s != OK)
        return s;
    d->transport->accept(d, d->features);
    if (!d->is_legacy)
        s = agree_on_features(d);
    if (s == OK)
        s = prepare(d);
    if (s == OK)
        s = start_driver(d);
    if (d->is_gone)
        s = ERR_GONE;
    else if (d->transport->status(d) & VIRTIO_CONFIG_S_NEEDS_RESET)
        s = ERR_RESET;
    if (s != OK) {
        virtqueues_stop(d); /* the driver's fibers add nothing to them */
        return s;
    }
    add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
    d->is_running = true;
    d->must_look = true;
    return OK;
}

static enum status start(struct virtio_device *d)
{
    enum status s = ERR_RESET;

    for (int i = 0; i < TRIES && s == ERR_RESET; i++) {
        s = restart_wait(&d->restarts);
        if (s == OK)
            s = initialise(d);
    }
    if (s == ERR_RESET) {
        log_error(d->driver->log, "%s: it asks for a reset again and again",
                  d->place);
        s = ERR_IO;
    }
    return s;
}

static void use(struct virtio_device *d)
{
    if (d->driver->started)
        d->driver->started(d, d->ctx);
}

/* Leaves a device without queues, in the status that says so (2.1.2). */
static void leave(struct virtio_device *d)
{
    (void)reset(d);
    virtqueues_free(d);
    add_status(d, VIRTIO_CONFIG_S_FAILED);
}

static void stop(struct virtio_device *d, bool is_gone)
{
    if (d->driver->stopped)
        d->driver->stopped(d, d->ctx, is_gone);
}

/* A device that is in use has DRIVER_OK until it is reset. Registers of one
 * that was unplugged are all ones, or, in QEMU's memory, zero. */
static bool is_there(uint8_t status)
{
    return status != ALL_ONES && (status & VIRTIO_CONFIG_S_DRIVER_OK) != 0;
}

/* Answers NEEDS_RESET. A status other than OK is final. */
static enum status restart(struct virtio_device *d)
{
    enum status s;

    log_warning(d->driver->log, "%s: it asks for a reset; it is started again",
                d->place);
    if (!reset(d)) {
        (void)log_no_reset(d);
        return ERR_GONE;
    }
    stop(d, false);
    s = start(d);
    if (s == OK)
        use(d);
    return s;
}

/* Blocks until there is something to look at. */
static enum status wait_change(struct virtio_device *d)
{
    enum status s = OK;

    while (s == OK && !d->is_gone && !d->must_look && !d->is_config_changed)
        s = wait_until(&d->changed, FOREVER);
    return s;
}

static enum status look(struct virtio_device *d)
{
    uint8_t status;

    d->must_look = false;
    if (d->is_gone)
        return ERR_GONE;
    status = d->transport->status(d);
    if (!is_there(status))
        return log_no_reset(d);
    if (status & VIRTIO_CONFIG_S_NEEDS_RESET) {
        d->is_config_changed = false;
        return restart(d);
    }
    if (d->is_config_changed) {
        d->is_config_changed = false;
        if (d->driver->config_changed)
            d->driver->config_changed(d, d->ctx);
    }
    return OK;
}

static void follow(void *ctx)
{
    struct virtio_device *d = ctx;
    enum status s;

    while ((s = wait_change(d)) == OK && (s = look(d)) == OK)
        ;
    if (s == ERR_CANCELLED)
        return; /* the image ends */
    d->is_gone = true;
    (void)reset(d);
    stop(d, true);
    leave(d);
}

enum status virtio_start(struct virtio_device *d,
                         const struct virtio_driver *driver, void *ctx)
{
    static const struct fiber_options options = {"virtio", 16384};
    enum status s;

    require(!d->driver);
    if (d->is_gone)
        return ERR_GONE;
    d->driver = driver;
    d->ctx = ctx;
    s = start(d);
    if (s == OK) {
        s = fiber_start_with(&options, follow, d);
        if (s != OK)
            log_error(driver->log, "%s: %s", d->place, status_text(s));
    }
    if (s == OK) {
        use(d);
    } else {
        leave(d);
        d->driver = NULL;
    }
    return s;
}

static void wake(struct virtio_device *d)
{
    wake_all(&d->changed);
}

void virtio_broken(struct virtio_device *d, const char *how)
{
    if (d->is_gone)
        return;
    d->is_gone = true;
    virtqueues_stop(d);
    log_error(d->driver->log, "%s: it %s; the device is not used any more",
              d->place, how);
    wake(d);
}

void virtio_check(struct virtio_device *d)
{
    d->must_look = true;
    wake(d);
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    const struct virtio_transport *t = d->transport;
    uint8_t again[VIRTIO_CONFIG];

    for (int i = 0; i < READS; i++) {
        uint32_t before = t->generation(d);

        if (!t->read_config(d, offset, data, len)) {
            if (d->driver)
                virtio_broken(d, "has a configuration that is too short");
            return false;
        }
        if (d->is_legacy) {
            /* There is no generation: equal twice will do (2.5.4). */
            if (t->read_config(d, offset, again, len) &&
                memcmp(data, again, len) == 0)
                return true;
        } else if (t->generation(d) == before) {
            return true;
        }
    }
    return false;
}

bool virtio_config(struct virtio_device *d, size_t offset, void *data,
                   size_t len)
{
    require(len <= VIRTIO_CONFIG);
    if (!d->is_gone && read_config(d, offset, data, len))
        return true;
    memset(data, 0, len);
    return false;
}

void virtio_config_write(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    if (!d->is_gone)
        d->transport->write_config(d, offset, data, len);
}

void virtio_queue_interrupt(struct virtio_device *d, unsigned index)
{
    if (index < VIRTIO_QUEUES && d->queue[index])
        virtqueue_interrupt(d->queue[index]);
}

void virtio_config_interrupt(struct virtio_device *d)
{
    if (!d->driver)
        return;
    d->is_config_changed = true;
    wake(d);
}

void virtio_interrupt(struct virtio_device *d)
{
    uint8_t cause = d->transport->cause(d);

    for (unsigned i = 0; i < d->queue_end && (cause & CAUSE_QUEUES); i++)
        virtio_queue_interrupt(d, i);
    if (cause & CAUSE_CONFIG)
        virtio_config_interrupt(d);
}
