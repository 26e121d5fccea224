/* SPDX-License-Identifier: ISC */
/* Frames in pages that may be granted: in place, split, or copied. */
#include "tx_frame.h"
#include <fake/fake_check.h>
#include <mirage/buf.h>
#include <mirage/fiber.h>

static _Alignas(4096) uint8_t foreign[20 * 4096];

static void reserve(void)
{
    CHECK(buf_reserve(100) == OK);
    for (size_t i = 0; i < sizeof foreign; i++)
        foreign[i] = (uint8_t)(i * 7 + i / 4096);
}

static void release(void *ctx)
{
    unsigned *released = ctx;

    ++*released;
}

/* The form of a frame over foreign memory, with its bytes checked. Returns the
 * number of bufs; 0: it was refused. */
static size_t form_of(size_t from, size_t len, size_t most, bool *in_place)
{
    static uint8_t back[sizeof foreign];
    unsigned released = 0;
    struct buf *b = buf_over(foreign, sizeof foreign, release, &released);
    struct buf *window = buf_share(b, from, len);
    size_t count = 0;

    buf_free(b);
    window->offload = (struct offload){.kind = OFFLOAD_TCP_IPV4,
                                       .csum_start = 34};
    b = tx_frame(window, most);
    *in_place = true;
    for (const struct buf *at = b; at; at = at->next, count++) {
        uintptr_t first = (uintptr_t)at->data / PAGE_BYTES;

        CHECK(at->len > 0);
        CHECK(((uintptr_t)at->data + at->len - 1) / PAGE_BYTES == first);
        *in_place = *in_place && at->data >= foreign &&
                    at->data < foreign + sizeof foreign;
    }
    if (b) {
        CHECK(buf_length(b) == len && b->offload.csum_start == 34);
        buf_copy_out(b, 0, back, len);
        CHECK(memcmp(back, foreign + from, len) == 0);
    }
    buf_free(b);
    CHECK(released == 1);
    return count;
}

TEST(a_frame_lies_in_as_many_pages_as_a_backend_takes)
{
    bool in_place;

    reserve();
    CHECK(form_of(0, 4096, 1, &in_place) == 1 && in_place);
    CHECK(form_of(1, 4095, 1, &in_place) == 1 && in_place);
    CHECK(form_of(4095, 2, 2, &in_place) == 2 && in_place);
    CHECK(form_of(4095, 2, 1, &in_place) == 1 && !in_place);
    CHECK(form_of(0, 18 * 4096, 18, &in_place) == 18 && in_place);
    CHECK(form_of(1, 18 * 4096 - 2, 18, &in_place) == 18 && in_place);
    CHECK(form_of(4096, 2 * 4096, 2, &in_place) == 2 && in_place);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_frame_with_more_bytes_than_the_pages_hold_is_refused)
{
    bool in_place;

    reserve();
    CHECK(form_of(0, 4097, 1, &in_place) == 0);
    CHECK(form_of(0, 19 * 4096, 18, &in_place) == 0);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_frame_in_one_page_of_the_pool_is_sent_as_it_is)
{
    struct buf *b, *made;

    reserve();
    b = buf_copy_in(foreign, 1000, 64);
    made = tx_frame(b, 1);
    CHECK(made == b);
    buf_free(made);
    b = buf_copy_in(foreign, 1000, 64);
    b->next = buf_copy_in(foreign, 10, 0);
    made = tx_frame(b, 2);
    CHECK(made == b && made->next);
    buf_free(made);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(an_empty_pool_refuses_a_copy_and_leaks_nothing)
{
    struct buf *all = NULL, *b;
    unsigned released = 0;
    bool in_place;

    reserve();
    fake_heap_at(foreign, sizeof foreign);
    CHECK(form_of(0, 60, 1, &in_place) == 1 && !in_place);
    while ((b = buf_new(0)) != NULL) {
        b->next = all;
        all = b;
    }
    b = buf_over(foreign, 4096, release, &released);
    CHECK(!b || !tx_frame(b, 18));
    CHECK(!b || released == 1);
    buf_free(all);
    CHECK(buf_pages_free() == buf_pages());
}
