/* SPDX-License-Identifier: ISC */
/* The configuration space of PCI by ports, and in memory. */
#include <arch/cpu.h>
#define inl  tested_inl
#define outl tested_outl

#include <stdint.h>

static uint32_t tested_inl(uint16_t port);
static void tested_outl(uint16_t port, uint32_t value);

#include "pci.c"
#include "check.h"
#include <string.h>

static uint32_t address, data;
static bool has_ports;

static uint32_t tested_inl(uint16_t port)
{
    CHECK(port == 0xcf8 || port == 0xcfc);
    return !has_ports ? ~0u : port == 0xcf8 ? address
                                            : data;
}

static void tested_outl(uint16_t port, uint32_t value)
{
    CHECK(port == 0xcf8 || port == 0xcfc);
    if (port == 0xcf8)
        address = value;
    else
        data = value;
}

TEST(ports_are_there_if_the_address_can_be_read_back)
{
    has_ports = false;
    CHECK(!pci_exists());
    has_ports = true;
    CHECK(pci_exists());
}

TEST(by_ports_the_address_selects_function_and_register)
{
    data = 77;
    CHECK(pci_read(0x1234, 0x3d) == 77);
    CHECK(address == 0x8012343c);
    pci_write(0xffff, 0xfc, 78);
    CHECK(address == 0x80fffffc && data == 78);
}

TEST(in_memory_each_function_has_4096_bytes)
{
    static uint32_t space[0x40000 / 4];

    address = data = 0;
    pci_use_memory((uintptr_t)space);
    space[(0x18 * 4096 + 0x3c) / 4] = 79;
    CHECK(pci_read(0x18, 0x3c) == 79);
    pci_write(0x19, 0x10, 80);
    CHECK(space[(0x19 * 4096 + 0x10) / 4] == 80);
    CHECK(address == 0 && data == 0);
    pci_use_memory(0);
}
