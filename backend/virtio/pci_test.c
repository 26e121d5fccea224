/* SPDX-License-Identifier: ISC */
/* virtio over PCI (virtio 1.2, 4.1) on a model of a function, honest and
 * not. */
#include "bus.h"
#include "check.h"
#include <virtio/fake/pci_model.h>

static struct pci_model model;
static struct fake *fake;

static struct virtio_device *last_device(void)
{
    struct virtio_device *d = virtio_devices();

    while (d && d->next)
        d = d->next;
    return d;
}

static void begin(void)
{
    pci_model_remove();
    registers_clear();
    (void)virtio_devices(); /* the machine was empty */
    fake = fake_new(0x5, false);
    fake->queue_size = 16;
    pci_model_start(&model, fake, 0xfe000000);
}

static struct virtio_device *find(void)
{
    struct virtio_device *before = last_device(), *after;

    pci_find();
    after = last_device();
    return after != before ? after : NULL;
}

static void end(void)
{
    pci_model_remove();
    registers_clear();
    fake_free(fake);
}

/* It is not found with this in its configuration space. */
static void refuses(unsigned offset, unsigned width, uint32_t value)
{
    begin();
    pci_model_set(&model, offset, width, value);
    CHECK(!find());
    end();
}

TEST(a_modern_device_starts_a_queue)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d != NULL);
    CHECK(d->type == 4 && !d->is_legacy && d->has_msix);
    CHECK_TEXT(d->place, "PCI 0:3.0");
    CHECK(d->transport->features(d) == (0x5 | UINT64_C(1) << 32));
    CHECK(d->transport->prepare(d));
    CHECK(registers_messages == 2 && model.table[6] == 0x41);
    CHECK(d->transport->queue_size(d, 1) == 16);
    CHECK(d->transport->queue_size(d, 2) == 0);
    CHECK(d->transport->queue_start(d, 1, 8, 0x123456000, 0x223456000,
                                    0x323456000));
    CHECK(fake->queue[1].descriptors == 0x123456000);
    CHECK(fake->queue[1].device == 0x323456000);
    CHECK(model.queue_vector == 1);
    d->transport->set_status(d, 15);
    d->transport->notify(d, 1, 1);
    CHECK(fake->queue[1].notified == 1);
    end();
}

TEST(a_notification_register_beyond_its_part_is_refused)
{
    struct virtio_device *d;

    begin();
    d = find();
    model.notify_offset = 16;
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    model.notify_offset = 0xffff;
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    end();
}

TEST(a_device_that_was_unplugged_has_nothing_that_works)
{
    struct virtio_device *d;

    begin();
    d = find();
    model.is_unplugged = true;
    CHECK(d->transport->status(d) == 0xff);
    CHECK(!d->transport->prepare(d));
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    CHECK(!find());
    end();
}

TEST(capabilities_that_cannot_be_used_are_refused)
{
    refuses(CAP_MSIX + 1, 1, CAP_MSIX); /* a loop */
    refuses(0x34, 1, 0xf4); /* outside */
    refuses(0x34, 1, 0x10);
    refuses(CAP_COMMON + 4, 1, 6);
    refuses(CAP_COMMON + 8, 4, MODEL_BAR_SIZE - 4);
    refuses(CAP_COMMON + 8, 4, 0xfffffffc);
    refuses(CAP_COMMON + 8, 4, 2);
    refuses(CAP_COMMON + 12, 4, 52);
    refuses(CAP_COMMON + 12, 4, 0xffffffff);
    refuses(CAP_NOTIFY + 12, 4, 1);
    refuses(CAP_ISR + 12, 4, 0);
}

TEST(a_bar_of_no_size_is_refused)
{
    begin();
    model.bar_mask = 0;
    CHECK(!find());
    end();
}
