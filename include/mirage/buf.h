/* SPDX-License-Identifier: ISC */
/*
 * buf: a window on an I/O page.
 *
 * A page is memory that a device may see: page-aligned, at a fixed address,
 * with a count of the windows on it. A buf is a window on one page, or on other
 * memory (buf_over), and has one owner, which passes it on or frees it. While a
 * page has two windows, it must not be written. A packet is a list of bufs,
 * headers first.
 *
 * Pages and windows come from a pool, which is filled when devices connect
 * (buf_reserve), so that an allocation costs no system call. When the pool is
 * empty buf_new and buf_share return NULL; the caller drops the packet and
 * counts it. Nothing here blocks.
 */
#ifndef MIRAGE_BUF_H
#define MIRAGE_BUF_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES ((size_t)4096)

/* Allocates count adjacent pages, zeroed. Yours: page_free. NULL: no memory. */
void *page_alloc(size_t count);
void page_free(void *pages, size_t count);

/* The transport header whose checksum a device is asked to fill in. */
enum offload_kind {
    OFFLOAD_NONE, /* the checksum is there, or there is none */
    OFFLOAD_TCP_IPV4,
    OFFLOAD_UDP_IPV4,
    OFFLOAD_TCP_IPV6,
    OFFLOAD_UDP_IPV6,
} __attribute__((packed));

static inline bool offload_is_tcp(enum offload_kind kind)
{
    return kind == OFFLOAD_TCP_IPV4 || kind == OFFLOAD_TCP_IPV6;
}

static inline bool offload_is_ipv6(enum offload_kind kind)
{
    return kind == OFFLOAD_TCP_IPV6 || kind == OFFLOAD_UDP_IPV6;
}

/*
 * The work on a frame that is left to a network device, or that the device has
 * done on a received frame. It stands in the frame's first buf. All zero asks
 * for nothing and promises nothing. (virtio 1.2, 5.1.6, has the same facts in
 * struct virtio_net_hdr.)
 */
struct offload {
    enum offload_kind kind; /* if not NONE, the checksum field holds the folded
                               sum of the pseudo header */
    bool csum_good; /* received: the checksum need not be checked; with a kind,
                       it has not been computed at all */
    uint16_t csum_start; /* with a kind: the transport header's offset in the
                            first buf; the checksum covers all from there on */
    uint16_t segment; /* data bytes of each segment but the last, for a frame
                         that is to be cut, or that was joined from several;
                         0: the frame is one segment */
};

/* The offset of the checksum field from csum_start (RFC 9293, 3.1; RFC 768). */
static inline uint16_t offload_csum_offset(enum offload_kind kind)
{
    return offload_is_tcp(kind)   ? 16
           : kind != OFFLOAD_NONE ? 6
                                  : 0;
}

struct buf {
    uint8_t *data;
    size_t len; /* bytes in this window */
    struct buf *next; /* the rest of the packet, or NULL */
    struct page *page; /* core/buf.c's own */
    struct offload offload;
};

/*
 * Adds count pages, and windows for them, to the pool, from which they are
 * never removed. ERR_NO_MEMORY: none were added.
 */
MUST_CHECK enum status buf_reserve(size_t count);

/* The number of pages of the pool, and of those without windows. */
size_t buf_pages(void);
size_t buf_pages_free(void);

/*
 * Allocates a page and an empty window on it, with headroom bytes before it
 * for headers (at most PAGE_BYTES). Yours: buf_free. NULL: the pool is empty.
 */
struct buf *buf_new(size_t headroom);

/*
 * Makes another window on b's page, on bytes [from, from + len) of b, which
 * must exist; its next is NULL. Yours: buf_free. NULL: the pool is empty.
 */
struct buf *buf_share(const struct buf *b, size_t from, size_t len);

/*
 * Grow the window at the front or at the end by len bytes, and return the new
 * bytes, which are not cleared. b must be the only window on its page
 * (buf_is_sole), and the page must have room (buf_headroom, buf_tailroom):
 * panics otherwise. csum_start of the offload is adjusted.
 */
uint8_t *buf_prepend(struct buf *b, size_t len);
uint8_t *buf_append(struct buf *b, size_t len);

/* Whether b is the only window on a page of the pool, and may be written to. */
bool buf_is_sole(const struct buf *b);

/* The bytes of b's page before and after the window. */
size_t buf_headroom(const struct buf *b);
size_t buf_tailroom(const struct buf *b);

/*
 * Makes a window on len bytes of memory that is not from the pool: a crunched
 * file, a part of the heap, mapped pages. It can be shared, trimmed and sent as
 * any other; buf_is_sole is false, since it must not be written. The
 * memory must not change until release(ctx) is called: once, when the last
 * window on it is freed (by a stack, when the peer has acknowledged the data).
 * release may be NULL, and must not block. Yours: buf_free. NULL: the pool has
 * no windows; release will not be called.
 */
typedef void buf_release(void *ctx);
struct buf *buf_over(const void *data, size_t len, buf_release *release,
                     void *ctx);

/*
 * Whether each page that b touches holds nothing but pool data or, of memory
 * that was given to buf_over, nothing but that memory. A driver must not let a
 * host or another domain read pages of other bufs: it copies these.
 */
bool buf_owns_pages(const struct buf *b);

/*
 * Removes len bytes at the front of the window; len is at most b->len.
 * csum_start of the offload is adjusted.
 */
void buf_trim(struct buf *b, size_t len);

/* The bytes of the list b; 0 for NULL. */
size_t buf_length(const struct buf *b);

/* The number of bufs in the list b; 0 for NULL. */
size_t buf_count(const struct buf *b);

/*
 * Makes a list of windows on bytes [from, from + len) of the list b, which must
 * exist; len is at least 1. The first has no offload. Yours: buf_free. NULL:
 * the pool is empty, and nothing was allocated.
 */
struct buf *buf_share_list(const struct buf *b, size_t from, size_t len);

/* Copies bytes [from, from + len) of the list b, which must exist, to data. */
void buf_copy_out(const struct buf *b, size_t from, void *data, size_t len);

/*
 * Allocates a list of bufs, at least one, and copies len bytes into it; the
 * first has headroom before them. Yours: buf_free. NULL: the pool is empty.
 */
struct buf *buf_copy_in(const void *data, size_t len, size_t headroom);

/*
 * Copies all bytes of the list b, which has at least one, into as few pages as
 * possible, and the offload of its first buf. Yours: buf_free. NULL: the pool
 * is empty.
 */
struct buf *buf_copy(const struct buf *b);

/* Removes len bytes at the front of the list b, and frees bufs that become
 * empty. Returns the rest of the list; NULL: it is empty. */
struct buf *buf_trim_list(struct buf *b, size_t len);

/* buf_pullup of bytes that are not in the first window. */
struct buf *buf_pullup_copy(struct buf *b, size_t len);

/*
 * Returns the list b with at least its first len bytes in its first window,
 * which may have been copied; len is at most PAGE_BYTES. Takes b. NULL: there
 * are fewer bytes, or the pool is empty.
 */
static inline struct buf *buf_pullup(struct buf *b, size_t len)
{
    return b && b->len >= len ? b : buf_pullup_copy(b, len);
}

/* The earlier name of buf_pullup. */
static inline struct buf *buf_pull(struct buf *b, size_t len)
{
    return buf_pullup(b, len);
}

/* Removes all but the first len bytes of the list; len is at least 1. */
void buf_cut(struct buf *b, size_t len);

/* The last buf of a list that is not empty. */
struct buf *buf_last(struct buf *b);

/* Frees the list b; NULL is an empty one. */
void buf_free(struct buf *b);

#endif
