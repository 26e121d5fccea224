/* SPDX-License-Identifier: ISC */
/*
 * The recogniser of virtio-mmio devices in a DSDT: any AML, in memory of
 * exactly its size. Seeds are the DSDTs of QEMU's microvm and q35, without
 * headers.
 */
#include <virtio/dsdt.c>
#include "platform.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t before;
static unsigned count;

static void note(void *ctx, uint64_t address, uint64_t bytes, unsigned pin,
                 bool is_level)
{
    (void)ctx;
    (void)is_level;
    check(address <= before && bytes > 0);
    check(pin > 0 && pin <= UINT16_MAX);
    before = address;
    count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *aml = malloc(size + !size);

    check(aml != NULL);
    memcpy(aml, data, size);
    before = UINT64_MAX;
    count = 0;
    dsdt_find_mmio(aml, size, note, NULL);
    check(count <= DSDT_DEVICES);
    free(aml);
    return 0;
}
