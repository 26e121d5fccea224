/* SPDX-License-Identifier: ISC */
/*
 * The generation of a virtual machine (Microsoft's "Virtual Machine Generation
 * ID"): 16 bytes that the host changes when it goes on from a snapshot.
 * An interrupt tells of it, too; but random numbers may be drawn before it is
 * handled, so the bytes are compared before.
 */
#include "vmgenid.h"
#include <bare/entropy.h>
#include <mirage/bytes.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <string.h>

#define SSDTS       16
#define BYTE_PREFIX 0x0a

LOG_SOURCE(vmgenid);

struct generation {
    uint64_t low, high;
};

/* An integer (ACPI 6.5, 20.2.3), of at most 9 bytes. Returns its length; 0: it
 * is none. */
static size_t read_integer(const uint8_t *at, uint64_t *value)
{
    switch (at[0]) {
    case 0:
    case 1: *value = at[0]; return 1;
    case BYTE_PREFIX: *value = at[1]; return 2;
    case 0x0b: *value = get_le16(at + 1); return 3;
    case 0x0c: *value = get_le32(at + 1); return 5;
    case 0x0e: *value = get_le64(at + 1); return 9;
    default: return 0;
    }
}

/*
 * Firecracker and Cloud Hypervisor have a package of the address' halves. QEMU
 * has a method that makes it, of a variable VGIA that its loader sets, and a
 * constant that the method adds.
 */
uint64_t vmgenid_address(const struct acpi_table *t)
{
    const uint8_t *code = t->bytes + ACPI_HEADER, *end = t->bytes + t->len;
    const uint8_t *at, *offset;
    uint64_t low, high;
    size_t len;

    if (!ACPI_BEHIND(code, end, "VM_Gen_Counter", 1))
        return 0;
    at = ACPI_BEHIND(code, end,
                     "\x08"
                     "ADDR\x12",
                     20);
    if (at) {
        at += 2; /* the package's length, and how many elements it has */
        len = read_integer(at, &low);
        if (len == 0 || read_integer(at + len, &high) == 0 ||
            (low | high) >> 32 != 0)
            return 0;
        return high << 32 | low;
    }
    at = ACPI_BEHIND(code, end, "\x08VGIA\x0c", 4);
    offset = ACPI_BEHIND(code, end, "\x72VGIA\x0a", 1);
    return at && offset ? get_le32(at) + (uint64_t)*offset : 0;
}

static uint64_t find_address(void)
{
    struct acpi_table fadt, t;
    uint64_t address = 0;

    if (acpi_find(ACPI_FADT, 0, &fadt) && acpi_find_dsdt(&fadt, &t))
        address = vmgenid_address(&t);
    for (unsigned nth = 0;
         address == 0 && nth < SSDTS && acpi_find(ACPI_SSDT, nth, &t); nth++)
        address = vmgenid_address(&t);
    return address;
}

static const volatile struct generation *find(void)
{
    uint64_t address = find_address();
    const volatile struct generation *g;

    if (address == 0 || address % 8 != 0)
        return NULL;
    g = (const void *)acpi_map(address, sizeof *g, READ_ONLY);
    log_debug(&vmgenid, g ? "the host tells copies of this machine apart"
                          : "its address cannot be read");
    return g;
}

/* The first time is a change, too, since the image may be a copy already. */
bool platform_is_copied(void)
{
    static const volatile struct generation *generation;
    static struct generation known;
    static bool is_started;
    bool is_first = !is_started;
    struct generation now;

    if (is_first) {
        is_started = true;
        generation = find();
    }
    if (!generation)
        return false;
    now.low = generation->low;
    now.high = generation->high;
    if (!is_first && now.low == known.low && now.high == known.high)
        return false;
    known = now;
    entropy_seed(&now, sizeof now);
    if (!is_first)
        log_info(&vmgenid, "this is a copy: random numbers are new");
    return true;
}
