/* SPDX-License-Identifier: ISC */
/*
 * cpu: instructions that C does not have. read_cycles, the fences, flush_line,
 * read_device, write_device (also of 8 and 16 bits) and set_thread_base exist
 * on each processor; the others are for files of x86-64.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1"
                     :
                     : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1"
                     :
                     : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0"
                     : "=a"(value)
                     : "Nd"(port));
    return value;
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1"
                     :
                     : "a"(value), "Nd"(port));
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0"
                     : "=a"(value)
                     : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0"
                     : "=a"(value)
                     : "Nd"(port));
    return value;
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc"
                     : "=a"(low), "=d"(high));
    return low | (uint64_t)high << 32;
}

/* A counter that runs at a constant rate, or nearly so. */
static inline uint64_t read_cycles(void)
{
    return rdtsc();
}

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(0));
    return r;
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32)));
}

/* No later read, of memory or of the cycle counter, is done before this. */
static inline void load_fence(void)
{
    __asm__ volatile("lfence"
                     :
                     :
                     : "memory");
}

/* All earlier reads and writes are done before this. */
static inline void full_fence(void)
{
    __asm__ volatile("mfence"
                     :
                     :
                     : "memory");
}

/* Writes the cache line at address back to memory, and evicts it. */
static inline void flush_line(const void *address)
{
    __asm__ volatile("clflush %0\n\tmfence"
                     :
                     : "m"(*(const char *)address)
                     : "memory");
}

/*
 * A 32-bit register of a device at its physical address, which is mapped with
 * DEVICE access. Accesses are done in the order of the program.
 */
static inline uint32_t read_device(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

static inline void write_device(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

/* The same for registers of 16 and of 8 bits. */
static inline uint16_t read_device16(uintptr_t address)
{
    return *(volatile uint16_t *)address;
}

static inline void write_device16(uintptr_t address, uint16_t value)
{
    *(volatile uint16_t *)address = value;
}

static inline uint8_t read_device8(uintptr_t address)
{
    return *(volatile uint8_t *)address;
}

static inline void write_device8(uintptr_t address, uint8_t value)
{
    *(volatile uint8_t *)address = value;
}

/* Sets the thread pointer, the base of FS, by which compilers and the C library
 * find thread-local data. */
static inline void set_thread_base(const void *base)
{
    wrmsr(0xc0000100, (uintptr_t)base);
}

/* The operand of LGDT and LIDT: a pseudo-descriptor (Intel's manual, volume 3,
 * 3.5.1). */
struct __attribute__((packed)) table_pointer {
    uint16_t limit; /* bytes - 1 */
    uint64_t base;
};

/* Loads the GDT, and TR with the selector `task` of a task state segment. */
static inline void load_gdt_and_tr(const struct table_pointer *p, uint16_t task)
{
    __asm__ volatile("lgdt %0\n\tltr %1"
                     :
                     : "m"(*p), "r"(task)
                     : "memory");
}

/* Loads the IDT. */
static inline void load_idt(const struct table_pointer *p)
{
    __asm__ volatile("lidt %0"
                     :
                     : "m"(*p)
                     : "memory");
}

static inline void load_cr3(uint64_t table)
{
    __asm__ volatile("movq %0, %%cr3"
                     :
                     : "r"(table)
                     : "memory");
}

static inline uint64_t read_cr3(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr3, %0"
                     : "=r"(value));
    return value;
}

static inline void load_cr4(uint64_t flags)
{
    __asm__ volatile("movq %0, %%cr4"
                     :
                     : "r"(flags)
                     : "memory");
}

static inline uint64_t read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr4, %0"
                     : "=r"(value));
    return value;
}

static inline uint64_t read_cr2(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr2, %0"
                     : "=r"(value));
    return value;
}

static inline void invalidate(const void *address)
{
    __asm__ volatile("invlpg (%0)"
                     :
                     : "r"(address)
                     : "memory");
}

/* Lets pending interrupts in, and returns with interrupts disabled. */
static inline void accept_interrupts(void)
{
    __asm__ volatile("sti; nop; cli"
                     :
                     :
                     : "memory");
}

/* Halts until an interrupt. sti takes effect after the next instruction, hlt,
 * so no interrupt is lost between the two. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli"
                     :
                     :
                     : "memory");
}

#endif
