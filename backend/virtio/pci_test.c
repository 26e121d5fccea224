/* SPDX-License-Identifier: ISC */
/* virtio over PCI (virtio 1.2, 4.1) on a model of a function, honest and
 * not. */
#include "acpi.h"
#include "bus.h"
#include "check.h"
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <mirage/machine.h>
#include <virtio/fake/found.h>
#include <virtio/fake/pci_model.h>

static struct pci_model model;
static struct fake *fake;

static void begin(void)
{
    pci_model_remove();
    registers_clear();
    fake = fake_new(0x5, false);
    fake->queue_size = 16;
    pci_model_start(&model, fake, 0xfe000000);
}

static struct virtio_device *find(void)
{
    return found_by(pci_find);
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

/* The first test: the machine's devices are found once. */
TEST(the_devices_of_a_machine_are_those_on_pci_too)
{
    struct virtio_device *d;

    begin();
    d = virtio_devices();
    CHECK(d && d->type == 4 && !d->next);
    CHECK(virtio_devices() == d && !d->next);
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
    for (int i = 0; i < 2; i++)
        CHECK(d->transport->features(d) == (0x5 | UINT64_C(1) << 32));
    CHECK(model.space[PCI_COMMAND] == PCI_COMMAND_MEMORY);
    CHECK(model.space[PCI_COMMAND + 1] == 0);
    CHECK(d->transport->prepare(d));
    CHECK(model.space[PCI_COMMAND] ==
          (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
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

TEST(a_notification_register_beyond_32_bits_is_refused)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_NOTIFY + 16, 4, 0x10000000);
    d = find();
    model.notify_offset = 16;
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    end();
}

TEST(a_notification_register_at_an_odd_address_is_refused)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_NOTIFY + 16, 4, 3); /* the multiplier */
    d = find();
    model.notify_offset = 1;
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
    begin(); /* outside, and going on within */
    pci_model_set(&model, 0xf5, 1, CAP_MSIX);
    pci_model_set(&model, 0x34, 1, 0xf4);
    CHECK(!find());
    pci_model_set(&model, 0x39, 1, CAP_MSIX);
    pci_model_set(&model, 0x34, 1, 0x38);
    CHECK(!find());
    end();
    refuses(PCI_STATUS, 2, 0); /* no capabilities */
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

/* Inserts a capability of virtio before the others. */
static void insert_capability(unsigned at, unsigned type, unsigned bar,
                              uint32_t offset, uint32_t size)
{
    pci_model_set(&model, at, 4, 9u | 0x10000000u);
    pci_model_set(&model, at + 1, 1, model.space[0x34]);
    pci_model_set(&model, at + 3, 1, type);
    pci_model_set(&model, at + 4, 4, bar);
    pci_model_set(&model, at + 8, 4, offset);
    pci_model_set(&model, at + 12, 4, size);
    pci_model_set(&model, 0x34, 1, at);
}

/* The device is found, and has its registers where they are. */
static void finds(void)
{
    struct virtio_device *d = find();
    uint32_t value;

    CHECK(d != NULL);
    if (!d)
        return;
    CHECK(d->transport->features(d) == (0x5 | UINT64_C(1) << 32));
    CHECK(d->transport->read_config(d, 0, &value, 4));
    CHECK(d->transport->prepare(d));
    CHECK(d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    d->transport->set_status(d, 15);
    d->transport->notify(d, 0, 0);
    CHECK(fake->queue[0].notified == 1);
    end();
}

TEST(capabilities_of_reserved_types_are_ignored)
{
    static const uint8_t types[] = {0, 6, 7, 0x7f, 0xff};

    for (size_t i = 0; i < sizeof types; i++) {
        begin();
        insert_capability(0xa0, types[i], MODEL_BAR, 0x5000, 0x1000);
        finds();
    }
}

TEST(the_first_capability_of_a_type_that_can_be_used_is)
{
    for (unsigned type = VIRTIO_PCI_CAP_COMMON_CFG;
         type <= VIRTIO_PCI_CAP_DEVICE_CFG; type++) {
        begin();
        insert_capability(0xa0, type, 6, 0, 0x1000);
        insert_capability(0xb4, type, 0xff, 0, 0x1000);
        insert_capability(0xc8, type, 0, 0, 0x1000); /* ports */
        insert_capability(0xdc, type, MODEL_BAR, 0, MODEL_BAR_SIZE + 1);
        finds();
    }
    begin();
    pci_model_set(&model, CAP_NOTIFY + 20, 4, 0);
    /* Others behind it would reach no register of the model. */
    for (unsigned i = 0; i < 4; i++) {
        unsigned at = 0xa0 + 20 * i;

        pci_model_set(&model, at, 4, 9u | (i < 3 ? (at + 20) << 8 : 0));
        pci_model_set(&model, at + 3, 1, i + 1);
        pci_model_set(&model, at + 4, 4, MODEL_BAR);
        pci_model_set(&model, at + 8, 4, 0x5000);
        pci_model_set(&model, at + 12, 4, 0x1000);
        pci_model_set(&model, at + 16, 4, 2);
    }
    pci_model_set(&model, CAP_NOTIFY + 1, 1, 0xa0);
    finds();
}

TEST(capabilities_and_parts_may_be_longer_than_specified)
{
    static const unsigned caps[] = {CAP_COMMON, CAP_ISR, CAP_CONFIG,
                                    CAP_NOTIFY};

    begin();
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        pci_model_set(&model, caps[i] + 2, 1, 0xff);
        pci_model_set(&model, caps[i] + 12, 4, 0x1000);
    }
    finds();
}

TEST(of_a_part_only_so_much_is_mapped_as_is_used)
{
    static uint64_t size = UINT64_C(1) << 31;

    begin();
    model.bar_mask = ~(size - 1);
    model.registers.size = size;
    pci_model_set(&model, CAP_COMMON + 12, 4, 0x7fffffff);
    pci_model_set(&model, CAP_ISR + 12, 4, 0x70000000);
    pci_model_set(&model, CAP_CONFIG + 12, 4, 0x70000000);
    pci_model_set(&model, CAP_NOTIFY + 12, 4, 0x70000000);
    CHECK(find());
    CHECK(registers_mapped_bytes <= (4 << 20) + 16 * 4096);
    end();
}

TEST(a_loop_of_capabilities_ends)
{
    begin();
    pci_model_set(&model, CAP_NOTIFY + 1, 1, CAP_MSIX);
    finds();
}

TEST(a_notification_capability_that_has_no_multiplier_is_refused)
{
    begin();
    memcpy(model.space + 0xf0, model.space + CAP_NOTIFY, 16);
    pci_model_set(&model, CAP_CONFIG + 1, 1, 0xf0);
    CHECK(!find());
    end();
}

TEST(a_notification_capability_may_end_where_the_space_does)
{
    begin();
    memcpy(model.space + 0xec, model.space + CAP_NOTIFY, 20);
    pci_model_set(&model, CAP_CONFIG + 1, 1, 0xec);
    finds();
}

static pci_function at(unsigned bus, unsigned slot, unsigned function)
{
    return (pci_function)(bus << 8 | slot << 3 | function);
}

TEST(a_device_behind_bridges_is_found)
{
    struct virtio_device *d;

    begin();
    model.bridge = at(0, 4, 0);
    model.bus_behind = 37;
    model.function = at(37, 31, 0);
    d = find();
    CHECK(d != NULL);
    if (d)
        CHECK_TEXT(d->place, "PCI 37:31.0");
    end();
    begin();
    model.function = at(37, 31, 0); /* no bridge leads to it */
    CHECK(!find());
    end();
    begin();
    model.bridge = at(0, 4, 0); /* to a bus that was looked at */
    d = find();
    CHECK(d && !d->next);
    end();
}

TEST(further_functions_are_found_where_the_first_says_that_there_are_more)
{
    for (unsigned n = 1; n < 8; n += 3) {
        begin();
        model.function = at(0, 3, n);
        CHECK(!find());
        model.is_multifunction = true;
        CHECK(find());
        end();
    }
}

TEST(devices_have_the_numbers_that_virtio_has)
{
    static const struct {
        uint32_t ids;
        bool is_one;
    } ids[] = {{0x10441af4, true},
               {0x10401af4, true},
               {0x107f1af4, true},
               {0x10051af4, true},
               {0x10801af4, false},
               {0x0fff1af4, false},
               {0x10441af5, false},
               {0x1044ffff, false}};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct virtio_device *d;

        begin();
        pci_model_set(&model, 0, 4, ids[i].ids);
        pci_model_set(&model, 8, 1, (uint32_t)i * 31); /* any revision */
        d = find();
        CHECK(!!d == ids[i].is_one);
        if (d)
            CHECK(d->type == (ids[i].ids == 0x10051af4
                                  ? 4
                                  : (ids[i].ids >> 16) - 0x1040));
        end();
    }
}

TEST(one_vector_is_for_the_configuration_and_all_queues)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_MSIX + 2, 2, 0);
    d = find();
    CHECK(d->has_msix && d->transport->prepare(d));
    CHECK(registers_messages == 1 && registers_message[1]);
    CHECK(d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    CHECK(model.queue_vector == 0 && model.vector == 0);
    end();
}

TEST(a_table_of_the_largest_size_is_used)
{
    begin();
    pci_model_set(&model, CAP_MSIX + 2, 2, 2047);
    finds();
}

TEST(a_table_that_does_not_fit_its_bar_leaves_the_line)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, CAP_MSIX + 2, 2, 2047);
    pci_model_set(&model, CAP_MSIX + 4, 4, (MODEL_TABLE + 8) | MODEL_BAR);
    pci_model_set(&model, 0x3c, 1, 10);
    d = find();
    CHECK(d && !d->has_msix);
    CHECK(d->transport->prepare(d));
    CHECK(registers_pin_number == 10 && registers_messages == 0);
    model.isr = 1;
    registers_pin->on_interrupt(registers_pin->ctx);
    CHECK(model.isr == 0 && model.isr_reads == 1);
    end();
}

TEST(without_msix_and_without_a_line_a_device_does_not_start)
{
    static const uint8_t lines[] = {0, 15, 16, 255};

    for (size_t i = 0; i < sizeof lines; i++) {
        struct virtio_device *d;

        begin();
        pci_model_set(&model, CAP_MSIX, 1, 0);
        pci_model_set(&model, 0x3c, 1, lines[i]);
        d = find();
        CHECK(d && !d->transport->prepare(d));
        end();
    }
}

TEST(a_vector_that_is_not_read_back_is_noticed)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d->transport->prepare(d));
    model.refuses_vectors = true;
    CHECK(!d->transport->prepare(d));
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    CHECK(!fake->queue[0].is_started);
    end();
}

TEST(a_device_may_interrupt_however_the_firmware_left_it)
{
    struct virtio_device *d;

    begin();
    pci_model_set(&model, PCI_COMMAND, 2,
                  PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_SERR | PCI_COMMAND_IO);
    model.table[3] = model.table[7] = 1; /* masked */
    d = find();
    CHECK(d && d->transport->prepare(d));
    CHECK(model.table[3] == 0 && model.table[7] == 0);
    CHECK((model.space[PCI_COMMAND] | model.space[PCI_COMMAND + 1] << 8) ==
          (PCI_COMMAND_SERR | PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
           PCI_COMMAND_MASTER));
    fake->generation = 17;
    CHECK(d->transport->generation(d) == 17);
    end();
}

TEST(a_queue_that_is_never_enabled_does_not_start)
{
    struct virtio_device *d;

    begin();
    d = find();
    model.never_enabled = true;
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    end();
}

TEST(with_msix_no_cause_is_read)
{
    struct virtio_device *d;

    begin();
    d = find();
    CHECK(d->transport->prepare(d));
    for (unsigned i = 0; i < 2; i++)
        registers_message[i]->on_interrupt(registers_message[i]->ctx);
    CHECK(model.isr_reads == 0);
    end();
}

TEST(a_device_without_a_configuration_has_none)
{
    struct virtio_device *d;
    uint32_t value = 1;

    begin();
    pci_model_set(&model, CAP_CONFIG + 3, 1, 0x77);
    d = find();
    CHECK(d && !d->transport->read_config(d, 0, &value, 4) && value == 0);
    end();
}

TEST(configuration_fields_are_read_and_written_with_their_width)
{
    struct virtio_device *d;
    uint8_t data[8];

    begin();
    for (unsigned i = 0; i < FAKE_CONFIG; i++)
        fake->config[i] = (uint8_t)(i + 1);
    d = find();
    for (size_t len = 1; len <= 8; len++) {
        model.widths = 0;
        CHECK(d->transport->read_config(d, 8, data, len));
        CHECK(memcmp(data, fake->config + 8, len) == 0);
        CHECK(model.widths == (len == 8 || len == 4 ? 4 : len == 2 ? 2
                                                                   : 1));
        model.widths = 0;
        d->transport->write_config(d, 16, data, len);
        CHECK(memcmp(data, fake->config + 16, len) == 0);
        CHECK(model.widths == (len == 8 || len == 4 ? 4 : len == 2 ? 2
                                                                   : 1));
    }
    CHECK(d->transport->read_config(d, 60, data, 4));
    CHECK(!d->transport->read_config(d, 61, data, 4)); /* it has 64 bytes */
    end();
}

/* ---- BARs without an address ---- */

static void begin_unassigned(uint64_t hole, uint64_t size)
{
    begin();
    pci_model_set(&model, PCI_BASE_ADDRESS_0, 4, 0);
    pci_model_set(&model, PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR, 4, 4);
    registers_pci = (struct acpi_pci){0xe0000000, hole, size};
    model.has_no_ports = true;
}

static uint64_t address(void)
{
    uint64_t value;

    memcpy(&value, model.space + PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR, 8);
    return value & ~(uint64_t)15;
}

TEST(a_bar_without_an_address_gets_one_where_acpi_says)
{
    begin_unassigned(0xc0001000, 0x20000000);
    model.registers.base = 0xc0010000;
    finds();
    CHECK(address() == 0xc0010000);
}

TEST(bars_without_addresses_get_different_ones_up_to_the_last)
{
    uint32_t second;

    begin_unassigned(0xc0000000, 2 * MODEL_BAR_SIZE);
    pci_model_set(&model, CAP_MSIX + 4, 4, 2); /* the table is in BAR 2 */
    model.registers.base = 0xc0000000 + MODEL_BAR_SIZE;
    CHECK(find());
    memcpy(&second, model.space + PCI_BASE_ADDRESS_2, 4);
    CHECK(second == 0xc0000000);
    CHECK(address() == 0xc0000000 + MODEL_BAR_SIZE);
    end();
    begin_unassigned(0xc0000000, 2 * MODEL_BAR_SIZE - 1);
    pci_model_set(&model, CAP_MSIX + 4, 4, 2);
    CHECK(!find());
    end();
}

TEST(a_bar_gets_no_address_that_is_not_there_for_it)
{
    static const struct {
        uint64_t hole, size;
    } holes[] = {{0, 0},
                 {0xc0000000, 0},
                 {0xc0000000, MODEL_BAR_SIZE - 1},
                 {0xc0000001, MODEL_BAR_SIZE},
                 {0xfffff000, 0xfff},
                 {UINT64_MAX - 5, 5}};

    for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
        begin_unassigned(holes[i].hole, holes[i].size);
        CHECK(!find());
        CHECK(address() == 0);
        end();
    }
}

TEST(without_ports_and_without_acpi_there_is_no_pci)
{
    begin();
    model.has_no_ports = true;
    CHECK(!find());
    end();
}

TEST(a_bar_without_an_address_is_refused_where_others_have_one)
{
    begin_unassigned(0xc0000000, 0x20000000);
    pci_model_set(&model, PCI_BASE_ADDRESS_0 + 4, 4, 0xd0000000);
    CHECK(!find());
    CHECK(address() == 0);
    end();
}

TEST(a_bar_without_an_address_is_refused_on_a_machine_with_ports)
{
    begin_unassigned(0xc0000000, 0x20000000);
    model.has_no_ports = false;
    CHECK(!find());
    CHECK(address() == 0);
    end();
}

TEST(a_bar_whose_size_is_no_power_of_two_gets_no_address)
{
    begin_unassigned(0xc0000000, 0x20000000);
    model.bar_mask = 0xfffffffffff50000;
    CHECK(!find());
    end();
}

TEST(a_configuration_space_in_the_image_s_memory_is_not_used)
{
    begin_unassigned(0xc0000000, 0x20000000);
    pci_model_set(&model, PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR, 4,
                  0xfe000000 | 4);
    CHECK(find());
    end();
    begin_unassigned(0xc0000000, 0x20000000);
    pci_model_set(&model, PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR, 4,
                  0xfe000000 | 4);
    registers_pci.space = 0x800000;
    CHECK(!find());
    end();
}
