/* SPDX-License-Identifier: ISC */
/*
 * buf: a window on an I/O page.
 *
 * A page is memory that a device may see: page-aligned, at a fixed place,
 * counted. A buf is a window on one page and has one owner, who passes it on
 * or frees it. While a page has two windows, nobody writes to it. A packet is
 * a list of bufs, headers first.
 *
 * Pages and windows come from a pool, filled when devices connect
 * (buf_reserve), so that taking one costs no system call; when the pool is
 * empty buf_new and buf_share give NULL, and the caller drops the packet and
 * counts it. Nothing here blocks.
 */
#ifndef MIRAGE_BUF_H
#define MIRAGE_BUF_H

#include <mirage/status.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES ((size_t)4096)

/* count pages in one piece, zeroed, yours: page_free. NULL: no memory. */
void *page_alloc(size_t count);
void  page_free(void *pages, size_t count);

struct buf {
    uint8_t     *data;
    size_t       len;  /* bytes in this window */
    struct buf  *next; /* the rest of the packet, or NULL */
    struct page *page; /* core/buf.c's own */
};

/*
 * Adds count pages, and windows for them, to the pool, for good.
 * ERR_NO_MEMORY: none were added.
 */
MUST_CHECK enum status buf_reserve(size_t count);

/* Pages in the pool, and those of them that nobody has a window on. */
size_t buf_pages(void);
size_t buf_pages_free(void);

/*
 * An empty window on a fresh page, with headroom bytes (at most PAGE_BYTES)
 * before it for headers. Yours: buf_free. NULL: the pool is empty.
 */
struct buf *buf_new(size_t headroom);

/*
 * Another window on b's page, on bytes [from, from + len) of b (they must be
 * there); its next is NULL. Yours: buf_free. NULL: the pool is empty.
 */
struct buf *buf_share(const struct buf *b, size_t from, size_t len);

/*
 * Grow the window at the front or at the end by len bytes and return the new
 * bytes, which are not cleared. b must be the only window on its page and the
 * page must have room (buf_headroom, buf_tailroom): a bug otherwise, panics.
 */
uint8_t *buf_prepend(struct buf *b, size_t len);
uint8_t *buf_append(struct buf *b, size_t len);
size_t   buf_headroom(const struct buf *b);
size_t   buf_tailroom(const struct buf *b);

/* Forgets len bytes at the front; len is at most b->len. */
void buf_trim(struct buf *b, size_t len);

/* The bytes in b and what follows it. */
size_t buf_length(const struct buf *b);

/* Frees b and what follows it. NULL is fine. */
void buf_free(struct buf *b);

#endif
