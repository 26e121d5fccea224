/* SPDX-License-Identifier: ISC */
/* Tests of ballooning: an image of 4 MiB, all of it free, follows the targets
 * that `xl mem-set` writes to xenstore. */
#include "balloon.h"
#include <fake/fake_check.h>
#include <xen/memory.h>

#define TARGET "memory/target"

static void begin(void)
{
    store_set("memory/static-max", "4096");
    store_set(TARGET, "4096");
    fake.spare_pages = 4096;
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 0);
}

/* NULL: removes the entry. */
static void set(const char *target)
{
    store_set(TARGET, target);
    CHECK(time_sleep(SECOND / 2) == OK);
}

static bool is_logged(const char *text)
{
    return strstr(console_text(), text) != NULL;
}

TEST(memory_shrinks_and_grows_with_the_target)
{
    begin();
    set("1024");
    CHECK(fake.given_back == 768);
    CHECK(fake.free_pages >= 250 && fake.free_pages <= 256);
    set("3072");
    CHECK(fake.given_back == 256);
    set("4096");
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
    CHECK(!is_logged("warning"));
}

TEST(the_target_at_the_start_is_obeyed)
{
    store_set("memory/static-max", "4096");
    store_set(TARGET, "2048");
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 512);
}

TEST(pages_in_use_are_given_back_when_they_are_freed)
{
    begin();
    fake.free_pages = 500;
    set("1024");
    CHECK(fake.given_back > 350 && fake.given_back < 400);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(is_logged("is to have 1024 KiB, and has "));
    CHECK(is_logged(": the rest is in use"));
    fake.free_pages += 500;
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.given_back == 768);
}

TEST(some_free_pages_stay_in_the_image)
{
    begin();
    set("0");
    CHECK(fake.free_pages >= 120 && fake.free_pages <= 128);
    set("4096");
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
}

TEST(memory_that_xen_lacks_is_populated_when_xen_has_it)
{
    begin();
    set("1024");
    fake.spare_pages = 100;
    set("4096");
    CHECK(fake.given_back == 668);
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(is_logged("is to have 4096 KiB, and has 1424: "
                    "Xen has no more for it"));
    fake.spare_pages = 4096;
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(fake.given_back == 0);
}

TEST(impossible_targets_are_ignored)
{
    static const char *const targets[] = {"", "-1", "a lot", "4100",
                                          "99999999999999999999"};

    begin();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        set(targets[i]);
        CHECK(fake.given_back == 0);
    }
    set(NULL);
    set("2048");
    CHECK(fake.given_back == 512);
}

TEST(without_static_max_the_target_is_ignored)
{
    store_set(TARGET, "1024");
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 0);
}

/* Xen gives more frames than it was asked for. */
static bool give_too_many(unsigned long number, unsigned long command,
                          void *argument, long *result)
{
    const struct xen_memory_reservation *r = argument;

    if (number != __HYPERVISOR_memory_op || command != XENMEM_populate_physmap)
        return false;
    fake.given_back -= r->nr_extents;
    *result = (long)r->nr_extents + 1000;
    return true;
}

TEST(frames_beyond_those_that_were_asked_for_are_not_used)
{
    begin();
    set("3072");
    CHECK(fake.given_back == 256);
    fake.on_hypercall = give_too_many;
    set("3100");
    CHECK(fake.given_back == 249);
    set("4096");
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
}

/* A guest whose memory map ends before the memory that it can have. */
TEST(memory_beyond_that_of_the_start_is_populated)
{
    store_set("memory/static-max", "8192");
    store_set(TARGET, "4096");
    fake.spare_pages = 4096;
    fake.extension = 1024;
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.extended_to == 2048);
    CHECK(fake.given_back == 1024 && fake.free_pages == 1024);
    set("6144");
    CHECK(fake.given_back == 512 && fake.free_pages == 1536);
    set("5000");
    CHECK(fake.given_back == 798);
    set("8192");
    CHECK(fake.given_back == 0 && fake.free_pages == 2048);
    CHECK(!is_logged("warning"));
}
