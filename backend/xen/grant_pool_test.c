/* SPDX-License-Identifier: ISC */
/* Pages that stay granted, as lists. */
#include "grant_pool.h"
#include "grant.h"
#include <fake/fake_check.h>
#include <mirage/buf.h>

static struct grant_pool pool;

static unsigned length_of(uint16_t list)
{
    unsigned n = 0;

    for (; list != GRANT_POOL_END && n < 2 * GRANT_POOL_PAGES; n++)
        list = pool.page[list].next;
    return n;
}

static unsigned begin(void)
{
    CHECK(grant_start() == OK);
    grant_pool_init(&pool);
    return grants_free();
}

TEST(lists_have_the_pages_that_were_asked_for_until_the_pool_is_used_up)
{
    unsigned unused = begin();
    uint16_t first, second, third;

    CHECK(grant_pool_alloc(&pool, 7, 500, &first));
    CHECK(length_of(first) == 500 && pool.count == 500);
    CHECK(grants_free() == unused - 500);
    CHECK(!grant_pool_alloc(&pool, 7, 13, &second));
    CHECK(second == GRANT_POOL_END && pool.count == GRANT_POOL_PAGES);
    CHECK(grant_pool_alloc(&pool, 7, 12, &second));
    CHECK(length_of(second) == 12);
    CHECK(!grant_pool_alloc(&pool, 7, 1, &third) && third == GRANT_POOL_END);
    grant_pool_free(&pool, &second);
    CHECK(second == GRANT_POOL_END);
    grant_pool_free(&pool, &second); /* an empty list */
    grant_pool_free(&pool, &first);
    CHECK(length_of(pool.free) == GRANT_POOL_PAGES);
    CHECK(grant_pool_alloc(&pool, 7, GRANT_POOL_PAGES, &third));
    CHECK(length_of(third) == GRANT_POOL_PAGES);
}

TEST(pages_are_writable_by_their_domain_alone_and_used_again)
{
    uint16_t list, again;
    unsigned before;

    (void)begin();
    before = grants_free();
    CHECK(grant_pool_alloc(&pool, 7, 3, &list));
    for (uint16_t i = list; i != GRANT_POOL_END; i = pool.page[i].next) {
        uint32_t grant = pool.page[i].grant;

        CHECK(fake_map(7, grant, true) == pool.page[i].page);
        fake_unmap(grant, true);
        CHECK(!fake_map(8, grant, false));
    }
    grant_pool_free(&pool, &list);
    CHECK(grant_pool_alloc(&pool, 7, 3, &again));
    CHECK(grants_free() == before - 3);
}

TEST(a_mapped_page_is_kept_and_counted_until_it_is_let_go)
{
    unsigned unused = begin();
    size_t pages = fake.pages;
    uint16_t list;
    uint32_t grant;

    CHECK(grant_pool_alloc(&pool, 7, 5, &list));
    CHECK(fake.pages == pages + 5);
    grant = pool.page[2].grant;
    CHECK(fake_map(7, grant, true) != NULL);
    CHECK(grant_pool_reclaim(&pool) == 1);
    CHECK(fake.pages == pages + 1 && grants_free() == unused - 1);
    CHECK(grant_pool_reclaim(&pool) == 1);
    fake_unmap(grant, true);
    CHECK(grant_pool_reclaim(&pool) == 0);
    CHECK(grant_pool_reclaim(&pool) == 0);
    CHECK(fake.pages == pages && grants_free() == unused);
}

TEST(pages_are_granted_to_another_domain_unless_they_are_mapped)
{
    uint16_t list;
    uint32_t grant;

    (void)begin();
    CHECK(grant_pool_alloc(&pool, 7, 5, &list));
    CHECK(grant_pool_regrant(&pool, 9));
    CHECK(!fake_any_grant(7, 8, false));
    for (unsigned i = 0; i < 5; i++) {
        grant = pool.page[i].grant;
        CHECK(fake_map(9, grant, true) == pool.page[i].page);
        fake_unmap(grant, true);
    }
    grant = pool.page[3].grant;
    CHECK(fake_map(9, grant, true) != NULL);
    CHECK(!grant_pool_regrant(&pool, 7));
    fake_unmap(grant, true);
}

TEST(without_a_free_grant_no_page_is_taken)
{
    static uint32_t others[4096];
    void *page = page_alloc(1);
    uint16_t list;
    unsigned n = 0;
    size_t pages;

    (void)begin();
    while (grants_free() > 2)
        others[n++] = grant_access(7, page, false);
    pages = fake.pages;
    CHECK(!grant_pool_alloc(&pool, 7, 3, &list));
    CHECK(pool.count == 2 && fake.pages == pages + 2);
    CHECK(length_of(pool.free) == 2);
    CHECK(grant_end(others[0]));
    CHECK(grant_pool_alloc(&pool, 7, 3, &list));
}
