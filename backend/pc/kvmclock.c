/* SPDX-License-Identifier: ISC */
/*
 * KVM's clock (Linux's Documentation/virt/kvm/x86/msr.rst and cpuid.rst): KVM
 * writes the time to memory that an MSR names, and the wall time of its start
 * whenever another MSR is written.
 */
#include "kvmclock.h"
#include <arch/cpu.h>
#include <arch/pvclock.h>
#include <stdint.h>
#include <xen/xen.h>
#include <asm/kvm_para.h>

#define LEAF_STEP 0x100
#define LAST_LEAF 0x40010000u
#define ENABLE    1u

static _Alignas(64) volatile struct vcpu_time_info page;
static volatile struct {
    uint32_t version, seconds, nanoseconds;
} began;
static nanoseconds start, latest;

static bool is_kvm(uint32_t leaf)
{
    struct cpuid r = cpuid(leaf);

    return r.b == 0x4b4d564b && r.c == 0x564b4d56 && r.d == 0x4d;
}

/* KVM may follow the leaves of another hypervisor that it emulates. */
bool kvmclock_start(void)
{
    uint32_t leaf = KVM_CPUID_SIGNATURE - LEAF_STEP;

    if (!(cpuid(1).c & 1u << 31))
        return false;
    do {
        leaf += LEAF_STEP;
        if (leaf == LAST_LEAF)
            return false;
    } while (!is_kvm(leaf));
    if (!(cpuid(leaf | KVM_CPUID_FEATURES).a & 1u << KVM_FEATURE_CLOCKSOURCE2))
        return false;
    wrmsr(MSR_KVM_SYSTEM_TIME_NEW, (uintptr_t)&page | ENABLE);
    if (page.tsc_to_system_mul == 0) /* announced by CPUID, but not written */
        return false;
    start = pvclock_now(&page);
    latest = 0;
    return true;
}

/* Monotonic, although KVM's time may differ between the host's processors. */
nanoseconds kvmclock_now(void)
{
    nanoseconds now = pvclock_now(&page) - start;

    if (now > latest)
        latest = now;
    return latest;
}

nanoseconds kvmclock_wall(void)
{
    wrmsr(MSR_KVM_WALL_CLOCK_NEW, (uintptr_t)&began);
    return began.seconds * SECOND + began.nanoseconds + pvclock_now(&page);
}
