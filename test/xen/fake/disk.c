/* SPDX-License-Identifier: ISC */
/* A fake of xen-blkback over any block device that does not block. */
#include "disk.h"
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 512u

static struct fake_disk *disk_of(struct backend *b)
{
    return containing(b, struct fake_disk, backend);
}

static uint32_t below(struct fake_disk *d, uint32_t bound)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->seed >> 33) % bound;
}

static void unmap_ring(struct fake_disk *d)
{
    for (unsigned i = 0; i < d->pages; i++)
        fake_unmap(d->page[i], true);
    d->pages = 0;
}

static void connect(struct backend *b)
{
    struct fake_disk *d = disk_of(b);
    bool many = *backend_read_front(b, "ring-page-order");
    unsigned long order = many ? backend_read_number(b, "ring-page-order") : 0;
    uint8_t *ring = NULL;

    if (order > 2)
        fake_fail("a ring of %lu pages", 1ul << order);
    if (strcmp(backend_read_front(b, "protocol"), "x86_64-abi") != 0)
        fake_fail("protocol \"%s\"", backend_read_front(b, "protocol"));
    for (unsigned i = 0; i < 1u << order; i++) {
        char name[16];
        void *page;

        snprintf(name, sizeof name, many ? "ring-ref%u" : "ring-ref", i);
        page = backend_map(b, name, &d->page[i]);
        if (i == 0)
            ring = page;
        else if (ring + i * PAGE_BYTES != page)
            fake_fail("the ring's pages are not one after the other, as this "
                      "fake needs them");
        d->pages++;
    }
    BACK_RING_INIT(&d->ring, (blkif_sring_t *)ring, PAGE_BYTES << order);
}

/* Requests in flight get no response. */
static void disconnect(struct backend *b)
{
    struct fake_disk *d = disk_of(b);

    memset(d->request, 0, sizeof d->request);
    d->in_flight = 0;
    unmap_ring(d);
    for (uint32_t grant = 0; grant < sizeof d->is_kept; grant++)
        if (d->is_kept[grant]) {
            fake_unmap(grant, true);
            d->is_kept[grant] = false;
        }
}

static void check_segments(const struct fake_disk *d,
                           const struct disk_request *r, uint64_t at)
{
    const struct block_info *info = &d->store->info;
    uint64_t units = 0;

    for (unsigned i = 0; i < r->segments; i++) {
        const struct blkif_request_segment *s = &r->segment[i];

        if (s->first_sect > s->last_sect || s->last_sect >= PAGE_BYTES / UNIT)
            fake_fail("a segment from sector %u to %u", s->first_sect,
                      s->last_sect);
        units += s->last_sect - s->first_sect + 1u;
    }
    if ((at * UNIT) % info->sector_size || (units * UNIT) % info->sector_size)
        fake_fail("a request of %llu units at %llu, of a disk with sectors of "
                  "%u",
                  (unsigned long long)units, (unsigned long long)at,
                  info->sector_size);
}

/* Reads a number of the offers. */
static uint64_t offered(const struct fake_disk *d, const char *name,
                        uint64_t otherwise)
{
    const char *at = strstr(d->backend.offers, name);

    return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

static void read_indirect(struct fake_disk *d, struct disk_request *r)
{
    const blkif_request_indirect_t *many = (const void *)&r->ring;
    size_t len;

    r->segments = many->nr_segments;
    if (r->segments > offered(d, "feature-max-indirect-segments=", 0) ||
        r->segments > sizeof r->segment / sizeof r->segment[0])
        fake_fail("an indirect request of %u segments", r->segments);
    len = r->segments * sizeof r->segment[0];
    if (!fake_copy(0, many->indirect_grefs[0], 0, r->segment, len, false))
        fake_fail("the segments are in no page that is granted");
}

static void check_discard(const struct fake_disk *d,
                          const struct disk_request *r)
{
    const blkif_request_discard_t *none = (const void *)&r->ring;
    unsigned long long from = none->sector_number * UNIT;
    unsigned long long len = none->nr_sectors * UNIT;
    unsigned long long first = offered(d, "discard-alignment=", 0);
    unsigned long long granule;

    granule = offered(d, "discard-granularity=", d->store->info.sector_size);
    if (offered(d, "feature-discard=", 0) != 1)
        fake_fail("a discard, which is not offered");
    if (none->flag != 0)
        fake_fail("a discard with flags %x, of no use for a hint", none->flag);
    if (len == 0 || from < first || (from - first) % granule || len % granule)
        fake_fail("a discard of %llu bytes at %llu, of granules of %llu", len,
                  from, granule);
}

static unsigned operation_of(const struct disk_request *r)
{
    const blkif_request_indirect_t *many = (const void *)&r->ring;

    return r->ring.operation == BLKIF_OP_INDIRECT ? many->indirect_op
                                                  : r->ring.operation;
}

static uint64_t place_of(const struct disk_request *r)
{
    const blkif_request_indirect_t *many = (const void *)&r->ring;

    return r->ring.operation == BLKIF_OP_INDIRECT ? many->sector_number
                                                  : r->ring.sector_number;
}

static uint64_t id_of(const struct disk_request *r)
{
    const blkif_request_indirect_t *many = (const void *)&r->ring;

    return r->ring.operation == BLKIF_OP_INDIRECT ? many->id : r->ring.id;
}

static void handle_request(struct fake_disk *d, RING_IDX at)
{
    struct disk_request *r = d->request;

    while (r->is_there)
        r++;
    memset(r, 0, sizeof *r);
    RING_COPY_REQUEST(&d->ring, at, &r->ring);
    if (r->ring.operation == BLKIF_OP_INDIRECT) {
        read_indirect(d, r);
    } else if (r->ring.operation == BLKIF_OP_DISCARD) {
        check_discard(d, r);
    } else {
        r->segments = r->ring.nr_segments;
        if (r->segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
            fake_fail("a request of %u segments", r->segments);
        memcpy(r->segment, r->ring.seg, r->segments * sizeof r->segment[0]);
    }
    check_segments(d, r, place_of(r));
    r->is_there = true;
    r->due = fake.now + d->latency;
    if (d->latency_spread)
        r->due += below(d, (uint32_t)d->latency_spread);
    if (++d->in_flight > d->most_in_flight)
        d->most_in_flight = d->in_flight;
    if (r->segments > d->most_segments)
        d->most_segments = r->segments;
}

static void handle_requests(struct fake_disk *d)
{
    int more = true;

    while (more) {
        RING_IDX end = d->ring.sring->req_prod;

        if (RING_REQUEST_PROD_OVERFLOW(&d->ring, end))
            fake_fail("more requests than the ring has room for");
        while (d->ring.req_cons != end)
            handle_request(d, d->ring.req_cons++);
        RING_FINAL_CHECK_FOR_REQUESTS(&d->ring, more);
    }
}

static uint8_t *page_of(struct fake_disk *d, uint32_t grant, bool write)
{
    uint8_t *page;

    if (d->keeps_pages && grant < sizeof d->is_kept && d->is_kept[grant]) {
        page = fake_map(0, grant, true); /* mapped already */
        if (page)
            fake_unmap(grant, true);
        return page;
    }
    page = fake_map(0, grant, write || d->keeps_pages);
    if (page && d->keeps_pages && grant < sizeof d->is_kept)
        d->is_kept[grant] = true;
    return page;
}

static size_t bytes_of(const struct blkif_request_segment *s)
{
    return UNIT * (s->last_sect + 1u - s->first_sect);
}

/* Copies one segment to or from sector `at` of the store. */
static enum status move_segment(struct fake_disk *d,
                                const struct blkif_request_segment *seg,
                                uint64_t at, size_t count, bool is_write)
{
    uint8_t *page = page_of(d, seg->gref, !is_write), *data;
    enum status s;

    if (!page)
        fake_fail("grant %u of a request permits nothing", seg->gref);
    data = page + seg->first_sect * UNIT;
    if (at + count > d->store->info.sectors)
        s = ERR_IO;
    else if (is_write)
        s = d->store->ops->write(d->store, at, data, count);
    else
        s = d->store->ops->read(d->store, at, data, count);
    if (!d->keeps_pages)
        fake_unmap(seg->gref, !is_write);
    return s;
}

static int16_t move(struct fake_disk *d, const struct disk_request *r,
                    bool is_write)
{
    uint32_t size = d->store->info.sector_size;
    uint64_t at = place_of(r) * UNIT / size;
    enum status s = OK;

    for (unsigned i = 0; i < r->segments && s == OK; i++) {
        size_t count = bytes_of(&r->segment[i]) / size;

        s = move_segment(d, &r->segment[i], at, count, is_write);
        at += count;
    }
    return s == OK ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
}

static int16_t flush(struct fake_disk *d, const struct disk_request *r)
{
    if (r->segments > 0)
        fake_fail("a flush with data");
    return d->store->ops->flush(d->store) == OK ? BLKIF_RSP_OKAY
                                                : BLKIF_RSP_ERROR;
}

static int16_t discard(struct fake_disk *d, const struct disk_request *r)
{
    const blkif_request_discard_t *none = (const void *)&r->ring;
    const struct block_info *info = &d->store->info;
    uint64_t at = none->sector_number;
    uint64_t count = none->nr_sectors;

    at = at * UNIT / info->sector_size;
    count = count * UNIT / info->sector_size;
    if (at > info->sectors || count > info->sectors - at)
        return BLKIF_RSP_ERROR;
    d->discarded += count;
    return d->store->ops->discard(d->store, at, count) == OK ? BLKIF_RSP_OKAY
                                                             : BLKIF_RSP_ERROR;
}

static int16_t execute(struct fake_disk *d, const struct disk_request *r)
{
    const char *offers = d->backend.offers;
    int16_t status;

    if (d->on_request &&
        d->on_request(d, operation_of(r), place_of(r), &status))
        return status;
    switch (operation_of(r)) {
    case BLKIF_OP_READ:
        d->reads++;
        return move(d, r, false);
    case BLKIF_OP_WRITE:
        d->writes++;
        return move(d, r, true);
    case BLKIF_OP_DISCARD:
        d->discards++;
        return discard(d, r);
    case BLKIF_OP_FLUSH_DISKCACHE:
        d->flushes++;
        return strstr(offers, "flush-cache=1") ? flush(d, r)
                                               : BLKIF_RSP_EOPNOTSUPP;
    case BLKIF_OP_WRITE_BARRIER:
        d->barriers++;
        return strstr(offers, "barrier=1") ? flush(d, r)
                                           : BLKIF_RSP_EOPNOTSUPP;
    }
    fake_fail("operation %u", operation_of(r));
}

static void respond(struct fake_disk *d, struct disk_request *r)
{
    blkif_response_t *to = RING_GET_RESPONSE(&d->ring, d->ring.rsp_prod_pvt++);
    int notify;

    to->id = id_of(r);
    to->operation = (uint8_t)operation_of(r);
    to->status = execute(d, r);
    r->is_there = false;
    d->in_flight--;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&d->ring, notify);
    if (notify)
        backend_notify(&d->backend);
}

static void act(struct backend *b)
{
    struct fake_disk *d = disk_of(b);

    if (b->is_notified)
        handle_requests(d);
    b->is_notified = false;
    for (struct disk_request *r = d->request; r < d->request + DISK_REQUESTS;
         r++)
        if (r->is_there && r->due <= fake.now)
            respond(d, r);
}

static nanoseconds next(struct backend *b)
{
    struct fake_disk *d = disk_of(b);
    nanoseconds sooner = b->is_notified ? fake.now : FOREVER;

    for (struct disk_request *r = d->request; r < d->request + DISK_REQUESTS;
         r++)
        if (r->is_there && r->due < sooner)
            sooner = r->due;
    return sooner;
}

void disk_add(struct fake_disk *d, unsigned number, const char *offers)
{
    d->backend = (struct backend){
        .kind = "vbd",
        .number = number,
        .offers = offers,
        .connect = connect,
        .disconnect = disconnect,
        .act = act,
        .next = next,
    };
    backend_add(&d->backend);
}

struct block *disk_connect(struct fake_disk *d, uint64_t sectors,
                           unsigned number, const char *name,
                           const char *offers)
{
    struct block *b = NULL;

    if (!d->store)
        require(block_ram_connect(sectors, 512, &d->store) == OK);
    disk_add(d, number, offers);
    require(block_xen_connect(name, &b) == OK && b);
    return b;
}
