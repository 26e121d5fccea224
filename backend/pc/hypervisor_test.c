/* SPDX-License-Identifier: ISC */
/* Tests of the detection of kvmclock and of the rate of the TSC, with CPUID and
 * MSRs of simulated processors and hypervisors. */
#include <arch/cpu.h>
#define cpuid(leaf)         tested_cpuid(leaf)
#define wrmsr(index, value) tested_wrmsr(index, value)

static struct cpuid tested_cpuid(uint32_t leaf);
static void tested_wrmsr(uint32_t index, uint64_t value);

#include "kvmclock.c"
#include "tsc.c"
#include "check.h"

#define MOST 8 /* leaves */

static struct {
    uint32_t leaf;
    struct cpuid values;
} leaves[MOST];
static int leaf_count;
static nanoseconds kvm_time;
static bool is_written; /* KVM writes the page when its MSR is set */

static struct cpuid tested_cpuid(uint32_t leaf)
{
    for (int i = 0; i < leaf_count; i++)
        if (leaves[i].leaf == leaf)
            return leaves[i].values;
    return (struct cpuid){0};
}

static void add_leaf(uint32_t leaf, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t d)
{
    require(leaf_count < MOST);
    leaves[leaf_count].leaf = leaf;
    leaves[leaf_count++].values = (struct cpuid){a, b, c, d};
}

/* Acts as KVM does when an MSR of its clock is written. */
static void tested_wrmsr(uint32_t index, uint64_t value)
{
    if (index == 0x4b564d01) {
        struct vcpu_time_info *at = (void *)(uintptr_t)(value - 1);

        CHECK(value % 4 == 1);
        at->system_time = kvm_time;
        at->tsc_to_system_mul = is_written;
    } else {
        uint32_t *at = (void *)(uintptr_t)value;

        CHECK(index == 0x4b564d00 && value % 4 == 0);
        at[1] = 1700000000;
        at[2] = 5;
    }
}

nanoseconds pvclock_now(const volatile struct vcpu_time_info *p)
{
    return p->system_time;
}

/* Simulates a processor with basic leaves up to last. */
static void begin(bool invariant, uint32_t last)
{
    leaf_count = 0;
    add_leaf(0, last, 0, 0, 0);
    add_leaf(0x80000000, 0x80000008, 0, 0, 0);
    add_leaf(0x80000007, 0, 0, 0, invariant ? 1 << 8 : 0);
}

/* Adds the leaf of a hypervisor's signature; its leaves end at last. */
static void set_hypervisor(uint32_t leaf, uint32_t last, const char *name)
{
    uint32_t word[3];

    memcpy(word, name, sizeof word);
    add_leaf(leaf, last, word[0], word[1], word[2]);
}

TEST(kvmclock_is_found_and_reads_monotonic_and_wall_time)
{
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000001, "KVMKVMKVM\0\0");
    add_leaf(0x40000001, 1 << 3, 0, 0, 0);
    kvm_time = 5 * SECOND;
    is_written = false;
    CHECK(!kvmclock_start()); /* in CPUID, but not written */
    is_written = true;
    CHECK(kvmclock_start());
    page.system_time += 7;
    CHECK(kvmclock_now() == 7);
    page.system_time -= 3; /* as read on another processor */
    CHECK(kvmclock_now() == 7);
    page.system_time += 3;
    CHECK(kvmclock_wall() == 1700000005 * SECOND + 12);
}

TEST(kvm_is_found_behind_the_leaves_of_another_hypervisor)
{
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x4000000b, "Microsoft Hv");
    set_hypervisor(0x40000100, 0x40000101, "KVMKVMKVM\0\0");
    CHECK(!kvmclock_start()); /* no clock among its features */
    add_leaf(0x40000101, 1 << 3, 0, 0, 0);
    CHECK(kvmclock_start());
}

TEST(without_kvm_there_is_no_kvmclock)
{
    begin(true, 7);
    CHECK(!kvmclock_start());
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000001, "TCGTCGTCGTCG");
    add_leaf(0x40000001, 1 << 3, 0, 0, 0);
    CHECK(!kvmclock_start());
}

TEST(the_rate_of_the_tsc_is_read_from_leaf_0x15)
{
    begin(true, 0x16);
    add_leaf(0x15, 2, 176, 24000000, 0);
    CHECK(tsc_rate() == 2112000000);
    begin(false, 0x16);
    add_leaf(0x15, 2, 176, 24000000, 0);
    CHECK(tsc_rate() == 0);
    begin(true, 0x16);
    add_leaf(0x15, 2, 176, 0, 0); /* the crystal's rate is not given */
    CHECK(tsc_rate() == 0);
    begin(true, 0x14);
    add_leaf(0x15, 2, 176, 24000000, 0);
    CHECK(tsc_rate() == 0);
}

TEST(the_rate_of_the_tsc_is_read_from_the_hypervisors_leaf)
{
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000010, "VMwareVMware");
    add_leaf(0x40000010, 2893202, 66000, 0, 0);
    CHECK(tsc_rate() == 2893202000);
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000010, "KVMKVMKVM\0\0");
    add_leaf(0x40000010, 2893202, 66000, 0, 0);
    CHECK(tsc_rate() == 2893202000);
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000010, "SomebodyElse");
    add_leaf(0x40000010, 2893202, 66000, 0, 0);
    CHECK(tsc_rate() == 0);
}

TEST(a_rate_of_0_in_the_hypervisors_leaf_is_none)
{
    begin(true, 0x16);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000010, "VMwareVMware");
    add_leaf(0x40000010, 0, 66000, 0, 0);
    add_leaf(0x15, 2, 176, 24000000, 0);
    CHECK(tsc_rate() == 2112000000);
}

TEST(leaves_of_a_hypervisor_count_only_if_there_is_one)
{
    begin(true, 7);
    set_hypervisor(0x40000000, 0x40000010, "VMwareVMware");
    add_leaf(0x40000010, 2893202, 66000, 0, 0);
    CHECK(tsc_rate() == 0);
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x4000000f, "VMwareVMware");
    add_leaf(0x40000010, 2893202, 66000, 0, 0);
    CHECK(tsc_rate() == 0);
}

TEST(a_ratio_without_a_divisor_is_no_rate)
{
    begin(true, 0x15);
    add_leaf(0x15, 0, 176, 24000000, 0);
    CHECK(tsc_rate() == 0);
    begin(true, 0x15);
    add_leaf(0x15, 2, 0, 24000000, 0);
    CHECK(tsc_rate() == 0);
}

/* A processor whose extended leaves end before the one that would tell. */
TEST(a_tsc_that_is_not_known_to_be_invariant_has_no_rate)
{
    begin(true, 0x15);
    leaves[1].values.a = 0x80000006;
    add_leaf(0x15, 2, 176, 24000000, 0);
    CHECK(tsc_rate() == 0);
    leaves[1].values.a = 0x80000007;
    CHECK(tsc_rate() == 2112000000);
}

TEST(the_clock_starts_at_0_again)
{
    begin(true, 7);
    add_leaf(1, 0, 0, 1u << 31, 0);
    set_hypervisor(0x40000000, 0x40000001, "KVMKVMKVM\0\0");
    add_leaf(0x40000001, 1 << 3, 0, 0, 0);
    kvm_time = 90 * SECOND;
    is_written = true;
    CHECK(kvmclock_start() && kvmclock_now() == 0);
}
