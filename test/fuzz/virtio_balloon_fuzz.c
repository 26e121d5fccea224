/* SPDX-License-Identifier: ISC */
/*
 * The balloon of a hostile host (virtio 1.2, 5.5): no page is freed twice, and
 * no more are given than the image has.
 */
#define _GNU_SOURCE
#include "virtio_host.h"
#include <sys/mman.h>
#include <virtio/balloon_virtio.c>

#define PAGES 512u

static uint8_t *image; /* at addresses whose frames have 32 bits */
static bool is_free[PAGES];
static size_t free_pages;
static struct start boot = {.regions = 1,
                            .region = {{0, PAGES *BARE_PAGE}}};
const struct start *platform_start_info = &boot;

void machine_wait(nanoseconds deadline)
{
    (void)deadline;
    fuzz_now += 10 * MILLISECOND;
    if (fuzz_left > 0)
        act();
}

size_t pages_free_count(void)
{
    return free_pages;
}

void *pages_alloc(size_t count)
{
    check(count == 1);
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

    check(count == 1 && n < PAGES && !is_free[n]);
    is_free[n] = true;
    free_pages++;
}

static void follow_host(void)
{
    static bool is_begun;

    memset(is_free, true, sizeof is_free);
    free_pages = PAGES;
    notes = NULL;
    inside = 0;
    inflate.count = deflate.count = 0;
    if (!is_begun) {
        is_begun = true;
        balloon_start(&fuzzed);
    } else {
        device = &fuzzed;
        if (virtio_start(&fuzzed, &driver, NULL) != OK)
            return;
    }
    while (fuzz_left > 0) {
        act();
        if (next_byte() % 16 == 0)
            (void)balloon_take_back(1);
        (void)time_sleep(MILLISECOND);
        check(inside <= PAGES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!image)
        image = mmap(NULL, PAGES * BARE_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    check(image != MAP_FAILED);
    begin_device(VIRTIO_ID_BALLOON, data, size);
    follow_host();
    end_device();
    return 0;
}
