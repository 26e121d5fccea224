/* SPDX-License-Identifier: ISC */
/* The balloon (virtio 1.2, 5.5) of an image of 8 MiB, all of it free, on a fake
 * device. */
#define _GNU_SOURCE
#include <mirage/platform.h>
/* Time goes on while the driver waits; the test's process has its own. */
#define platform_now tested_now
nanoseconds tested_now(void);
#include "balloon_virtio.c"
#undef platform_now
#include "check.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <virtio/fake/balloon.h>

#define PAGES    2048u /* of the image */
#define MODERN   BIT(VIRTIO_F_VERSION_1)
#define ON_OOM   BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM)
#define TELL     BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST)
#define DECLINED (BIT(VIRTIO_BALLOON_F_STATS_VQ) |       \
                  BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT) | \
                  BIT(VIRTIO_BALLOON_F_PAGE_POISON) |    \
                  BIT(VIRTIO_BALLOON_F_REPORTING))

static struct fake_balloon host;
static uint8_t *image; /* its pages, at addresses whose frames have 32 bits */
static bool is_free[PAGES];
static size_t free_pages;
static nanoseconds now;
static unsigned waits;
static bool asks_back; /* whoever allocates a page */
static bool breaks; /* the host lies, in place of an answer */

static struct start boot = {.regions = 1,
                            .region = {{0, PAGES *BARE_PAGE}}};
nanoseconds tested_now(void)
{
    return now;
}

void machine_wait(nanoseconds deadline)
{
    CHECK(now < deadline);
    now += MILLISECOND;
    if (++waits != 3)
        return;
    if (breaks)
        virtio_broken(&host.fake->device, "is tested");
    else
        fake_balloon_answer(&host);
}

size_t pages_free_count(void)
{
    return free_pages;
}

void *pages_alloc(size_t count)
{
    CHECK(count == 1);
    if (asks_back)
        CHECK(!balloon_take_back(1));
    for (unsigned i = 0; i < PAGES; i++)
        if (is_free[i]) {
            is_free[i] = false;
            free_pages--;
            return image + i * BARE_PAGE;
        }
    return NULL;
}

void pages_release(void *pages, size_t count)
{
    size_t n = (size_t)((uint8_t *)pages - image) / BARE_PAGE;

    CHECK(count == 1 && n < PAGES && !is_free[n]);
    CHECK(!host.has[n] || host.fake->device.is_gone);
    is_free[n] = true;
    free_pages++;
}

/* Uses pages of the image, or frees them again. */
static void use(unsigned count)
{
    for (unsigned i = 0; i < PAGES && count > 0; i++)
        if (is_free[i]) {
            is_free[i] = false;
            free_pages--;
            count--;
        }
    CHECK(count == 0);
}

static void settle(void)
{
    CHECK(time_sleep(3 * SECOND) == OK);
}

static void begin_as(uint64_t features, bool is_legacy)
{
    if (!image)
        image = mmap(NULL, PAGES * BARE_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    CHECK(image != MAP_FAILED);
    fake_remove_all();
    fake_balloon_add(&host, features, is_legacy);
    host.first = (uint32_t)((uintptr_t)image / BARE_PAGE);
    memset(is_free, true, sizeof is_free);
    free_pages = PAGES;
    platform_start_info = &boot;
    device = NULL;
    notes = NULL;
    inside = 0;
    inflate.count = deflate.count = 0;
    now = 0;
    waits = 0;
    breaks = false;
    balloon_start(virtio_devices());
    settle();
    CHECK(host.fake->device.is_running && host.pages == 0);
}

static void begin(uint64_t features)
{
    begin_as(features | MODERN, false);
}

static void want(uint32_t pages)
{
    fake_balloon_want(&host, pages);
    settle();
}

static void check_notes(void)
{
    size_t count = 0;

    for (const struct note *n = notes; n; n = n->next) {
        CHECK(n->count <= NOTED);
        count += n->count;
    }
    CHECK(count == inside);
}

static void follow(void)
{
    want(1000);
    CHECK(host.pages == 1000 && fake_balloon_actual(&host) == 1000);
    CHECK(free_pages >= PAGES - 1000 - 3 && host.most <= BATCH);
    check_notes();
    want(1500);
    check_notes();
    CHECK(host.pages == 1500 && fake_balloon_actual(&host) == 1500);
    want(10);
    CHECK(host.pages == 10 && fake_balloon_actual(&host) == 10);
    want(0);
    CHECK(host.pages == 0 && fake_balloon_actual(&host) == 0);
    CHECK(free_pages >= PAGES - 1);
}

TEST(memory_shrinks_and_grows_as_the_host_wants_it)
{
    begin(DECLINED);
    CHECK((host.fake->accepted & DECLINED) == 0);
    follow();
}

TEST(the_same_with_a_packed_ring)
{
    begin(BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_RING_F_EVENT_IDX));
    follow();
}

TEST(the_same_with_a_legacy_device)
{
    begin_as(0, true);
    follow();
}

TEST(the_same_with_a_host_that_must_be_told)
{
    begin(TELL | ON_OOM);
    CHECK(virtio_has(&host.fake->device, VIRTIO_BALLOON_F_MUST_TELL_HOST));
    follow();
}

TEST(a_host_that_answers_late_is_waited_for)
{
    begin(TELL);
    want(100);
    CHECK(host.pages == 100);
    host.is_slow = true;
    want(0);
    CHECK(free_pages <= PAGES - 100);
    fake_balloon_answer(&host);
    settle();
    CHECK(free_pages >= PAGES - 1 && host.pages == 0);
}

TEST(some_free_pages_stay_in_the_image)
{
    begin(0);
    want(PAGES);
    CHECK(free_pages >= SPARE - 8 && free_pages <= SPARE);
    want(0);
    CHECK(free_pages >= PAGES - 1);
}

TEST(pages_in_use_are_given_when_they_are_freed)
{
    begin(0);
    use(1500);
    want(1000);
    CHECK(host.pages < 500);
    for (unsigned i = 0; i < 1500; i++)
        pages_release(image + i * BARE_PAGE, 1);
    settle();
    CHECK(host.pages == 1000);
}

TEST(impossible_numbers_of_pages_are_ignored)
{
    begin(0);
    want(100);
    want(PAGES + 1);
    CHECK(host.pages == 100);
    want(UINT32_MAX);
    CHECK(host.pages == 100);
    want(50);
    CHECK(host.pages == 50);
}

TEST(memory_that_the_image_is_short_of_is_taken_back)
{
    begin(ON_OOM | TELL);
    want(1800);
    use((unsigned)free_pages);
    CHECK(balloon_pages() == 1800);
    host.is_slow = true;
    CHECK(balloon_take_back(1));
    CHECK(waits == 3 && free_pages >= SPARE);
    CHECK(host.pages == 1800 - SPARE);
    CHECK(fake_balloon_actual(&host) == 1800 - SPARE);
}

TEST(nothing_is_taken_back_for_what_is_given)
{
    begin(ON_OOM);
    want(100);
    asks_back = true;
    want(200);
    asks_back = false;
    CHECK(host.pages == 200 && waits == 0);
}

TEST(the_host_is_told_the_size_again_after_a_reset)
{
    begin(0);
    want(100);
    memset(host.fake->config + 4, 0, 4); /* actual */
    fake_need_reset(host.fake);
    settle();
    CHECK(fake_balloon_actual(&host) == 100);
}

TEST(a_host_that_is_gone_is_not_waited_for)
{
    begin(ON_OOM);
    want(1800);
    use((unsigned)free_pages);
    host.is_slow = breaks = true;
    CHECK(!balloon_take_back(1));
    CHECK(waits == 3);
}

TEST(memory_is_taken_back_while_the_host_is_given_some)
{
    begin(ON_OOM);
    want(100);
    host.is_slow = true;
    want(150);
    CHECK(inflate.count == 50 && inside == 100);
    CHECK(balloon_take_back(1));
    check_notes();
    CHECK(host.pages == 50 && inside == 50);
}

TEST(the_balloon_is_not_a_device_of_another_type)
{
    struct fake *other = fake_new(MODERN, false);

    fake_remove_all();
    fake_add(other, VIRTIO_ID_RNG);
    host.fake = fake_new(MODERN, false);
    fake_add(host.fake, VIRTIO_ID_BALLOON);
    device = NULL;
    balloon_start(virtio_devices());
    settle();
    CHECK(!other->device.driver && host.fake->device.driver == &driver);
}

TEST(a_host_that_does_not_answer_gives_no_memory_back)
{
    begin(ON_OOM);
    want(1800);
    use((unsigned)free_pages);
    host.is_slow = true;
    waits = 3; /* it has answered for the last time */
    CHECK(!balloon_take_back(1));
    CHECK(now == 100 * MILLISECOND);
}

TEST(nothing_is_taken_back_from_a_host_that_does_not_permit_it)
{
    begin(TELL);
    want(1800);
    CHECK(balloon_pages() == 0 && !balloon_take_back(1));
    CHECK(host.pages == 1800);
}

TEST(requests_are_made_again_after_a_reset)
{
    begin(TELL);
    want(300);
    host.is_slow = true;
    fake_balloon_want(&host, 600);
    CHECK(time_sleep(MILLISECOND) == OK);
    fake_need_reset(host.fake);
    settle();
    host.is_slow = false;
    fake_balloon_answer(&host);
    settle();
    CHECK(host.pages == 600 && fake_balloon_actual(&host) == 600);
    want(0);
    CHECK(host.pages == 0 && free_pages >= PAGES - 1);
}

TEST(pages_of_a_host_that_breaks_the_specification_are_the_images_again)
{
    begin(0);
    want(700);
    virtio_broken(&host.fake->device, "lies");
    settle();
    CHECK(free_pages >= PAGES - 1);
}

TEST(pages_of_a_host_that_must_be_told_are_lost_with_it)
{
    begin(TELL);
    want(700);
    virtio_broken(&host.fake->device, "lies");
    settle();
    CHECK(free_pages < PAGES - 700 + 1);
}

TEST(a_length_that_the_device_says_of_a_request_means_nothing)
{
    begin(0);
    host.written = 77;
    follow();
}

static void return_what_it_has_not(struct fake *f, unsigned index)
{
    fake_give_as(f, index, 5, 1, 0, 1);
}

TEST(a_device_that_returns_what_it_does_not_have_is_given_up)
{
    begin(0);
    host.fake->notified = return_what_it_has_not;
    want(100);
    CHECK(host.fake->device.is_gone);
    CHECK(free_pages >= PAGES - 1);
}
