/* SPDX-License-Identifier: ISC */
/*
 * CPUID tells: leaf 0x15 gives the crystal's rate and the counter's by that
 * (Intel's manual, volume 2A), 0x40000010 of a hypervisor the counter's in
 * kHz, as VMware began and QEMU has it (vmware-cpuid-freq). Leaf 0x16 is no
 * good: it is rounded to MHz.
 */
#include "tsc.h"
#include <arch/cpu.h>
#include <stdbool.h>

#define HYPERVISOR 0x40000000u
#define TIMING     0x40000010u

static bool is_even(void)
{
    return cpuid(0x80000000).a >= 0x80000007 &&
           (cpuid(0x80000007).d & 1u << 8);
}

/* "VMwareVMware" and "KVMKVMKVM": others may mean something else by it. */
static bool has_timing(void)
{
    struct cpuid r = cpuid(HYPERVISOR);

    return r.a >= TIMING && (r.b == 0x61774d56 || r.b == 0x4b4d564b);
}

uint64_t tsc_rate(void)
{
    if (!is_even())
        return 0;
    if ((cpuid(1).c & 1u << 31) && has_timing() && cpuid(TIMING).a > 0)
        return (uint64_t)cpuid(TIMING).a * 1000;
    if (cpuid(0).a >= 0x15) {
        struct cpuid r = cpuid(0x15);

        if (r.a > 0 && r.b > 0)
            return (uint64_t)r.c * r.b / r.a;
    }
    return 0;
}
