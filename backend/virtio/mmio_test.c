/* SPDX-License-Identifier: ISC */
/* virtio over MMIO (virtio 1.2, 4.2) on a model of its registers, honest and
 * not, and the boot words that list devices. */
#include "balloon_virtio.h"
#include "bus.h"
#include "check.h"
#include <linux/virtio_mmio.h>
#include <mirage/boot.h>
#include <mirage/machine.h>
#include <virtio/fake/found.h>
#include <virtio/fake/mmio_model.h>

#define BASE 0xfeb00000u
#define WORD "512@0xfeb00000:5"

static struct mmio_model model;
static struct fake *fake;

/* Puts a model into the machine; find_by looks for it by a boot word. */
static void begin(void)
{
    registers_clear();
    fake = fake_new(0x5, false);
    fake->queue_size = 16;
    mmio_model_start(&model, fake, BASE, 512);
}

static struct virtio_device *find_by(const char *word)
{
    registers_words[0] = word;
    return found_by(mmio_find);
}

static void end(void)
{
    registers_clear();
    fake_free(fake);
}

static struct virtio_device *ballooned; /* where a balloon was looked for */

void balloon_start(struct virtio_device *devices)
{
    ballooned = devices;
}

/* The first test: the machine's devices are found once. */
TEST(the_devices_of_a_machine_are_found_once_and_a_balloon_among_them)
{
    struct virtio_device *d;

    registers_clear();
    fake = fake_new(0x5, false);
    mmio_model_start(&model, fake, BASE, 512);
    registers_words[0] = WORD;
    d = virtio_devices();
    CHECK(d && d->type == 4 && !d->next && ballooned == d);
    CHECK(virtio_devices() == d && !d->next);
    end();
}

TEST(a_device_of_version_2_is_found_where_its_word_says)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    CHECK(d != NULL);
    CHECK(d->type == 4 && !d->is_legacy && !d->has_msix);
    CHECK_TEXT(d->place, "MMIO 0xfeb00000");
    CHECK(d->transport->features(d) == (0x5 | UINT64_C(1) << 32));
    d->transport->accept(d, 1 | UINT64_C(1) << 32);
    CHECK(fake->accepted == (1 | UINT64_C(1) << 32));
    CHECK(d->transport->prepare(d));
    CHECK(registers_pin_number == 5);
    end();
}

TEST(a_queue_starts_with_the_addresses_of_its_rings)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    CHECK(d->transport->queue_size(d, 0) == 16);
    CHECK(d->transport->queue_start(d, 0, 8, 0x123456000, 0x223456000,
                                    0x323456000));
    CHECK(fake->queue[0].size == 8);
    CHECK(fake->queue[0].descriptors == 0x123456000);
    CHECK(fake->queue[0].driver == 0x223456000);
    CHECK(fake->queue[0].device == 0x323456000);
    /* A queue in use cannot be set up. */
    CHECK(d->transport->queue_size(d, 0) == 0);
    d->transport->set_status(d, 15);
    d->transport->notify(d, 0, 0);
    CHECK(fake->queue[0].notified == 1);
    end();
}

TEST(a_queue_that_is_never_ready_does_not_start)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    model.never_ready = true;
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    end();
}

TEST(a_queue_size_that_does_not_fit_is_none)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    model.queue_most = 0x10010;
    CHECK(d->transport->queue_size(d, 0) == 0);
    model.queue_most = 0;
    CHECK(d->transport->queue_size(d, 0) == 0);
    end();
}

TEST(the_configuration_ends_with_the_registers)
{
    struct virtio_device *d;
    uint8_t data[8];

    begin();
    d = find_by(WORD);
    for (unsigned i = 0; i < sizeof fake->config; i++)
        fake->config[i] = (uint8_t)(i + 1);
    CHECK(d->transport->read_config(d, 8, data, 8));
    CHECK(memcmp(data, fake->config + 8, 8) == 0);
    CHECK(d->transport->read_config(d, 252, data, 4));
    CHECK(memcmp(data, fake->config + 252, 4) == 0);
    /* The model ends the program if these reach it. */
    memset(data, 1, sizeof data);
    CHECK(!d->transport->read_config(d, 253, data, 4));
    CHECK(memcmp(data, "\0\0\0\0\1", 5) == 0);
    CHECK(!d->transport->read_config(d, SIZE_MAX, data, 2));
    d->transport->write_config(d, 256, data, 1);
    d->transport->write_config(d, 4, "\x7f\x7e", 2);
    CHECK(fake->config[4] == 0x7f && fake->config[5] == 0x7e);
    end();
}

TEST(an_interrupt_is_acknowledged_also_one_that_stays)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    CHECK(d->transport->prepare(d));
    model.isr = 3;
    registers_pin->on_interrupt(registers_pin->ctx);
    CHECK(model.isr == 0);
    model.isr = 1;
    model.is_interrupt_stuck = true;
    registers_pin->on_interrupt(registers_pin->ctx); /* returns */
    CHECK(model.isr == 1);
    end();
}

TEST(undefined_bits_of_an_interrupt_are_neither_used_nor_acknowledged)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    model.isr = 0xfffffffd;
    CHECK(d->transport->cause(d) == 1);
    CHECK(model.isr == 0xfffffffc); /* the model ends the program at others */
    CHECK(d->transport->cause(d) == 0);
    end();
}

TEST(configuration_fields_are_read_and_written_with_their_width)
{
    static const unsigned widths[] = {0, 1, 2, 1, 4, 1, 1, 1, 4};
    struct virtio_device *d;
    uint8_t data[8];

    begin();
    for (unsigned i = 0; i < FAKE_CONFIG; i++)
        fake->config[i] = (uint8_t)(i + 1);
    d = find_by(WORD);
    for (size_t len = 1; len <= 8; len++) {
        model.widths = 0;
        CHECK(d->transport->read_config(d, 8, data, len));
        CHECK(memcmp(data, fake->config + 8, len) == 0);
        CHECK(model.widths == widths[len]);
        model.widths = 0;
        d->transport->write_config(d, 16, data, len);
        CHECK(memcmp(data, fake->config + 16, len) == 0);
        CHECK(model.widths == widths[len]);
    }
    end();
}

TEST(a_device_without_a_pin_does_not_start)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    registers_no_pin = true;
    CHECK(!d->transport->prepare(d));
    end();
}

TEST(what_is_no_device_of_version_2_is_not_used)
{
    begin();
    model.version = 1;
    CHECK(!find_by(WORD));
    model.version = 3;
    CHECK(!find_by(WORD));
    model.version = 2;
    model.type = 0;
    CHECK(!find_by(WORD));
    model.type = 4;
    model.magic = 0x74726977;
    CHECK(!find_by(WORD));
    model.is_unplugged = true;
    CHECK(!find_by(WORD));
    end();
}

TEST(a_device_that_was_unplugged_has_nothing_that_works)
{
    struct virtio_device *d;

    begin();
    d = find_by(WORD);
    model.is_unplugged = true;
    CHECK(d->transport->status(d) == 0xff);
    CHECK(d->transport->queue_size(d, 0) == 0);
    CHECK(!d->transport->queue_start(d, 0, 8, 0x1000, 0x2000, 0x3000));
    CHECK(d->transport->prepare(d));
    registers_pin->on_interrupt(registers_pin->ctx); /* returns */
    end();
}

TEST(words_that_are_malformed_add_no_device)
{
    static const char *const wrong[] = {
        "", "512", "512@", "512@0xfeb00000", "512@0xfeb00000:", "@:", "x",
        "@0xfeb00000:5", "512@:5", "512@0x:5", "0x@0xfeb00000:5",
        "512@0xfeb00000:65536", "512@0xfeb00000:5x", "-512@0xfeb00000:5",
        "512@0xfeb00000:5 ", "512@0xfeb0000g:5", "512@0xfeb00000K:5",
        "512@99999999999999999999999:5", "512@0x1fffffffffffffffff:5",
        "0xffffffffffffffffM@0xfeb00000:5"};

    begin();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!find_by(wrong[i]));
        CHECK(registers_mapped == 0);
    }
    end();
}

TEST(words_of_impossible_places_add_no_device)
{
    static const char *const wrong[] = {
        "0@0xfeb00000:5", "256@0xfeb00000:5", "259@0xfeb00000:5",
        "512@0xfeb00002:5",
        "512@0:5", "512@0x100000:5", "512@0xfffe00:5",
        "512@0xffffffffffffff00:5", "512@0xfffffffffffffffc:5",
        "512@0x10000000000000:5"};

    begin();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!find_by(wrong[i]));
        CHECK(registers_mapped == 0);
    }
    registers_no_map = true;
    CHECK(!find_by(WORD));
    end();
}

TEST(words_have_the_forms_that_linux_has)
{
    begin();
    CHECK(find_by("0x200@0xFEB00000:5:7"));
    CHECK(find_by("512@4272947200:5"));
    model.registers.size = 4096;
    CHECK(find_by("4K@0xfeb00000:5"));
    CHECK(find_by("1M@0xfeb00000:5"));
    end();
}

TEST(registers_may_begin_within_a_page)
{
    begin();
    model.registers.base = BASE + 0x200;
    CHECK(find_by("512@0xfeb00200:5"));
    end();
}

TEST(registers_beyond_the_heap_have_a_window)
{
    begin();
    model.registers.base = UINT64_C(0x80000000000);
    CHECK(find_by("512@0x80000000000:5"));
    end();
}

TEST(each_device_beyond_the_heap_has_a_window_of_its_own)
{
    uintptr_t first, second;

    begin();
    first = bus_map(UINT64_C(0x90000000000), 4096);
    second = bus_map(UINT64_C(0xa0000000000), 4096);
    CHECK(first >= UINT64_C(1) << 46 && second >= first + 4096);
    end();
}

TEST(acpi_is_asked_where_no_word_lists_devices)
{
    struct virtio_device *d, *next;

    begin();
    registers_words[1] = WORD;
    d = find_by(WORD);
    CHECK(registers_searched == 0);
    CHECK(d && !d->next);
    next = virtio_devices();
    while (next && next->next != d)
        next = next->next;
    CHECK(next && strcmp(next->place, d->place) == 0); /* the first word's */
    registers_clear();
    mmio_find();
    CHECK(registers_searched == 1);
    end();
}

TEST(only_words_of_this_name_are_the_driver_s)
{
    CHECK(boot_is_for_driver("virtio_mmio.device=512@0xfeb00000:5"));
    CHECK(!boot_is_for_driver("virtio_mmio.devices=1"));
    CHECK(!boot_is_for_driver("virtio_mmio.device"));
}
