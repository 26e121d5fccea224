/* SPDX-License-Identifier: ISC */
/* The legacy interface of virtio over PCI (virtio 1.2, 4.1.4.10) on a model of
 * its ports, honest and not. */
#include "bus.h"
#include "check.h"
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <mirage/machine.h>
#include <virtio/fake/found.h>
#include <virtio/fake/pci_model.h>

#define BASE 0xfe000000u
#define RING 0x123456000u

static struct pci_model model;
static struct fake *fake;

static struct virtio_device *find(void)
{
    return found_by(pci_find);
}

/* A transitional device whose modern registers cannot be used. */
static void begin(void)
{
    pci_model_remove();
    registers_clear();
    (void)virtio_devices(); /* the machine was empty */
    fake = fake_new(0x30000005, true);
    fake->queue_size = 16;
    pci_model_start(&model, fake, BASE);
    pci_model_set(&model, PCI_DEVICE_ID, 2, 0x1005);
    pci_model_set(&model, CAP_COMMON + 3, 1, 0x77);
}

static void end(void)
{
    pci_model_remove();
    registers_clear();
    fake_free(fake);
}

static struct virtio_device *begin_ready(void)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d && d->transport->prepare(d));
    return d;
}

TEST(a_device_without_modern_registers_is_a_legacy_one)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d && d->is_legacy && d->has_msix && d->type == 4);
    CHECK_TEXT(d->place, "PCI 0:3.0");
    CHECK(d->transport->features(d) == 0x30000005);
    d->transport->accept(d, 0x10000001);
    CHECK(fake->accepted == 0x10000001);
    d->transport->set_status(d, 3);
    CHECK(d->transport->status(d) == 3);
    CHECK(d->transport->generation(d) == 0);
    end();
}

TEST(a_device_with_both_interfaces_is_a_modern_one)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_COMMON + 3, 1, VIRTIO_PCI_CAP_COMMON_CFG);
    d = find();
    CHECK(d && !d->is_legacy && d->type == 4);
    end();
}

TEST(a_modern_device_is_never_used_by_ports)
{
    begin();
    pci_model_set(&model, PCI_DEVICE_ID, 2, 0x1044);
    CHECK(!find());
    end();
}

TEST(a_queue_starts_at_its_page_with_the_size_of_the_device)
{
    struct virtio_device *d = begin_ready();

    CHECK(d->transport->queue_size(d, 1) == 16);
    CHECK(d->transport->queue_size(d, 2) == 0);
    CHECK(d->transport->queue_start(d, 1, 16, RING, 0, 0));
    CHECK(fake->queue[1].is_started && fake->queue[1].size == 16);
    CHECK(fake->queue[1].descriptors == RING);
    CHECK(model.queue_vector == 1 && model.vector == 0);
    /* A queue in use cannot be set up. */
    CHECK(d->transport->queue_size(d, 1) == 0);
    d->transport->set_status(d, 7);
    d->transport->notify(d, 1, 1);
    CHECK(fake->queue[1].notified == 1);
    end();
}

TEST(a_queue_beyond_the_pages_of_32_bits_does_not_start)
{
    struct virtio_device *d = begin_ready();

    CHECK(!d->transport->queue_start(d, 0, 16, UINT64_C(1) << 44, 0, 0));
    CHECK(!fake->queue[0].is_started);
    end();
}

TEST(a_queue_whose_page_is_not_taken_does_not_start)
{
    struct virtio_device *d = begin_ready();

    model.never_enabled = true;
    CHECK(!d->transport->queue_start(d, 0, 16, RING, 0, 0));
    end();
}

TEST(a_vector_that_is_refused_is_noticed)
{
    struct virtio_device *d;

    begin();
    d = find();
    model.refuses_vectors = true;
    CHECK(d && !d->transport->prepare(d));
    model.refuses_vectors = false;
    CHECK(d->transport->prepare(d));
    model.refuses_vectors = true;
    CHECK(!d->transport->queue_start(d, 0, 16, RING, 0, 0));
    CHECK(!fake->queue[0].is_started);
    end();
}

TEST(the_configuration_is_behind_the_vectors_while_msix_is_enabled)
{
    struct virtio_device *d;
    uint8_t data[8];

    begin();
    for (unsigned i = 0; i < FAKE_CONFIG; i++)
        fake->config[i] = (uint8_t)(i + 1);
    d = find();
    CHECK(d && d->transport->read_config(d, 4, data, 4)); /* not yet */
    CHECK(memcmp(data, fake->config + 4, 4) == 0);
    CHECK(d->transport->prepare(d));
    CHECK(d->transport->read_config(d, 8, data, 8));
    CHECK(memcmp(data, fake->config + 8, 8) == 0);
    CHECK(d->transport->read_config(d, 3, data, 6));
    CHECK(memcmp(data, fake->config + 3, 6) == 0);
    d->transport->write_config(d, 4, "\x7f\x7e", 2);
    CHECK(fake->config[4] == 0x7f && fake->config[5] == 0x7e);
    end();
}

TEST(the_configuration_ends_after_256_bytes)
{
    struct virtio_device *d = begin_ready();
    uint8_t data[8] = {1, 1, 1, 1, 1};

    /* The model ends the program if these reach it. */
    CHECK(d->transport->read_config(d, 252, data, 4));
    CHECK(!d->transport->read_config(d, 253, data, 4));
    CHECK(memcmp(data, "\0\0\0\0\1", 5) == 0);
    CHECK(!d->transport->read_config(d, SIZE_MAX, data, 2));
    d->transport->write_config(d, 256, data, 1);
    d->transport->write_config(d, SIZE_MAX, data, 2);
    end();
}

TEST(without_msix_the_line_interrupts_and_its_cause_is_read_once)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_MSIX, 1, 0);
    pci_model_set(&model, PCI_INTERRUPT_LINE, 1, 11);
    d = find();
    CHECK(d && !d->has_msix && d->transport->prepare(d));
    CHECK(registers_pin_number == 11);
    model.isr = 0xfd;
    registers_pin->on_interrupt(registers_pin->ctx);
    CHECK(model.isr == 0 && model.isr_reads == 1);
    CHECK(d->transport->queue_start(d, 0, 16, RING, 0, 0));
    CHECK(model.queue_vector == 0);
    end();
}

TEST(only_the_bits_of_a_cause_that_virtio_has_are_used)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d->transport->cause(d) == 0);
    model.isr = 0xfe;
    CHECK(d->transport->cause(d) == 2);
    end();
}

TEST(with_msix_no_cause_is_read)
{
    struct virtio_device *d = begin_ready();

    CHECK(registers_messages == 2);
    for (unsigned i = 0; i < 2; i++)
        registers_message[i]->on_interrupt(registers_message[i]->ctx);
    CHECK(model.isr_reads == 0);
    CHECK(d->has_msix);
    end();
}

TEST(ports_that_cannot_be_are_refused)
{
    static const uint32_t wrong[] = {0, 1, 0x101, 0xfe1, 0xff01, 0xffffffff,
                                     0xc000};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin();
        pci_model_set(&model, PCI_BASE_ADDRESS_0, 4, wrong[i]);
        CHECK(!find());
        end();
    }
}

TEST(a_device_that_was_unplugged_has_nothing_that_works)
{
    struct virtio_device *d = begin_ready();

    model.is_unplugged = true;
    CHECK(d->transport->status(d) == 0xff);
    CHECK(d->transport->queue_size(d, 0) == 0);
    CHECK(!d->transport->queue_start(d, 0, 16, RING, 0, 0));
    CHECK(!d->transport->prepare(d));
    end();
}
