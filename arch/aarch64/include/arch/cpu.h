/* SPDX-License-Identifier: ISC */
/*
 * cpu: instructions that C does not have (Arm ARM, DDI 0487): the functions of
 * x86-64's that files for any processor call.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdint.h>

/*
 * A counter that runs at a constant rate: the virtual counter (D12.2), since
 * not every virtual machine has a PMU with a cycle counter. The ISB keeps it
 * from being read early.
 */
static inline uint64_t read_cycles(void)
{
    uint64_t value;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0"
                     : "=r"(value)
                     :
                     : "memory");
    return value;
}

/* No later read, of memory or of the cycle counter, is done before this. */
static inline void load_fence(void)
{
    __asm__ volatile("dmb ishld\n\tisb"
                     :
                     :
                     : "memory");
}

/* All earlier reads and writes are done before this. */
static inline void full_fence(void)
{
    __asm__ volatile("dsb sy"
                     :
                     :
                     : "memory");
}

/* Writes the cache line at address back to memory, and evicts it. */
static inline void flush_line(const void *address)
{
    __asm__ volatile("dc civac, %0\n\tdsb sy"
                     :
                     : "r"(address)
                     : "memory");
}

/*
 * A 32-bit register of a device at its physical address, which is mapped with
 * DEVICE access. An access is done after earlier ones to memory: a device that
 * is notified sees what was written before.
 */
static inline uint32_t read_device(uintptr_t address)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]\n\tdmb oshld"
                     : "=r"(value)
                     : "r"(address)
                     : "memory");
    return value;
}

static inline void write_device(uintptr_t address, uint32_t value)
{
    __asm__ volatile("dmb oshst\n\tstr %w0, [%1]"
                     :
                     : "r"(value), "r"(address)
                     : "memory");
}

/* The same for registers of 16 and of 8 bits. */
static inline uint16_t read_device16(uintptr_t address)
{
    uint16_t value;

    __asm__ volatile("ldrh %w0, [%1]\n\tdmb oshld"
                     : "=r"(value)
                     : "r"(address)
                     : "memory");
    return value;
}

static inline void write_device16(uintptr_t address, uint16_t value)
{
    __asm__ volatile("dmb oshst\n\tstrh %w0, [%1]"
                     :
                     : "r"(value), "r"(address)
                     : "memory");
}

static inline uint8_t read_device8(uintptr_t address)
{
    uint8_t value;

    __asm__ volatile("ldrb %w0, [%1]\n\tdmb oshld"
                     : "=r"(value)
                     : "r"(address)
                     : "memory");
    return value;
}

static inline void write_device8(uintptr_t address, uint8_t value)
{
    __asm__ volatile("dmb oshst\n\tstrb %w0, [%1]"
                     :
                     : "r"(value), "r"(address)
                     : "memory");
}

/* Sets the thread pointer, by which compilers and the C library find
 * thread-local data. */
static inline void set_thread_base(const void *base)
{
    __asm__ volatile("msr tpidr_el0, %0"
                     :
                     : "r"(base)
                     : "memory");
}

#endif
