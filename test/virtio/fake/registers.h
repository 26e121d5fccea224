/* SPDX-License-Identifier: ISC */
/*
 * registers: what the transports of backend/virtio/ stand on, for models of
 * their registers. The transports are compiled with this header before all
 * others (Makefile), so that their accesses to registers are these calls.
 * An access that reaches no register of a model ends the test program.
 */
#ifndef VIRTIO_FAKE_REGISTERS_H
#define VIRTIO_FAKE_REGISTERS_H

#include <arch/cpu.h>
#include <mirage/boot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interrupt;
struct acpi_pci;

#define REGISTERS_WORDS   4
#define REGISTERS_VECTORS 2

/* Registers at a physical address. Widths are 1, 2 or 4. */
struct registers {
    uint64_t base, size;
    bool is_off; /* it does not answer there now */
    uint32_t (*read)(void *ctx, uint64_t offset, unsigned width);
    void (*write)(void *ctx, uint64_t offset, unsigned width, uint32_t value);
    void *ctx;
};

/* The machine: one place with registers, boot words, and who listens. */
extern struct registers *registers_there; /* NULL: none */
extern const char *registers_words[REGISTERS_WORDS];
extern struct interrupt *registers_message[REGISTERS_VECTORS];
extern struct interrupt *registers_pin;
extern unsigned registers_pin_number, registers_messages, registers_mapped;
extern unsigned registers_searched; /* times that ACPI was asked for MMIO */
extern uint64_t registers_mapped_bytes;
extern bool registers_no_pin, registers_no_map;
extern struct acpi_pci registers_pci; /* what ACPI says; 0: nothing */

/* Forgets all of it, and the mappings. */
void registers_clear(void);

uint32_t registers_read(uintptr_t at, unsigned width);
void registers_write(uintptr_t at, unsigned width, uint32_t value);
const char *registers_boot_word(const char *key, size_t n);

#ifdef REGISTERS_REPLACED
#define read_device(at)           registers_read(at, 4)
#define read_device16(at)         ((uint16_t)registers_read(at, 2))
#define read_device8(at)          ((uint8_t)registers_read(at, 1))
#define write_device(at, value)   registers_write(at, 4, value)
#define write_device16(at, value) registers_write(at, 2, value)
#define write_device8(at, value)  registers_write(at, 1, value)
#define boot_word                 registers_boot_word
#endif

#endif
