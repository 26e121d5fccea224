/* SPDX-License-Identifier: ISC */
/* pci: the configuration space of PCI devices (PCI Local Bus 3.0, 3.2.2.3). */
#ifndef PC_PCI_H
#define PC_PCI_H

#include <stdbool.h>
#include <stdint.h>

/* A function of a device: its bus, slot and function as bits 15-8, 7-3, 2-0. */
typedef uint16_t pci_function;

/* Does the machine have the ports for this? */
bool pci_exists(void);

/* Accesses the configuration space in memory from now on (PCI Express 4.0,
 * 7.2.2): that of bus 0 is at registers, which are mapped, and the others would
 * follow, 1 MiB each. */
void pci_use_memory(uintptr_t registers);

/* The 32 bits at offset, a multiple of 4 below 256. All ones: there is no such
 * function. */
uint32_t pci_read(pci_function f, unsigned offset);
void pci_write(pci_function f, unsigned offset, uint32_t value);

/* Ports, for devices with registers there. width is 1, 2 or 4. */
uint32_t port_read(uint16_t port, unsigned width);
void port_write(uint16_t port, unsigned width, uint32_t value);

#endif
