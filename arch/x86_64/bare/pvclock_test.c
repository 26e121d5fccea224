/* SPDX-License-Identifier: ISC */
/* The clock of Xen and KVM, on a page of the test. */
#include <arch/cpu.h>
#define rdtsc        tested_rdtsc
#define load_fence() (fences++)

static unsigned fences;

static uint64_t tested_rdtsc(void);

#include "pvclock.c"
#include "check.h"
#include <mirage/random.h>

static struct vcpu_time_info page;

/* Called whenever the TSC is read, in place of the hypervisor. */
static void (*meanwhile)(void);
static uint64_t tsc;
static int reads;

static uint64_t tested_rdtsc(void)
{
    reads++;
    CHECK(fences % 2 == 1); /* between the two reads of the version */
    if (meanwhile)
        meanwhile();
    return tsc;
}

static void begin(uint32_t mul, int8_t shift)
{
    page = (struct vcpu_time_info){.version = 2,
                                   .tsc_timestamp = 1000,
                                   .system_time = 5000,
                                   .tsc_to_system_mul = mul,
                                   .tsc_shift = shift};
    meanwhile = NULL;
    reads = 0;
}

TEST(time_is_that_of_the_page_plus_the_tsc_since)
{
    begin(0x80000000, 0); /* 2 GHz: half a nanosecond a tick */
    CHECK(pvclock_at(&page, 1000) == 5000);
    CHECK(pvclock_at(&page, 1001) == 5000);
    CHECK(pvclock_at(&page, 1002) == 5001);
    CHECK(pvclock_at(&page, 2001000) == 1005000);
    tsc = 3000;
    CHECK(pvclock_now(&page) == 6000);
    CHECK(reads == 1 && fences % 2 == 0);
}

TEST(the_shift_may_be_negative)
{
    begin(0x80000000, 1); /* 1 GHz */
    CHECK(pvclock_at(&page, 2000) == 6000);
    begin(0x80000000, -1); /* 4 GHz */
    CHECK(pvclock_at(&page, 5000) == 6000);
    CHECK(pvclock_at(&page, 5003) == 6000); /* shifted first */
    begin(0xffffffff, -3);
    CHECK(pvclock_at(&page, 9000) == 5999);
}

/* Products of more than 64 bits, compared with an exact computation. */
TEST(time_after_years_is_exact_to_a_nanosecond)
{
    for (int i = 0; i < 1000000; i++) {
        uint64_t passed, wanted, low, high;

        random_bytes(&page, sizeof page);
        page.tsc_shift = (int8_t)(-(int)random_below(8));
        random_bytes(&passed, sizeof passed);
        passed >>= random_below(64);
        low = passed >> -page.tsc_shift;
        high = (low >> 32) * page.tsc_to_system_mul;
        low = (low & 0xffffffff) * page.tsc_to_system_mul >> 32;
        wanted = page.system_time + high + low;
        CHECK(pvclock_at(&page, page.tsc_timestamp + passed) == wanted);
    }
}

static void write_all(void)
{
    if (reads == 1) {
        page.version += 2;
        page.system_time = 100000;
        page.tsc_timestamp = tsc = 90000;
    }
}

TEST(a_page_that_changes_during_a_read_is_read_again)
{
    begin(0x80000000, 0);
    tsc = 3000;
    meanwhile = write_all;
    CHECK(pvclock_now(&page) == 100000);
    CHECK(reads == 2);
}

/* An odd version, with an old time and a new timestamp. */
static void write_in_steps(void)
{
    if (reads < 4) {
        page.version = 3;
        page.tsc_timestamp = 8000;
    } else {
        page.version = 4;
        page.system_time = 9000;
        tsc = 8200;
    }
}

TEST(a_page_with_an_odd_version_is_read_again)
{
    begin(0x80000000, 0);
    tsc = 3000;
    meanwhile = write_in_steps;
    CHECK(pvclock_now(&page) == 9100);
    CHECK(reads == 5);
}
