/* SPDX-License-Identifier: ISC */
/*
 * The rate of the TSC by CPUID: leaf 0x15 has the crystal's rate and the ratio
 * of the TSC to it (Intel's manual, volume 2A); leaf 0x40000010 of a hypervisor
 * has the rate in kHz (VMware's, and QEMU's vmware-cpuid-freq). Leaf 0x16 is
 * not used: it is rounded to MHz.
 */
#include "tsc.h"
#include <arch/cpu.h>
#include <stdbool.h>

#define HYPERVISOR 0x40000000u
#define TIMING     0x40000010u

static bool is_invariant(void)
{
    return cpuid(0x80000000).a >= 0x80000007 &&
           (cpuid(0x80000007).d & 1u << 8);
}

/* By "VMwareVMware" and "KVMKVMKVM". Others may use that leaf otherwise. */
static bool has_timing(void)
{
    struct cpuid r = cpuid(HYPERVISOR);

    return r.a >= TIMING && (r.b == 0x61774d56 || r.b == 0x4b4d564b);
}

uint64_t tsc_rate(void)
{
    if (!is_invariant())
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
