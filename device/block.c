/* SPDX-License-Identifier: ISC */
/*
 * The front of block devices: checks range and permission, aligns data, and
 * splits requests that are too long for the driver.
 */
#include <mirage/block.h>
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <string.h>

#define BOUNCE_PAGES ((size_t)16) /* at most, for data that is not aligned */

static enum status check(const struct block *b, uint64_t sector,
                         uint64_t count)
{
    if (sector > b->info.sectors || count > b->info.sectors - sector)
        return ERR_RANGE;
    return fiber_yield();
}

static bool needs_no_copy(const struct block *b, const void *data)
{
    return b->ops->takes_any_data || (uintptr_t)data % PAGE_BYTES == 0;
}

/* The sectors of one request: as many as the driver takes, and as fit into the
 * bytes, where 0 is any number. */
static size_t sectors_in(const struct block *b, size_t bytes)
{
    size_t most = b->ops->most;

    if (most == 0 || (bytes > 0 && bytes < most))
        most = bytes;
    return most > 0 ? most / b->info.sector_size : SIZE_MAX;
}

/* Allocates as many pages as a request can use, or fewer, and returns their
 * number; 0: there is no memory. */
static size_t alloc_bounce(const struct block *b, size_t count, void **pages)
{
    size_t n = BOUNCE_PAGES;

    while (n > 1 && (n - 1) * PAGE_BYTES / b->info.sector_size >= count)
        n--;
    while (n > 0 && !(*pages = page_alloc(n)))
        n /= 2;
    return n;
}

enum status block_read(struct block *b, uint64_t sector, void *data,
                       size_t count)
{
    enum status s = check(b, sector, count);
    bool direct = needs_no_copy(b, data);
    size_t size = b->info.sector_size, pages = 0, most;
    void *bounce = NULL;
    uint8_t *to = data;

    if (s || count == 0)
        return s;
    if (!direct && (pages = alloc_bounce(b, count, &bounce)) == 0)
        return ERR_NO_MEMORY;
    most = sectors_in(b, pages * PAGE_BYTES);
    while (s == OK && count > 0) {
        size_t n = count < most ? count : most;

        s = b->ops->read(b, sector, direct ? to : bounce, n);
        if (s == OK && !direct)
            memcpy(to, bounce, n * size);
        sector += n;
        count -= n;
        to += n * size;
    }
    if (bounce)
        page_free(bounce, pages);
    return s;
}

enum status block_write(struct block *b, uint64_t sector, const void *data,
                        size_t count)
{
    enum status s = b->info.writable ? check(b, sector, count)
                                     : ERR_READ_ONLY;
    bool direct = needs_no_copy(b, data);
    size_t size = b->info.sector_size, pages = 0, most;
    void *bounce = NULL;
    const uint8_t *from = data;

    if (s || count == 0)
        return s;
    if (!direct && (pages = alloc_bounce(b, count, &bounce)) == 0)
        return ERR_NO_MEMORY;
    most = sectors_in(b, pages * PAGE_BYTES);
    while (s == OK && count > 0) {
        size_t n = count < most ? count : most;

        if (!direct)
            memcpy(bounce, from, n * size);
        s = b->ops->write(b, sector, direct ? from : bounce, n);
        sector += n;
        count -= n;
        from += n * size;
    }
    if (bounce)
        page_free(bounce, pages);
    return s;
}

enum status block_discard(struct block *b, uint64_t sector, uint64_t count)
{
    enum status s = b->info.writable ? check(b, sector, count)
                                     : ERR_READ_ONLY;

    if (s || count == 0)
        return s;
    return b->ops->discard ? b->ops->discard(b, sector, count)
                           : ERR_UNSUPPORTED;
}

enum status block_flush(struct block *b)
{
    enum status s = fiber_yield();

    return s ? s : b->ops->flush(b);
}

void block_disconnect(struct block *b)
{
    b->ops->disconnect(b);
}
