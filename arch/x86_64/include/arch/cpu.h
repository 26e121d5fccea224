/* SPDX-License-Identifier: ISC */
/* cpu: the processor's instructions that C does not have. */
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

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc"
                     : "=a"(low), "=d"(high));
    return low | (uint64_t)high << 32;
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

/* No later read, of memory or of the counter, is done before this. */
static inline void load_fence(void)
{
    __asm__ volatile("lfence"
                     :
                     :
                     : "memory");
}

/* The base of FS: where the C library, and compilers, find what is a
 * thread's own. */
static inline void set_thread_base(const void *base)
{
    wrmsr(0xc0000100, (uintptr_t)base);
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

/* Takes the interrupts that wait, and goes on with them off. */
static inline void take_interrupts(void)
{
    __asm__ volatile("sti; nop; cli"
                     :
                     :
                     : "memory");
}

/* Stops until an interrupt, which sti lets in only together with hlt, so that
 * none is missed in between. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli"
                     :
                     :
                     : "memory");
}

#endif
