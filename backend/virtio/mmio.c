/* SPDX-License-Identifier: ISC */
/* virtio over MMIO, version 2 (virtio 1.2, 4.2), with the devices that the boot
 * words virtio_mmio.device=SIZE@ADDRESS:LINE list. */
#include "bus.h"
#include "acpi.h"
#include <arch/cpu.h>
#include <linux/virtio_mmio.h>
#include <mirage/boot.h>
#include <mirage/machine.h>
#include <mirage/macros.h>
#include <mirage/text.h>
#include <pc/interrupts.h>
#include <stdlib.h>
#include <string.h>

#define KEY        "virtio_mmio.device"
#define MAGIC      0x74726976u /* "virt" */
#define SIZE_LEAST (VIRTIO_MMIO_CONFIG + 4)
#define SIZE_MOST  65536u /* that is mapped */
#define DEVICES    64 /* boot words, at most */
#define AGAIN      4

struct mmio {
    struct virtio_device device;
    uintptr_t at;
    size_t config_size;
    unsigned pin;
    bool is_level, is_listening;
    struct interrupt interrupt;
};

static struct mmio *of(struct virtio_device *d)
{
    return containing(d, struct mmio, device);
}

static uint32_t get(struct virtio_device *d, unsigned offset)
{
    return read_device(of(d)->at + offset);
}

static void set(struct virtio_device *d, unsigned offset, uint32_t value)
{
    write_device(of(d)->at + offset, value);
}

static uint64_t features(struct virtio_device *d)
{
    uint64_t low;

    set(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    low = get(d, VIRTIO_MMIO_DEVICE_FEATURES);
    set(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return low | (uint64_t)get(d, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
}

static void accept(struct virtio_device *d, uint64_t accepted)
{
    set(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    set(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)accepted);
    set(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    set(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(accepted >> 32));
}

static uint8_t status(struct virtio_device *d)
{
    return (uint8_t)get(d, VIRTIO_MMIO_STATUS);
}

static void set_status(struct virtio_device *d, uint8_t value)
{
    set(d, VIRTIO_MMIO_STATUS, value);
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    return bus_read_config(of(d)->at + VIRTIO_MMIO_CONFIG, of(d)->config_size,
                           offset, data, len);
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    bus_write_config(of(d)->at + VIRTIO_MMIO_CONFIG, of(d)->config_size,
                     offset, data, len);
}

static uint32_t generation(struct virtio_device *d)
{
    return get(d, VIRTIO_MMIO_CONFIG_GENERATION);
}

/* A queue that is in use cannot be set up (4.2.3.2). */
static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    uint32_t most;

    set(d, VIRTIO_MMIO_QUEUE_SEL, index);
    if (get(d, VIRTIO_MMIO_QUEUE_READY) != 0)
        return 0;
    most = get(d, VIRTIO_MMIO_QUEUE_NUM_MAX);
    return most > UINT16_MAX ? 0 : (uint16_t)most;
}

static void set_address(struct virtio_device *d, unsigned low, uint64_t value)
{
    set(d, low, (uint32_t)value);
    set(d, low + 4, (uint32_t)(value >> 32));
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t device)
{
    set(d, VIRTIO_MMIO_QUEUE_SEL, index);
    set(d, VIRTIO_MMIO_QUEUE_NUM, size);
    set_address(d, VIRTIO_MMIO_QUEUE_DESC_LOW, descriptors);
    set_address(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, driver);
    set_address(d, VIRTIO_MMIO_QUEUE_USED_LOW, device);
    set(d, VIRTIO_MMIO_QUEUE_READY, 1);
    return get(d, VIRTIO_MMIO_QUEUE_READY) == 1;
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    (void)index;
    set(d, VIRTIO_MMIO_QUEUE_NOTIFY, data);
}

static uint8_t cause(struct virtio_device *d)
{
    uint32_t why = get(d, VIRTIO_MMIO_INTERRUPT_STATUS) & 3;

    set(d, VIRTIO_MMIO_INTERRUPT_ACK, why);
    return (uint8_t)why;
}

/* Again while the line is not low: an edge would not come. */
static void on_interrupt(void *ctx)
{
    struct virtio_device *d = ctx;

    for (int i = 0; i < AGAIN && get(d, VIRTIO_MMIO_INTERRUPT_STATUS) & 3; i++)
        virtio_interrupt(d);
}

static bool prepare(struct virtio_device *d)
{
    struct mmio *m = of(d);

    if (!m->is_listening) {
        m->interrupt.on_interrupt = on_interrupt;
        m->interrupt.ctx = d;
        m->is_listening = interrupt_listen_pin(&m->interrupt, m->pin,
                                               m->is_level);
    }
    return m->is_listening;
}

static const struct virtio_transport transport = {
    .features = features,
    .accept = accept,
    .status = status,
    .set_status = set_status,
    .read_config = read_config,
    .write_config = write_config,
    .generation = generation,
    .queue_size = queue_size,
    .queue_start = queue_start,
    .notify = notify,
    .cause = cause,
    .prepare = prepare};

/* Is there a device that can be used? Type 0 is a place without one. */
static bool look(uintptr_t at, uint64_t address)
{
    uint32_t version;

    if (read_device(at + VIRTIO_MMIO_MAGIC_VALUE) != MAGIC) {
        log_warning(&virtio_bus, "MMIO 0x%llx: this is no virtio device",
                    (unsigned long long)address);
        return false;
    }
    if (read_device(at + VIRTIO_MMIO_DEVICE_ID) == 0)
        return false;
    version = read_device(at + VIRTIO_MMIO_VERSION);
    if (version != 2)
        log_warning(&virtio_bus,
                    "MMIO 0x%llx: it has version %u of the registers, and is "
                    "not used%s",
                    (unsigned long long)address, (unsigned)version,
                    version == 1 ? "; QEMU has version 2 with -global "
                                   "virtio-mmio.force-legacy=false"
                                 : "");
    return version == 2;
}

static void add(void *ctx, uint64_t address, uint64_t size, unsigned pin,
                bool is_level)
{
    struct mmio *m;
    uintptr_t at = 0;

    (void)ctx;
    /* More is not refused (2.5.1), but no driver reads it. */
    size = min(size, (uint64_t)SIZE_MOST);
    if (size >= SIZE_LEAST && address % 4 == 0)
        at = bus_map(address, size);
    if (at == 0) {
        log_warning(&virtio_bus,
                    "MMIO 0x%llx: there cannot be a device of %llu bytes",
                    (unsigned long long)address, (unsigned long long)size);
        return;
    }
    if (!look(at, address))
        return;
    m = calloc(1, sizeof *m);
    if (!m) {
        log_error(&virtio_bus, "MMIO 0x%llx: no memory",
                  (unsigned long long)address);
        return;
    }
    m->at = at;
    m->config_size = size - VIRTIO_MMIO_CONFIG;
    m->pin = pin;
    m->is_level = is_level;
    m->device.transport = &transport;
    m->device.type = read_device(at + VIRTIO_MMIO_DEVICE_ID);
    text_format(m->device.place, sizeof m->device.place, "MMIO 0x%llx",
                (unsigned long long)address);
    bus_add(&m->device);
}

/* Reads a number in C's notation up to the character `end`, and sets *text
 * behind that. False: there is none. */
static bool read_number(const char **text, char end, uint64_t *number)
{
    uint64_t base = 10;
    const char *c = *text, *start;

    if (c[0] == '0' && (c[1] == 'x' || c[1] == 'X')) {
        base = 16;
        c += 2;
    }
    *number = 0;
    for (start = c;; c++) {
        unsigned digit = *c >= '0' && *c <= '9'   ? (unsigned)(*c - '0')
                         : *c >= 'a' && *c <= 'f' ? (unsigned)(*c - 'a') + 10
                         : *c >= 'A' && *c <= 'F' ? (unsigned)(*c - 'A') + 10
                                                  : 16;

        if (digit >= base)
            break;
        if (__builtin_mul_overflow(*number, base, number) ||
            __builtin_add_overflow(*number, digit, number))
            return false;
    }
    if (c == start)
        return false;
    /* Sizes may end in K or M. */
    if (end == '@' && (*c == 'K' || *c == 'k' || *c == 'M' || *c == 'm')) {
        unsigned shift = *c == 'K' || *c == 'k' ? 10 : 20;

        if (*number >> (64 - shift) != 0)
            return false;
        *number <<= shift;
        c++;
    }
    /* An ID of the device may follow the line; it means nothing to us. */
    if (*c != end && !(end == '\0' && *c == ':'))
        return false;
    *text = c + (*c != '\0');
    return true;
}

static void add_word(const char *word)
{
    const char *rest = word;
    uint64_t size, address, pin;

    if (read_number(&rest, '@', &size) && read_number(&rest, ':', &address) &&
        read_number(&rest, '\0', &pin) && pin <= UINT16_MAX)
        add(NULL, address, size, (unsigned)pin, false);
    else
        log_warning(&virtio_bus,
                    KEY "=%s: expected SIZE@ADDRESS:LINE, such "
                        "as 512@0xfeb00000:5",
                    word);
}

bool boot_is_for_driver(const char *word)
{
    return strncmp(word, KEY "=", sizeof KEY) == 0;
}

void mmio_find(void)
{
    const char *word;
    size_t n = 0;

    while (n < DEVICES && (word = boot_word(KEY, n)) != NULL) {
        add_word(word);
        n++;
    }
    if (n == 0)
        acpi_find_mmio(add, NULL);
}
