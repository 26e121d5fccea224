/* SPDX-License-Identifier: ISC */
/*
 * The configuration space of PCI: mechanism 1, an address and a data port (PCI
 * Local Bus 3.0, 3.2.2.3.2), or registers in memory (PCI Express 4.0, 7.2.2).
 */
#include "pci.h"
#include <arch/cpu.h>

#define ADDRESS 0xcf8
#define DATA    0xcfc
#define ENABLE  0x80000000u

static uintptr_t memory; /* 0: by ports */

static uintptr_t at(pci_function f, unsigned offset)
{
    return memory + ((uintptr_t)f << 12) + offset;
}

void pci_use_memory(uintptr_t registers)
{
    memory = registers;
}

bool pci_exists(void)
{
    outl(ADDRESS, ENABLE);
    return inl(ADDRESS) == ENABLE;
}

uint32_t pci_read(pci_function f, unsigned offset)
{
    if (memory)
        return read_device(at(f, offset & 0xfc));
    outl(ADDRESS, ENABLE | (uint32_t)f << 8 | (offset & 0xfc));
    return inl(DATA);
}

void pci_write(pci_function f, unsigned offset, uint32_t value)
{
    if (memory) {
        write_device(at(f, offset & 0xfc), value);
        return;
    }
    outl(ADDRESS, ENABLE | (uint32_t)f << 8 | (offset & 0xfc));
    outl(DATA, value);
}

uint32_t port_read(uint16_t port, unsigned width)
{
    return width == 1 ? inb(port) : width == 2 ? inw(port)
                                               : inl(port);
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    if (width == 1)
        outb(port, (uint8_t)value);
    else if (width == 2)
        outw(port, (uint16_t)value);
    else
        outl(port, value);
}
