/* SPDX-License-Identifier: ISC */
/* What `xl mem-set` asks for. An image of 4 MiB, all of it free. */
#include "balloon.h"
#include <fake/fake_check.h>

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

static void set(const char *target)
{
    store_set(TARGET, target);
    CHECK(time_sleep(SECOND / 2) == OK);
}

static bool is_said(const char *text)
{
    return strstr(console_text(), text) != NULL;
}

TEST(memory_is_given_back_and_comes_again)
{
    begin();
    set("1024");
    CHECK(fake.given_back == 768);
    CHECK(fake.free_pages >= 250 && fake.free_pages <= 256);
    set("3072");
    CHECK(fake.given_back == 256);
    set("4096");
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
    CHECK(!is_said("warning"));
}

TEST(what_is_wanted_at_the_start_is_so_at_the_start)
{
    store_set("memory/static-max", "4096");
    store_set(TARGET, "2048");
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 512);
}

TEST(what_is_in_use_is_given_back_when_it_is_freed)
{
    begin();
    fake.free_pages = 500;
    set("1024");
    CHECK(fake.given_back > 350 && fake.given_back < 400);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(is_said("is to have 1024 KiB, and has "));
    CHECK(is_said(": the rest is in use"));
    fake.free_pages += 500;
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.given_back == 768);
}

TEST(the_image_keeps_pages_for_itself)
{
    begin();
    set("0");
    CHECK(fake.free_pages >= 120 && fake.free_pages <= 128);
    set("4096");
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
}

TEST(what_xen_has_not_comes_when_it_has)
{
    begin();
    set("1024");
    fake.spare_pages = 100;
    set("4096");
    CHECK(fake.given_back == 668);
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(is_said("is to have 4096 KiB, and has 1424: Xen has no more for it"));
    fake.spare_pages = 4096;
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(fake.given_back == 0);
}

TEST(what_makes_no_sense_is_passed_over)
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

TEST(where_there_is_no_limit_nothing_is_done)
{
    store_set(TARGET, "1024");
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 0);
}
