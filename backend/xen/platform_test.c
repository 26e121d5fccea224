/* SPDX-License-Identifier: ISC */
/* A whole guest, with all the services that guest_run starts. */
#include <fake/fake.h>
#include "check.h"
#include <mirage/log.h>
#include <mirage/platform.h>
#include <string.h>

static bool is_logged(const char *text)
{
    CHECK(time_sleep(SECOND) == OK);
    return strstr(console_text(), text) != NULL;
}

TEST(a_guest_hears_requests_of_the_toolstack)
{
    CHECK(time_sleep(SECOND) == OK);
    store_set("control/shutdown", "dance");
    CHECK(is_logged("asked for \"dance\", which this image cannot do"));
}

static void set_sizes(void)
{
    store_set("memory/static-max", "4096");
    store_set("memory/target", "4096");
}

TEST(a_guest_follows_its_memory_target)
{
    fake.spare_pages = 1024;
    set_sizes(); /* the services have not run yet */
    CHECK(time_sleep(SECOND) == OK);
    store_set("memory/target", "3072");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.given_back == 256);
}

TEST(a_seed_is_entropy_and_no_copy_goes_unnoticed)
{
    uint8_t seed[32] = {0}, none[32] = {0};
    size_t before = fake.entropy;

    platform_seed(seed, sizeof seed);
    CHECK(memcmp(seed, none, sizeof seed) != 0);
    CHECK(fake.entropy == before + sizeof seed);
    /* Suspending reseeds; nothing else copies a guest. */
    CHECK(!platform_is_copied());
}

TEST(answers_and_output_go_to_the_console)
{
    platform_answer("an answer\n", 10);
    platform_put("some output\n", 12);
    CHECK(is_logged("an answer\nsome output\n"));
}

static void note_reason(unsigned reason)
{
    CHECK(reason == 3); /* SHUTDOWN_crash */
    CHECK(strstr(console_text(), "last words\n") != NULL);
}

TEST(an_image_that_ends_with_an_error_has_crashed_and_its_output_is_there)
{
    fake.ended = note_reason;
    platform_put("last words\n", 11);
    platform_exit(3);
}

int main(void)
{
    int passed = 0, failed = 0;

    fake_is_whole = true;
    for (struct test *t = tests, *next; t; t = next) {
        next = t->next;
        t->next = NULL;
        tests = t;
        fake_run(t->name, &checks_failed) ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
