/* SPDX-License-Identifier: ISC */
/* Pages and windows of the pool, and windows on foreign memory. */
#include "panics.h"
#include <mirage/platform.h>
#define platform_buffers tested_buffers
static void *tested_buffers(size_t count);
#include "buf.c"
#undef platform_buffers
#include "check.h"

static size_t buffers_asked; /* of the platform */

static void *tested_buffers(size_t count)
{
    buffers_asked += count;
    return platform_buffers(count);
}

TEST(an_empty_pool_gives_nothing)
{
    CHECK(buf_new(0) == NULL);
    CHECK(buf_reserve(0) == OK && buf_pages() == 0);
    CHECK(buf_reserve(SIZE_MAX / 100) == ERR_NO_MEMORY && buf_pages() == 0);
    CHECK(buf_reserve(SIZE_MAX) == ERR_NO_MEMORY && buf_pages() == 0);
    CHECK(buffers_asked == 0); /* a multiple of it would be out of range */
}

TEST(a_window_grows_at_both_ends_within_its_page)
{
    struct buf *b;

    CHECK(buf_reserve(2) == OK);
    CHECK(buf_pages() == 2 && buf_pages_free() == 2);
    b = buf_new(100);
    CHECK(b && b->len == 0 && buf_headroom(b) == 100);
    CHECK(buf_tailroom(b) == PAGE_BYTES - 100);
    memcpy(buf_append(b, 5), "world", 5);
    memcpy(buf_prepend(b, 6), "hello ", 6);
    CHECK(b->len == 11 && memcmp(b->data, "hello world", 11) == 0);
    buf_trim(b, 6);
    CHECK(b->len == 5 && memcmp(b->data, "world", 5) == 0);
    buf_append(b, buf_tailroom(b));
    CHECK(buf_tailroom(b) == 0);
    buf_free(b);
    CHECK(buf_pages_free() == 2);
}

TEST(pages_are_aligned_and_seen_by_several_windows)
{
    struct buf *b = buf_new(0), *part;

    CHECK((uintptr_t)b->data % PAGE_BYTES == 0);
    memcpy(buf_append(b, 4), "abcd", 4);
    part = buf_share(b, 1, 2);
    CHECK(part && part->len == 2 && part->data == b->data + 1);
    CHECK(part->next == NULL);
    buf_free(b);
    CHECK(buf_pages_free() == 1);
    CHECK(memcmp(part->data, "bc", 2) == 0);
    buf_free(part);
    CHECK(buf_pages_free() == 2);
}

TEST(a_packet_is_a_list_and_freed_whole)
{
    struct buf *head = buf_new(0), *rest = buf_new(0);

    head->next = rest;
    buf_append(head, 14);
    buf_append(rest, 1000);
    CHECK(buf_length(head) == 1014);
    CHECK(buf_new(0) == NULL);
    buf_free(head);
    CHECK(buf_pages_free() == 2);
    buf_free(NULL);
}

TEST(allocations_without_free_windows_fail_and_lose_no_page)
{
    struct buf *b = buf_new(0), *w[7];

    for (int i = 0; i < 7; i++)
        w[i] = buf_share(b, 0, 0);
    CHECK(w[0] && w[6]);
    CHECK(buf_share(b, 0, 0) == NULL);
    CHECK(buf_new(0) == NULL && buf_pages_free() == 1);
    for (int i = 0; i < 7; i++)
        buf_free(w[i]);
    buf_free(b);
    CHECK(buf_pages_free() == 2);
}

TEST(pages_can_be_had_in_one_piece)
{
    uint8_t *p = page_alloc(16);

    CHECK(p && (uintptr_t)p % PAGE_BYTES == 0 && p[16 * PAGE_BYTES - 1] == 0);
    page_free(p, 16);
    CHECK(page_alloc(SIZE_MAX / PAGE_BYTES) == NULL);
    CHECK(page_alloc(SIZE_MAX) == NULL);
}

/* A list of three bufs with the bytes 0, 1, 2, ... */
static struct buf *three(void)
{
    static const size_t lens[] = {5, 1, 10};
    struct buf *first = NULL, **end = &first;
    uint8_t value = 0;

    for (size_t i = 0; i < 3; i++) {
        uint8_t *p;

        *end = buf_new(8);
        p = buf_append(*end, lens[i]);
        for (size_t j = 0; j < lens[i]; j++)
            p[j] = value++;
        end = &(*end)->next;
    }
    return first;
}

static bool counts_from(const struct buf *b, uint8_t value, size_t len)
{
    uint8_t bytes[32];

    if (buf_length(b) != len)
        return false;
    buf_copy_out(b, 0, bytes, len);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != value + i)
            return false;
    return true;
}

static bool none_is_empty(const struct buf *b)
{
    for (; b; b = b->next)
        if (b->len == 0)
            return false;
    return true;
}

TEST(any_part_of_a_list_can_be_shared_and_copied)
{
    struct buf *list;

    CHECK(buf_reserve(16) == OK);
    list = three();

    for (size_t from = 0; from < 16; from++)
        for (size_t len = 1; from + len <= 16; len++) {
            struct buf *part = buf_share_list(list, from, len);

            CHECK(part && counts_from(part, (uint8_t)from, len));
            CHECK(none_is_empty(part));
            buf_free(part);
        }
    CHECK(buf_last(list)->len == 10);
    buf_free(list);
}

TEST(a_list_is_trimmed_and_cut_anywhere)
{
    size_t before = buf_pages_free();

    for (size_t from = 0; from <= 16; from++)
        for (size_t len = 1; from + len <= 16; len++) {
            struct buf *list = buf_trim_list(three(), from);

            buf_cut(list, len);
            CHECK(counts_from(list, (uint8_t)from, len));
            CHECK(none_is_empty(list));
            buf_free(list);
        }
    CHECK(!buf_trim_list(three(), 16));
    CHECK(buf_pages_free() == before);
}

TEST(bytes_are_copied_into_as_many_bufs_as_it_takes)
{
    static uint8_t data[3 * PAGE_BYTES], back[sizeof data];
    struct buf *list;

    random_bytes(data, sizeof data);
    list = buf_copy_in(data, sizeof data, 100);
    CHECK(list && buf_headroom(list) == 100);
    CHECK(buf_length(list) == sizeof data);
    buf_copy_out(list, 0, back, sizeof back);
    CHECK(memcmp(data, back, sizeof data) == 0);
    buf_free(list);
    list = buf_copy_in(data, 0, 10);
    CHECK(list && list->len == 0 && !list->next);
    buf_free(list);
}

TEST(the_first_bytes_of_a_list_are_pulled_into_one_window)
{
    size_t before = buf_pages_free();

    for (size_t len = 0; len <= 16; len++) {
        struct buf *list = buf_pullup(three(), len);

        CHECK(list && list->len >= len && counts_from(list, 0, 16));
        buf_free(list);
    }
    CHECK(!buf_pullup(three(), 17));
    CHECK(buf_pages_free() == before);
}

TEST(the_window_with_the_first_bytes_keeps_the_offload)
{
    struct buf *list = three();

    list->offload = (struct offload){.segment = 9, .csum_good = true};
    list = buf_pullup(list, 16);
    CHECK(list->len == 16 && !list->next && list->offload.segment == 9);
    CHECK(list->offload.csum_good);
    CHECK(buf_pull(list, 16) == list);
    buf_free(list);
}

TEST(windows_are_made_and_moved_within_their_bounds_only)
{
    struct buf *b = buf_new(PAGE_BYTES), *part;

    CHECK(b && buf_headroom(b) == PAGE_BYTES && buf_tailroom(b) == 0);
    buf_free(b);
    CHECK(PANICS((void)buf_new(PAGE_BYTES + 1)));
    b = buf_new(100);
    buf_append(b, 10);
    CHECK(PANICS(buf_prepend(b, 101)));
    CHECK(PANICS(buf_append(b, PAGE_BYTES - 109)));
    CHECK(PANICS(buf_trim(b, 11)));
    CHECK(PANICS((void)buf_share(b, 11, 0)));
    CHECK(PANICS((void)buf_share(b, 10, 1)));
    CHECK(PANICS((void)buf_share(b, 1, SIZE_MAX)));
    CHECK(b->len == 10 && buf_headroom(b) == 100);
    part = buf_share(b, 10, 0);
    CHECK(part && part->len == 0);
    /* A page with two windows is not written to. */
    CHECK(PANICS(buf_prepend(b, 1)));
    CHECK(PANICS(buf_append(part, 1)));
    buf_free(b);
    CHECK(buf_append(part, 1) == buf_prepend(part, 110) + 110);
    buf_trim(part, 111);
    CHECK(part->len == 0);
    buf_free(part);
}

/* Takes free windows until `leave` are left. */
static struct buf *take_windows(size_t leave)
{
    struct buf *list = buf_new(0);

    while (buf_count(free_windows) > leave) {
        struct buf *w = buf_share(list, 0, 0);

        w->next = list;
        list = w;
    }
    return list;
}

TEST(a_list_that_cannot_be_shared_or_copied_whole_leaves_nothing_behind)
{
    static uint8_t data[3 * PAGE_BYTES];
    struct buf *list = three(), *long_list, *taken;
    size_t before;

    for (size_t windows = 0; windows < 3; windows++) {
        taken = take_windows(windows);
        CHECK(!buf_share_list(list, 0, 16));
        CHECK(buf_count(free_windows) == windows);
        buf_free(taken);
    }
    long_list = buf_copy_in(data, sizeof data, 0);
    CHECK(long_list && buf_count(long_list) == 3);
    for (size_t left = 0; left < 3; left++) {
        struct buf *first = NULL, *pulled = NULL;

        while (buf_pages_free() > left) {
            struct buf *b = buf_new(0);

            b->next = first;
            first = b;
        }
        before = buf_pages_free();
        CHECK(!buf_copy(long_list) && !buf_copy_in(data, sizeof data, 0));
        CHECK(buf_pages_free() == before);
        pulled = buf_share_list(list, 0, 16);
        pulled = buf_pullup(pulled, 16);
        CHECK(!pulled == (left == 0));
        buf_free(pulled);
        CHECK(buf_pages_free() == before);
        buf_free(first);
    }
    buf_free(list);
    buf_free(long_list);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_copy_has_as_few_pages_as_possible)
{
    static uint8_t data[2 * PAGE_BYTES + 1];
    struct buf *list = buf_copy_in(data, 2 * PAGE_BYTES, 4000), *copy;

    CHECK(buf_count(list) == 3);
    copy = buf_copy(list);
    CHECK(buf_count(copy) == 2 && buf_length(copy) == 2 * PAGE_BYTES);
    buf_free(copy);
    buf_free(list);
    list = buf_copy_in(data, sizeof data, 0);
    copy = buf_copy(list);
    CHECK(buf_count(copy) == 3 && buf_last(copy)->len == 1);
    buf_free(copy);
    buf_free(list);
}

TEST(a_new_window_asks_for_nothing)
{
    static const struct offload nothing;
    struct buf *b = buf_new(0), *part;

    b->offload = (struct offload){OFFLOAD_TCP_IPV4, true, 7, 9};
    part = buf_share(b, 0, 0);
    CHECK(memcmp(&part->offload, &nothing, sizeof nothing) == 0);
    buf_free(b);
    part->offload.segment = 3;
    buf_free(part);
    b = buf_new(0);
    CHECK(memcmp(&b->offload, &nothing, sizeof nothing) == 0 && !b->next);
    buf_free(b);
}

TEST(a_front_that_moves_changes_no_offload_that_asks_for_nothing)
{
    struct buf *b = buf_new(40);

    buf_append(b, 20);
    buf_prepend(b, 4);
    buf_trim(b, 3);
    CHECK(b->offload.csum_start == 0);
    buf_free(b);
}

TEST(csum_start_is_adjusted_when_the_front_moves)
{
    struct buf *b = buf_new(40);

    buf_append(b, 20);
    b->offload.csum_start = 0;
    b->offload.kind = OFFLOAD_TCP_IPV4;
    buf_prepend(b, 20);
    buf_prepend(b, 14);
    CHECK(b->offload.csum_start == 34 &&
          b->offload.kind == OFFLOAD_TCP_IPV4);
    buf_trim(b, 14);
    CHECK(b->offload.csum_start == 20);
    buf_free(b);
}

static unsigned released;

static void note_release(void *ctx)
{
    released += *(unsigned *)ctx;
}

TEST(foreign_memory_is_released_once_when_its_last_window_is_freed)
{
    static const char data[] = "not from the pool";
    unsigned one = 1;
    size_t before = buf_pages_free();
    struct buf *b = buf_over(data, sizeof data, note_release, &one), *part;

    released = 0;
    CHECK(b && b->data == (const uint8_t *)data && b->len == sizeof data);
    CHECK(b->next == NULL && b->offload.kind == OFFLOAD_NONE);
    part = buf_share(b, 4, 4);
    CHECK(part && part->data == (const uint8_t *)data + 4);
    buf_trim(b, 9);
    CHECK(b->data == (const uint8_t *)data + 9);
    buf_free(b);
    CHECK(released == 0);
    buf_free(part);
    CHECK(released == 1 && buf_pages_free() == before);
    buf_free(buf_over(data, sizeof data, NULL, NULL));
}

TEST(foreign_memory_has_no_room_and_is_never_sole)
{
    static const uint8_t data[100];
    struct buf *b = buf_over(data, sizeof data, NULL, NULL);

    buf_trim(b, 10);
    CHECK(!buf_is_sole(b));
    CHECK(buf_headroom(b) == 0 && buf_tailroom(b) == 0);
    buf_free(b);
}

TEST(foreign_memory_of_many_pages_is_one_window)
{
    static uint8_t data[5 * PAGE_BYTES], copy[PAGE_BYTES];
    struct buf *b = buf_over(data, sizeof data, NULL, NULL), *list;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 251);
    CHECK(buf_count(b) == 1 && buf_length(b) == sizeof data);
    list = buf_share_list(b, 5000, 9000);
    CHECK(buf_count(list) == 1 && list->data == data + 5000);
    buf_copy_out(list, 4000, copy, sizeof copy);
    CHECK(memcmp(copy, data + 9000, sizeof copy) == 0);
    buf_free(list);
    buf_free(b);
}

TEST(foreign_memory_takes_two_windows_and_gives_both_back)
{
    static const uint8_t data[1];
    struct buf *b = buf_new(0), *list = NULL, *over;
    unsigned one = 1, count = 0;

    released = 0;
    for (struct buf *w; (w = buf_share(b, 0, 0)) != NULL; count++) {
        w->next = list;
        list = w;
    }
    CHECK(count > 2 && buf_over(data, 1, note_release, &one) == NULL);
    over = list;
    list = list->next;
    over->next = NULL;
    buf_free(over);
    CHECK(buf_over(data, 1, note_release, &one) == NULL && released == 0);
    over = list;
    list = list->next;
    over->next = NULL;
    buf_free(over);
    over = buf_over(data, 1, note_release, &one);
    CHECK(over && buf_share(b, 0, 0) == NULL);
    buf_free(over);
    CHECK(released == 1);
    for (unsigned i = 0; i < 2; i++) {
        struct buf *w = buf_share(b, 0, 0);

        CHECK(w != NULL);
        w->next = list;
        list = w;
    }
    CHECK(buf_share(b, 0, 0) == NULL);
    buf_free(list);
    buf_free(b);
}

TEST(only_whole_pages_of_foreign_memory_are_its_own)
{
    static _Alignas(4096) uint8_t data[4 * PAGE_BYTES];
    static const struct {
        size_t from, len; /* of buf_over */
        size_t at, part; /* of the window on it */
        bool owns;
    } cases[] = {
        {0, 4 * PAGE_BYTES, 0, 4 * PAGE_BYTES, true},
        {0, 4 * PAGE_BYTES, 100, 200, true},
        {0, 4 * PAGE_BYTES, 4000, 8000, true},
        {0, 4 * PAGE_BYTES - 1, 3 * PAGE_BYTES - 1, 1, true},
        {0, 4 * PAGE_BYTES - 1, 3 * PAGE_BYTES - 1, 2, false},
        {1, 4 * PAGE_BYTES - 1, 0, 100, false},
        {1, 4 * PAGE_BYTES - 1, PAGE_BYTES - 1, 1, true},
        {1, 4 * PAGE_BYTES - 1, PAGE_BYTES - 2, 2, false},
        {100, 100, 0, 100, false},
    };
    struct buf *pooled = buf_new(10);

    CHECK(buf_owns_pages(pooled));
    buf_free(pooled);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf *b = buf_over(data + cases[i].from, cases[i].len, NULL,
                                 NULL);
        struct buf *part = buf_share(b, cases[i].at, cases[i].part);

        CHECK(buf_owns_pages(part) == cases[i].owns);
        buf_free(part);
        buf_free(b);
    }
}

TEST(bufs_of_a_list_are_counted)
{
    struct buf *b = buf_new(0);

    CHECK(buf_count(NULL) == 0 && buf_count(b) == 1);
    b->next = buf_share(b, 0, 0);
    CHECK(buf_count(b) == 2);
    buf_free(b);
}

TEST(a_copy_has_the_bytes_and_the_offload_in_pages_of_its_own)
{
    size_t before = buf_pages_free();
    struct buf *list = three(), *copy;

    list->offload.segment = 7;
    copy = buf_copy(list);
    CHECK(buf_count(copy) == 1 && counts_from(copy, 0, 16));
    CHECK(copy->offload.segment == 7 && copy->data != list->data);
    CHECK(buf_is_sole(copy));
    buf_free(list);
    buf_free(copy);
    CHECK(buf_pages_free() == before);
}
