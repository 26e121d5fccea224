/* SPDX-License-Identifier: ISC */
#include "buf.c"
#include "check.h"

TEST(an_empty_pool_gives_nothing)
{
    CHECK(buf_new(0) == NULL);
    CHECK(buf_reserve(0) == OK && buf_pages() == 0);
    CHECK(buf_reserve(SIZE_MAX / 100) == ERR_NO_MEMORY && buf_pages() == 0);
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

TEST(when_windows_run_out_nothing_is_lost)
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

TEST(any_part_of_a_list_can_be_shared_and_copied)
{
    struct buf *list;

    CHECK(buf_reserve(16) == OK);
    list = three();

    for (size_t from = 0; from < 16; from++)
        for (size_t len = 1; from + len <= 16; len++) {
            struct buf *part = buf_share_list(list, from, len);

            CHECK(part && counts_from(part, (uint8_t)from, len));
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
        struct buf *list = buf_pull(three(), len);

        CHECK(list && list->len >= len && counts_from(list, 0, 16));
        buf_free(list);
    }
    CHECK(!buf_pull(three(), 17));
    CHECK(buf_pages_free() == before);
}

TEST(the_place_of_a_checksum_moves_with_the_front)
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
