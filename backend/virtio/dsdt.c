/* SPDX-License-Identifier: ISC */
/*
 * Recognises virtio-mmio devices, and PCI, in the AML of a DSDT (ACPI 6.5, 20.2
 * for the encodings and 6.4 for resources). It is no interpreter: it searches
 * for the bytes of a Device, and within these for its _HID and its _CRS.
 */
#include "acpi.h"
#include <mirage/macros.h>
#include <pc/acpi.h>
#include <string.h>

#define EXT_PREFIX       0x5b
#define DEVICE_OP        0x82
#define BUFFER_OP        0x11
#define BYTE_PREFIX      0x0a
#define WORD_PREFIX      0x0b
#define MEMORY32         0x86 /* fixed */
#define QWORD_SPACE      0x8a
#define DWORD_SPACE      0x87
#define DWORD_PREFIX     0x0c
#define QWORD_PREFIX     0x0e
#define INTERRUPT        0x89
#define SMALL_END        0x79
#define EDGE             2 /* of an interrupt's flags */
#define MEMORY_FIXED_LEN 9
#define QWORD_LEN        43
#define DWORD_LEN        23
#define INTERRUPT_LEN    6

struct bytes {
    const uint8_t *at, *end;
};

struct place {
    uint64_t address, size;
    uint64_t low, low_size; /* that may be given, below 4 GiB */
    unsigned pin;
    bool is_level;
};

static const char id[] = "\x08_HID\x0dLNRO0005"; /* a name, and its NUL */
static const char pci_id[] = "\x08_HID\x0dPNP0A08";
static const char base[] = "_CBA\0\xa4"; /* no arguments, and a Return */
static const char resources[] = "\x08_CRS\x11"; /* a name, and a buffer */

static size_t left(const struct bytes *b)
{
    return (size_t)(b->end - b->at);
}

static uint64_t number(const uint8_t *at, size_t len)
{
    uint64_t n = 0;

    while (len-- > 0)
        n = n << 8 | at[len];
    return n;
}

/* Cuts a package (20.2.4) from the start of *b: its contents, which follow its
 * length. False: it does not lie in *b. */
static bool read_package(const struct bytes *b, struct bytes *package)
{
    size_t more, len;

    if (left(b) == 0)
        return false;
    more = b->at[0] >> 6;
    if (left(b) <= more)
        return false;
    len = more == 0 ? b->at[0] & 0x3f
                    : (size_t)(b->at[0] & 0xf) |
                          (size_t)number(b->at + 1, more) << 4;
    if (len <= more || len > left(b))
        return false;
    package->at = b->at + 1 + more;
    package->end = b->at + len;
    return true;
}

/* Searches for these bytes. Returns what is behind them; NULL: they are not in
 * b. */
static const uint8_t *behind(const struct bytes *b, const void *what,
                             size_t len)
{
    return acpi_behind(b->at, b->end, what, len, 0);
}

/* The resources in a buffer, behind its size. */
static bool skip_size(struct bytes *b)
{
    size_t skip = left(b) == 0            ? 1
                  : *b->at == BYTE_PREFIX ? 2
                  : *b->at == WORD_PREFIX ? 3
                                          : 1; /* Zero and One are no size */

    if (left(b) < skip)
        return false;
    b->at += skip;
    return true;
}

static void read_large(const uint8_t *at, size_t len, struct place *p)
{
    if (at[0] == MEMORY32 && len >= MEMORY_FIXED_LEN) {
        p->address = number(at + 4, 4);
        p->size = number(at + 8, 4);
    }
    /* The minimum, and the length. */
    if (at[0] == QWORD_SPACE && len >= QWORD_LEN && at[3] == 0) {
        p->address = number(at + 14, 8);
        p->size = number(at + 38, 8);
    }
    if (at[0] == DWORD_SPACE && len >= DWORD_LEN && at[3] == 0) {
        p->low = number(at + 10, 4);
        p->low_size = number(at + 22, 4);
    }
    if (at[0] == INTERRUPT && len >= INTERRUPT_LEN && at[4] == 1 &&
        number(at + 5, 4) <= UINT16_MAX) {
        p->pin = (unsigned)number(at + 5, 4);
        p->is_level = !(at[3] & EDGE);
    }
}

/* Reads the last ones of each kind. False: they are malformed. */
static bool read_resources(struct bytes b, struct place *p)
{
    *p = (struct place){0};
    while (left(&b) > 0 && (*b.at & 0x80 || *b.at >> 3 != SMALL_END >> 3)) {
        size_t len;

        if (!(*b.at & 0x80)) {
            len = 1 + (*b.at & 7u);
        } else {
            if (left(&b) < 3)
                return false;
            len = 3 + (size_t)number(b.at + 1, 2);
        }
        if (len > left(&b))
            return false;
        if (*b.at & 0x80)
            read_large(b.at, len - 3, p);
        b.at += len;
    }
    return true;
}

static bool read_device(const struct bytes *device, struct place *p)
{
    struct bytes rest = *device, buffer;

    if (!behind(device, id, sizeof id))
        return false;
    rest.at = behind(device, resources, sizeof resources - 1);
    return rest.at && read_package(&rest, &buffer) && skip_size(&buffer) &&
           read_resources(buffer, p) && p->size != 0 && p->pin != 0;
}

/* Keeps places sorted from the highest address down. */
static void insert(struct place *places, size_t *count, const struct place *p)
{
    size_t i = *count;

    if (*count == DSDT_DEVICES)
        return;
    for (; i > 0 && places[i - 1].address < p->address; i--)
        places[i] = places[i - 1];
    places[i] = *p;
    ++*count;
}

void dsdt_find_mmio(const uint8_t *aml, size_t len, mmio_found *found,
                    void *ctx)
{
    static struct place places[DSDT_DEVICES];
    struct bytes rest = {aml, aml + len}, device;
    size_t count = 0;

    while (left(&rest) >= 2) {
        struct bytes inner = {rest.at + 2, rest.end};
        struct place p;

        if (rest.at[0] != EXT_PREFIX || rest.at[1] != DEVICE_OP ||
            !read_package(&inner, &device) || !read_device(&device, &p)) {
            rest.at++;
            continue;
        }
        insert(places, &count, &p);
        rest.at = device.end;
    }
    for (size_t i = 0; i < count; i++)
        found(ctx, places[i].address, places[i].size, places[i].pin,
              places[i].is_level);
}

/* The constant that _CBA returns, behind its Return. */
static uint64_t read_constant(const struct bytes *b)
{
    size_t len = left(b) == 0               ? 0
                 : b->at[0] == DWORD_PREFIX ? 4
                 : b->at[0] == QWORD_PREFIX ? 8
                                            : 0;

    return len > 0 && left(b) > len ? number(b->at + 1, len) : 0;
}

static bool read_pci(const struct bytes *device, struct acpi_pci *p)
{
    struct bytes rest = *device, buffer;
    struct place place;

    if (!behind(device, pci_id, sizeof pci_id) ||
        !(rest.at = behind(&rest, base, sizeof base - 1)))
        return false;
    p->space = read_constant(&rest);
    rest.at = behind(&rest, resources, sizeof resources - 1);
    if (p->space == 0 || p->space % 0x100000 != 0 || !rest.at ||
        !read_package(&rest, &buffer) || !skip_size(&buffer) ||
        !read_resources(buffer, &place))
        return false;
    p->hole = place.low;
    p->hole_size = place.low_size;
    return true;
}

bool dsdt_find_pci(const uint8_t *aml, size_t len, struct acpi_pci *p)
{
    for (struct bytes rest = {aml, aml + len}; left(&rest) >= 2; rest.at++) {
        struct bytes inner = {rest.at + 2, rest.end}, device;

        if (rest.at[0] == EXT_PREFIX && rest.at[1] == DEVICE_OP &&
            read_package(&inner, &device) && read_pci(&device, p))
            return true;
    }
    return false;
}
