/* SPDX-License-Identifier: ISC */
/*
 * blkfront with a hostile backend (backend.h): every request ends, only granted
 * pages are touched, and no page stays granted.
 *
 * The first bytes of the input are wrong values in xenstore and the requests;
 * the rest are actions of the backend.
 */
#include "backend.h"

#include <xen/vbd_name.c>
#include <xen/grant_pool.c>
#include <xen/block_ring.c>
#include <xen/block_xen.c>

#define USERS 6

static struct offer offers[] = {{"backend-id", "7", 0},
                                {"backend", "/local/domain/7/b", 0},
                                {"sectors", "300", 0},
                                {"sector-size", "512", 0},
                                {"info", "0", 0},
                                {"feature-flush-cache", "1", 0},
                                {"feature-barrier", "1", 0},
                                {"feature-max-indirect-segments", "256", 0},
                                {"max-ring-page-order", "2", 0},
                                {"feature-discard", "1", 0},
                                {"discard-granularity", "4096", 0},
                                {"discard-alignment", "512", 0}};
static const size_t offers_count = sizeof offers / sizeof offers[0];
static uint8_t choices[USERS];

static unsigned find_rings(struct ring rings[2])
{
    struct disk *d = disk_of_front(channel->ctx);

    rings[0] = (struct ring){
        .shared = d->pages.pages,
        .head = offsetof(blkif_sring_t, ring),
        .entry = sizeof(union blkif_sring_entry),
        .request_id = offsetof(blkif_request_t, id),
        .id_bytes = 8,
        .status = offsetof(blkif_response_t, status),
        .size = RING_SIZE(&d->ring),
    };
    return 1;
}

static enum status request(struct block *b, unsigned what, uint8_t *data)
{
    uint64_t sectors = b->info.sectors, at = what * 7u % 300;
    size_t count = what * 5u % 130 + 1;

    if (count * b->info.sector_size > 200 * 512)
        count = 1;
    if (at + count > sectors)
        return ERR_RANGE;
    switch (what % 4) {
    case 0:
        return block_write(b, at, data, count);
    case 1:
        return block_discard(b, at, count);
    case 2:
        return block_flush(b);
    default:
        return block_read(b, at, data, count);
    }
}

static void use(void *ctx)
{
    unsigned what = *(uint8_t *)ctx;
    uint8_t *data = malloc(200 * 512);

    memset(data, 1, 200 * 512);
    for (int i = 0; i < 8; i++, what = what * 31 + 7) {
        enum status s = request(
            watched ? &((struct disk *)taken[0].at)->block : NULL, what, data);

        check(s == OK || s == ERR_IO || s == ERR_GONE || s == ERR_NO_MEMORY ||
              s == ERR_RANGE || s == ERR_READ_ONLY || s == ERR_UNSUPPORTED);
        if (s == ERR_GONE)
            break;
    }
    (free)(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fiber *f;
    struct block *b;

    begin(data, size);
    for (unsigned n = next_byte() % 4u; n > 0; n--)
        offers[next_byte() % offers_count].wrong = next_byte();
    if (block_xen_connect("51712", &b) == OK) {
        for (unsigned i = 0; i < USERS; i++) {
            choices[i] = next_byte();
            check(fiber_spawn(NULL, use, &choices[i], &f) == OK);
        }
    } else {
        unmap_all();
        check(reclaim_all(&((struct disk *)taken[0].at)->front) == 0);
    }
    finish_all(0);
    return 0;
}
