/* SPDX-License-Identifier: ISC */
/* The machine below the transports: mappings, interrupts and boot words. */
#include "registers.h"
#include "fake.h"
#include <bare/start.h>
#include <mirage/bare.h>
#include <pc/interrupts.h>
#include <string.h>
#include <virtio/acpi.h>
#include <virtio/balloon_virtio.h>
#include <virtio/platform.h>

#define MAPPINGS 64

struct registers *registers_there;
const char *registers_words[REGISTERS_WORDS];
struct interrupt *registers_message[REGISTERS_VECTORS];
struct interrupt *registers_pin;
unsigned registers_pin_number, registers_messages, registers_mapped;
unsigned registers_searched;
uint64_t registers_mapped_bytes;
bool registers_no_pin, registers_no_map;
struct acpi_pci registers_pci;

static struct {
    uint64_t at, physical, size;
} mapping[MAPPINGS];

/* Memory is the first 16 MiB. */
static const struct start start = {
    .region = {{.base = 0, .size = 16 << 20}}, .regions = 1};
const struct start *platform_start_info = &start;

void registers_clear(void)
{
    registers_there = NULL;
    memset(registers_words, 0, sizeof registers_words);
    memset(registers_message, 0, sizeof registers_message);
    registers_pin = NULL;
    registers_pin_number = registers_messages = registers_mapped = 0;
    registers_searched = 0;
    registers_mapped_bytes = 0;
    registers_no_pin = registers_no_map = false;
    registers_pci = (struct acpi_pci){0};
}

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    if (access != DEVICE || address % 4096 || physical % 4096 || size % 4096 ||
        size == 0)
        fake_fail("registers are mapped at %#lx", (unsigned long)address);
    if (physical < 16 << 20)
        fake_fail("memory is mapped as registers");
    if (registers_no_map || registers_mapped == MAPPINGS)
        return false;
    registers_mapped_bytes += size;
    mapping[registers_mapped].at = address;
    mapping[registers_mapped].physical = physical;
    mapping[registers_mapped++].size = size;
    return true;
}

static uint64_t offset_of(uintptr_t at, unsigned width)
{
    struct registers *r = registers_there;

    for (unsigned i = 0; i < registers_mapped; i++) {
        uint64_t from = at - mapping[i].at, offset;

        if (at < mapping[i].at || from >= mapping[i].size)
            continue;
        if (!r || r->is_off || from + width > mapping[i].size)
            break;
        offset = mapping[i].physical + from - r->base;
        if (offset >= r->size || width > r->size - offset)
            break;
        return offset;
    }
    fake_fail("an access at %#lx reaches no register", (unsigned long)at);
}

uint32_t registers_read(uintptr_t at, unsigned width)
{
    uint64_t offset = offset_of(at, width);

    return registers_there->read(registers_there->ctx, offset, width);
}

void registers_write(uintptr_t at, unsigned width, uint32_t value)
{
    uint64_t offset = offset_of(at, width);

    registers_there->write(registers_there->ctx, offset, width, value);
}

const char *registers_boot_word(const char *key, size_t n)
{
    if (strcmp(key, "virtio_mmio.device") != 0)
        fake_fail("the boot word %s is asked for", key);
    return n < REGISTERS_WORDS ? registers_words[n] : NULL;
}

bool interrupt_listen_pin(struct interrupt *i, unsigned pin, bool is_level)
{
    (void)is_level;
    if (registers_no_pin)
        return false;
    registers_pin = i;
    registers_pin_number = pin;
    return true;
}

void interrupt_listen_message(struct interrupt *i, uint64_t *address,
                              uint32_t *data)
{
    if (registers_messages == REGISTERS_VECTORS)
        fake_fail("more messages than vectors");
    i->line = 0x40 + registers_messages;
    *address = 0xfee00000;
    *data = i->line;
    registers_message[registers_messages++] = i;
}

void interrupt_listen_vector(struct interrupt *i)
{
    if (registers_messages != 1 || i->line != 0x40)
        fake_fail("a vector is shared that is nobody's");
    registers_message[1] = i;
}

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    (void)found;
    (void)ctx;
    registers_searched++;
}

bool acpi_find_pci(struct acpi_pci *p)
{
    *p = registers_pci;
    return p->space != 0;
}

__attribute__((weak)) void balloon_start(struct virtio_device *devices)
{
    (void)devices;
}
