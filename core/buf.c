/* SPDX-License-Identifier: ISC */
/*
 * A pool of pages and windows.
 *
 * A reservation is one piece of memory: its pages, then a struct page for each,
 * then four windows for each page (the device and the retransmission queue have
 * windows on a packet at once, and a page may be sent in several segments).
 * Free ones are in lists; nothing is given back to the platform.
 */
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define WINDOWS 4 /* for each page */

struct page {
    uint8_t *bytes;
    union {
        struct page *next; /* of the free ones, of the pool */
        size_t len; /* of a foreign one */
    };
    unsigned windows; /* on it */
    bool is_foreign; /* a struct foreign */
};

/* Memory of buf_over. It takes the place of a window, so that there is one as
 * long as there are windows, and none need be reserved. */
struct foreign {
    struct page page;
    buf_release *release;
    void *ctx;
};

_Static_assert(sizeof(struct foreign) <= sizeof(struct buf),
               "a foreign page takes the place of a window");

static struct page *free_pages;
static struct buf *free_windows;
static size_t pages, pages_free;

void *page_alloc(size_t count)
{
    return platform_pages(count);
}

void page_free(void *at, size_t count)
{
    platform_pages_free(at, count);
}

size_t buf_pages(void)
{
    return pages;
}

size_t buf_pages_free(void)
{
    return pages_free;
}

enum status buf_reserve(size_t count)
{
    size_t each = sizeof(struct page) + WINDOWS * sizeof(struct buf);
    uint8_t *bytes;
    struct page *page;
    struct buf *window;

    if (count == 0)
        return OK;
    if (count > SIZE_MAX / (PAGE_BYTES + each) - 1)
        return ERR_NO_MEMORY;
    bytes = platform_buffers(count +
                             (count * each + PAGE_BYTES - 1) / PAGE_BYTES);
    if (!bytes)
        return ERR_NO_MEMORY;
    page = (struct page *)(void *)(bytes + count * PAGE_BYTES);
    window = (struct buf *)(void *)(page + count);
    for (size_t i = 0; i < count; i++, page++) {
        *page = (struct page){.bytes = bytes + i * PAGE_BYTES,
                              .next = free_pages};
        free_pages = page;
        for (int w = 0; w < WINDOWS; w++, window++) {
            window->next = free_windows;
            free_windows = window;
        }
    }
    pages += count;
    pages_free += count;
    return OK;
}

static struct buf *new_window(struct page *page, uint8_t *data, size_t len)
{
    struct buf *b = free_windows;

    free_windows = b->next;
    *b = (struct buf){data, len, NULL, page, {0}};
    page->windows++;
    return b;
}

struct buf *buf_new(size_t headroom)
{
    struct page *page = free_pages;

    require(headroom <= PAGE_BYTES);
    if (!page || !free_windows)
        return NULL;
    free_pages = page->next;
    pages_free--;
    return new_window(page, page->bytes + headroom, 0);
}

struct buf *buf_over(const void *data, size_t len, buf_release *release,
                     void *ctx)
{
    struct buf *place = free_windows;
    struct foreign *f = (struct foreign *)(void *)place;
    uint8_t *bytes = (uint8_t *)(uintptr_t)data;

    if (!place || !place->next)
        return NULL;
    free_windows = place->next;
    *f = (struct foreign){
        .page = {.bytes = bytes, .len = len, .is_foreign = true},
        .release = release,
        .ctx = ctx,
    };
    return new_window(&f->page, bytes, len);
}

struct buf *buf_share(const struct buf *b, size_t from, size_t len)
{
    require(from <= b->len && len <= b->len - from);
    if (!free_windows)
        return NULL;
    return new_window(b->page, b->data + from, len);
}

bool buf_is_sole(const struct buf *b)
{
    return b->page->windows == 1 && !b->page->is_foreign;
}

bool buf_owns_pages(const struct buf *b)
{
    const struct page *page = b->page;
    uintptr_t from = (uintptr_t)page->bytes, at = (uintptr_t)b->data;
    uintptr_t first = at / PAGE_BYTES * PAGE_BYTES;
    uintptr_t last = (at + b->len + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

    return !page->is_foreign || (first >= from && last <= from + page->len);
}

size_t buf_headroom(const struct buf *b)
{
    return b->page->is_foreign ? 0 : (size_t)(b->data - b->page->bytes);
}

size_t buf_tailroom(const struct buf *b)
{
    return b->page->is_foreign ? 0 : PAGE_BYTES - buf_headroom(b) - b->len;
}

uint8_t *buf_prepend(struct buf *b, size_t len)
{
    require(buf_is_sole(b) && len <= buf_headroom(b));
    b->data -= len;
    b->len += len;
    if (b->offload.kind != OFFLOAD_NONE)
        b->offload.csum_start = (uint16_t)(b->offload.csum_start + len);
    return b->data;
}

uint8_t *buf_append(struct buf *b, size_t len)
{
    require(buf_is_sole(b) && len <= buf_tailroom(b));
    b->len += len;
    return b->data + b->len - len;
}

void buf_trim(struct buf *b, size_t len)
{
    require(len <= b->len);
    b->data += len;
    b->len -= len;
    if (b->offload.kind != OFFLOAD_NONE)
        b->offload.csum_start = (uint16_t)(b->offload.csum_start - len);
}

size_t buf_length(const struct buf *b)
{
    size_t len = 0;

    for (; b; b = b->next)
        len += b->len;
    return len;
}

size_t buf_count(const struct buf *b)
{
    size_t count = 0;

    for (; b; b = b->next)
        count++;
    return count;
}

struct buf *buf_share_list(const struct buf *b, size_t from, size_t len)
{
    struct buf *first = NULL, **end = &first;

    while (b && from >= b->len) {
        from -= b->len;
        b = b->next;
    }
    for (; len > 0; b = b->next, from = 0) {
        size_t n = min(len, b->len - from);

        if (n == 0)
            continue;
        *end = buf_share(b, from, n);
        if (!*end) {
            buf_free(first);
            return NULL;
        }
        end = &(*end)->next;
        len -= n;
    }
    return first;
}

void buf_copy_out(const struct buf *b, size_t from, void *data, size_t len)
{
    uint8_t *to = data;

    for (; len > 0; b = b->next) {
        size_t n;

        if (from >= b->len) {
            from -= b->len;
            continue;
        }
        n = min(len, b->len - from);
        memcpy(to, b->data + from, n);
        from = 0;
        to += n;
        len -= n;
    }
}

struct buf *buf_copy_in(const void *data, size_t len, size_t headroom)
{
    const uint8_t *from = data;
    struct buf *first = NULL, **end = &first;

    do {
        struct buf *b = buf_new(headroom);
        size_t n;

        if (!b) {
            buf_free(first);
            return NULL;
        }
        n = min(len, buf_tailroom(b));
        if (n > 0)
            memcpy(buf_append(b, n), from, n);
        *end = b;
        end = &b->next;
        headroom = 0;
        from += n;
        len -= n;
    } while (len > 0);
    return first;
}

struct buf *buf_copy(const struct buf *b)
{
    struct buf *first = NULL, **end = &first;
    size_t len = buf_length(b);

    for (size_t at = 0; at < len;) {
        size_t n = min(len - at, PAGE_BYTES);

        *end = buf_new(0);
        if (!*end) {
            buf_free(first);
            return NULL;
        }
        buf_copy_out(b, at, buf_append(*end, n), n);
        end = &(*end)->next;
        at += n;
    }
    if (first)
        first->offload = b->offload;
    return first;
}

struct buf *buf_trim_list(struct buf *b, size_t len)
{
    while (b && len >= b->len) {
        struct buf *next = b->next;

        len -= b->len;
        b->next = NULL;
        buf_free(b);
        b = next;
    }
    if (len > 0)
        buf_trim(b, len);
    return b;
}

struct buf *buf_pullup_copy(struct buf *b, size_t len)
{
    struct buf *whole = buf_length(b) < len ? NULL : buf_new(0);

    if (!whole) {
        buf_free(b);
        return NULL;
    }
    buf_copy_out(b, 0, buf_append(whole, len), len);
    whole->offload = b->offload;
    whole->next = buf_trim_list(b, len);
    return whole;
}

void buf_cut(struct buf *b, size_t len)
{
    while (len > b->len) {
        len -= b->len;
        b = b->next;
    }
    b->len = len;
    buf_free(b->next);
    b->next = NULL;
}

struct buf *buf_last(struct buf *b)
{
    while (b->next)
        b = b->next;
    return b;
}

static void free_window(struct buf *b)
{
    b->next = free_windows;
    free_windows = b;
}

static void release_foreign(struct page *page)
{
    struct foreign f = *(struct foreign *)(void *)page;

    free_window((struct buf *)(void *)page);
    if (f.release)
        f.release(f.ctx);
}

static void free_page(struct page *page)
{
    page->next = free_pages;
    free_pages = page;
    pages_free++;
}

void buf_free(struct buf *b)
{
    while (b) {
        struct buf *next = b->next;
        struct page *page = b->page;

        free_window(b);
        if (--page->windows == 0)
            page->is_foreign ? release_foreign(page) : free_page(page);
        b = next;
    }
}
