/* SPDX-License-Identifier: ISC */
/*
 * The transports of virtio on any machine: the input is a configuration space
 * of PCI, a boot word and what ACPI says of PCI, and then what each register
 * reads as. Only what was mapped is accessed, aligned, and no memory of the
 * image is mapped; the driver's calls end.
 */
#include "platform.h"
#include <bare/start.h>
#include <linux/virtio_mmio.h>
#include <mirage/bare.h>
#include <mirage/machine.h>
#include <pc/interrupts.h>
#include <pc/pci.h>
#include <string.h>
#include <virtio/acpi.h>
#include <virtio/balloon_virtio.h>
#include <virtio/bus.h>
#include <virtio/fake/registers.h>

#define MEMORY    ((uint64_t)16 << 20)
#define MAPPINGS  256
#define DEVICES   64
#define WRITTEN   32
#define FUNCTIONS 2u
#define SPACE     256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_bus_add(struct virtio_device *d);

static uint32_t next_number(unsigned width)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < width; i++)
        n |= (uint32_t)next_byte() << 8 * i;
    return n;
}

/* ---- The machine ---- */

static const struct start start = {
    .region = {{.base = 0, .size = MEMORY}}, .regions = 1};
const struct start *platform_start_info = &start;

static struct {
    uint64_t at, size;
} mapping[MAPPINGS];
static unsigned mappings;
static struct { /* registers mostly read as they were written */
    uint64_t at;
    uint32_t value;
} written[WRITTEN];
static uint8_t space[FUNCTIONS][SPACE];
static uint32_t bar_mask;
static bool has_ports;
static char word[64];
static struct acpi_pci pci;
static struct interrupt *listening[8];
static unsigned listeners;

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    check(access == DEVICE && size > 0);
    check((address | physical | size) % BARE_PAGE == 0);
    check(physical >= MEMORY && physical + size > physical);
    if (mappings == MAPPINGS)
        return false;
    mapping[mappings].at = address;
    mapping[mappings++].size = size;
    return true;
}

static void check_mapped(uintptr_t at, unsigned width)
{
    unsigned i = 0;

    check(at % width == 0);
    while (i < mappings &&
           (at < mapping[i].at || at - mapping[i].at >= mapping[i].size))
        i++;
    check(i < mappings);
}

uint32_t registers_read(uintptr_t at, unsigned width)
{
    check_mapped(at, width);
    for (unsigned i = 0; i < WRITTEN; i++)
        if (written[i].at == at && next_byte() % 4 != 3)
            return written[i].value;
    /* The first registers of MMIO are mostly right. */
    if (at % 4096 == VIRTIO_MMIO_MAGIC_VALUE && next_byte() % 16)
        return 0x74726976;
    if (at % 4096 == VIRTIO_MMIO_VERSION && next_byte() % 16)
        return 2;
    return next_number(width);
}

void registers_write(uintptr_t at, unsigned width, uint32_t value)
{
    check_mapped(at, width);
    written[at / width % WRITTEN].at = at;
    written[at / width % WRITTEN].value = value;
}

const char *registers_boot_word(const char *key, size_t n)
{
    (void)key;
    return n == 0 ? word : NULL;
}

bool pci_exists(void)
{
    return has_ports;
}

void pci_use_memory(uintptr_t registers)
{
    check(registers == pci.space);
    check_mapped(registers, 4);
}

/* The functions are 0:0.0 and 0:2.0. */
static uint8_t *space_of(pci_function f, unsigned offset)
{
    check(offset % 4 == 0 && offset < SPACE);
    return f == 0    ? space[0] + offset
           : f == 16 ? space[1] + offset
                     : NULL;
}

uint32_t pci_read(pci_function f, unsigned offset)
{
    const uint8_t *at = space_of(f, offset);
    uint32_t value = ~0u;

    if (at)
        memcpy(&value, at, 4);
    return value;
}

void pci_write(pci_function f, unsigned offset, uint32_t value)
{
    uint8_t *at = space_of(f, offset);

    if (offset >= 0x10 && offset < 0x28)
        value &= bar_mask;
    if (at)
        memcpy(at, &value, 4);
}

uint32_t port_read(uint16_t port, unsigned width)
{
    check(port >= 0x1000);
    return next_number(width);
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    (void)width;
    (void)value;
    check(port >= 0x1000);
}

static void listen(struct interrupt *i)
{
    if (listeners < sizeof listening / sizeof listening[0])
        listening[listeners++] = i;
}

bool interrupt_listen_pin(struct interrupt *i, unsigned pin, bool is_level)
{
    (void)is_level;
    if (pin > 23)
        return false;
    listen(i);
    return true;
}

void interrupt_listen_message(struct interrupt *i, uint64_t *address,
                              uint32_t *data)
{
    listen(i);
    i->line = 0x40;
    *address = 0xfee00000;
    *data = 0x40;
}

void interrupt_listen_vector(struct interrupt *i)
{
    listen(i);
}

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    (void)found;
    (void)ctx;
}

bool acpi_find_pci(struct acpi_pci *p)
{
    *p = pci;
    return p->space != 0;
}

void balloon_start(struct virtio_device *list)
{
    (void)list;
}

/* What virtio.c has. */
void virtio_interrupt(struct virtio_device *d)
{
    check((d->transport->cause(d) & ~3u) == 0);
}

void virtio_queue_interrupt(struct virtio_device *d, unsigned index)
{
    check(d->transport && index < VIRTIO_QUEUES);
}

void virtio_config_interrupt(struct virtio_device *d)
{
    check(d->transport != NULL);
}

/* ---- Memory, and devices ---- */

static void *taken[2 * DEVICES];
static unsigned taken_count, device_count;
static struct virtio_device *devices[DEVICES];

void *fuzz_calloc(size_t count, size_t size);
void *fuzz_malloc(size_t size);
void fuzz_free(void *at);

void *fuzz_calloc(size_t count, size_t size)
{
    check(taken_count < 2 * DEVICES);
    return taken[taken_count++] = calloc(count, size);
}

void fuzz_free(void *at)
{
    check(at == taken[taken_count - 1]);
    free(taken[--taken_count]);
}

void __wrap_bus_add(struct virtio_device *d)
{
    check(device_count < DEVICES);
    devices[device_count++] = d;
}

static void use_queue(struct virtio_device *d, unsigned index)
{
    const struct virtio_transport *t = d->transport;
    uint16_t size = t->queue_size(d, index);

    if (size > 0 && t->queue_start(d, index, size, 0x123456000, 0x223456000,
                                   0x323456000))
        t->notify(d, index, index);
}

static void use(struct virtio_device *d)
{
    const struct virtio_transport *t = d->transport;
    uint8_t data[VIRTIO_CONFIG];

    check(strnlen(d->place, sizeof d->place) < sizeof d->place);
    (void)t->features(d);
    t->accept(d, UINT64_MAX);
    (void)t->status(d);
    t->set_status(d, 1);
    (void)t->generation(d);
    for (unsigned len = 1; len <= 8; len++) {
        size_t offset = next_byte() * 2u / len * len;

        (void)t->read_config(d, offset, data, len);
        t->write_config(d, offset, data, len);
    }
    (void)t->read_config(d, SIZE_MAX - 3, data, 8);
    if (!t->prepare(d))
        return;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i += 5)
        use_queue(d, i);
    for (unsigned i = 0; i < listeners; i++)
        listening[i]->on_interrupt(listening[i]->ctx);
}

static void read_machine(void)
{
    uint8_t flags = next_byte();

    memset(written, 0, sizeof written);
    has_ports = flags & 1;
    bar_mask = ~0u << flags / 8 % 32;
    pci = (struct acpi_pci){(uint64_t)next_byte() << 28,
                            (uint64_t)next_byte() << 24,
                            (uint64_t)next_byte() << 12};
    memset(word, 0, sizeof word);
    for (size_t i = 0, len = next_byte() % sizeof word; i < len; i++)
        word[i] = (char)next_byte();
    memset(space, 0, sizeof space);
    for (unsigned f = 0; f < FUNCTIONS; f++)
        for (unsigned i = 0; i < SPACE; i++)
            space[f][i] = next_byte();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    mappings = listeners = taken_count = device_count = 0;
    read_machine();
    pci_find();
    mmio_find();
    for (unsigned i = 0; i < device_count; i++) {
        listeners = 0;
        use(devices[i]);
    }
    while (taken_count > 0)
        free(taken[--taken_count]);
    return 0;
}
