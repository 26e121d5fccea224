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
    struct buf *b = buf_new(0), *w[3];

    for (int i = 0; i < 3; i++)
        w[i] = buf_share(b, 0, 0);
    CHECK(w[0] && w[1] && w[2]);
    CHECK(buf_share(b, 0, 0) == NULL);
    CHECK(buf_new(0) == NULL && buf_pages_free() == 1);
    for (int i = 0; i < 3; i++)
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
