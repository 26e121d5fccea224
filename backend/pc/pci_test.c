/* SPDX-License-Identifier: ISC */
/* The configuration space of PCI by ports, and in memory. */
#include <arch/cpu.h>
#define inl  tested_inl
#define outl tested_outl
#define inb  tested_inb
#define outb tested_outb
#define inw  tested_inw
#define outw tested_outw

#include <stdint.h>

static uint32_t tested_inl(uint16_t port);
static void tested_outl(uint16_t port, uint32_t value);
static uint8_t tested_inb(uint16_t port);
static void tested_outb(uint16_t port, uint8_t value);
static uint16_t tested_inw(uint16_t port);
static void tested_outw(uint16_t port, uint16_t value);

#include "pci.c"
#include "check.h"
#include <string.h>

static uint32_t address, data;
static bool has_ports;
static unsigned last_width; /* of an access to another port, 0x1234 */

static uint8_t tested_inb(uint16_t port)
{
    CHECK(port == 0x1234);
    last_width = 1;
    return 0x81;
}

static void tested_outb(uint16_t port, uint8_t value)
{
    CHECK(port == 0x1234);
    last_width = 1;
    data = value;
}

static uint16_t tested_inw(uint16_t port)
{
    CHECK(port == 0x1234);
    last_width = 2;
    return 0x8281;
}

static void tested_outw(uint16_t port, uint16_t value)
{
    CHECK(port == 0x1234);
    last_width = 2;
    data = value;
}

static uint32_t tested_inl(uint16_t port)
{
    if (port == 0x1234) {
        last_width = 4;
        return 0x84838281;
    }
    CHECK(port == 0xcf8 || port == 0xcfc);
    return !has_ports ? ~0u : port == 0xcf8 ? address
                                            : data;
}

static void tested_outl(uint16_t port, uint32_t value)
{
    if (port == 0x1234) {
        last_width = 4;
        data = value;
        return;
    }
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
    pci_write(0x0008, 0x07, 79);
    CHECK(address == 0x80000804 && data == 79);
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
    pci_write(0x19, 0x17, 81);
    CHECK(space[(0x19 * 4096 + 0x14) / 4] == 81);
    CHECK(pci_read(0x19, 0x15) == 81);
    CHECK(address == 0 && data == 0);
    pci_use_memory(0);
}

TEST(ports_are_accessed_with_the_width_of_their_register)
{
    static const uint32_t values[] = {0, 0x81, 0x8281, 0, 0x84838281};

    for (unsigned width = 1; width <= 4; width *= 2) {
        last_width = 0;
        CHECK(port_read(0x1234, width) == values[width]);
        CHECK(last_width == width);
        last_width = 0;
        port_write(0x1234, width, 0xf4f3f2f1);
        CHECK(last_width == width);
        CHECK(data == (width == 1   ? 0xf1
                       : width == 2 ? 0xf2f1
                                    : 0xf4f3f2f1));
    }
}
