/* SPDX-License-Identifier: ISC */
/*
 * blkfront: disks whose backend is in another domain (xen/io/blkif.h). Data is
 * copied through pages that stay granted (persistent grants), so that a backend
 * reaches no other page. Requests without a response when the backend goes away
 * are sent again when it is back.
 */
#include "block_ring.h"
#include <mirage/drivers.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <xen/io/protocols.h>

#define INDIRECT   "feature-max-indirect-segments"
#define SEGMENTS   256u /* the most pages of a request */
#define RING_ORDER 2u /* at most; a ring has 1 << order pages */
#define STACK      16384

LOG_SOURCE(block);

static struct disk *disk_of(struct block *b)
{
    return containing(b, struct disk, block);
}

/* Takes the pages that a request needs from the pool, or none. */
static bool alloc_pages(struct disk *d, struct request *r)
{
    size_t pages = pages_of(r->len);

    if (!grant_pool_alloc(&d->pool, d->front.domain, pages, &r->data))
        return false;
    if (pages <= DIRECT ||
        grant_pool_alloc(&d->pool, d->front.domain, 1, &r->indirect))
        return true;
    grant_pool_free(&d->pool, &r->data);
    return false;
}

static void copy(struct disk *d, const struct request *r, uint8_t *data,
                 bool is_write)
{
    size_t at = 0;

    for (uint16_t i = r->data; at < r->len; i = d->pool.page[i].next) {
        size_t n = min(r->len - at, PAGE_BYTES);

        if (is_write)
            memcpy(d->pool.page[i].page, data + at, n);
        else
            memcpy(data + at, d->pool.page[i].page, n);
        at += n;
    }
}

/* The fiber is shielded from cancellation, and callers check again. */
static void wait(struct waiters *w)
{
    if (wait_until(w, FOREVER) != OK)
        return;
}

/* Submits a request and waits for its end. Cancellation does not end it, since
 * its memory is in use. */
static enum status perform(struct disk *d, struct request *r, uint8_t *data)
{
    enum status s;

    r->data = r->indirect = GRANT_POOL_END;
    fiber_shield();
    while (!d->is_gone &&
           !(block_ring_has_slot(d) && !d->waiting && alloc_pages(d, r))) {
        if (block_ring_has_slot(d) && d->users == 0) {
            fiber_unshield();
            return ERR_NO_MEMORY;
        }
        wait(&d->room);
    }
    if (d->is_gone) {
        fiber_unshield();
        return ERR_GONE;
    }
    d->users++;
    if (r->operation == BLKIF_OP_WRITE)
        copy(d, r, data, true);
    block_ring_submit(d, r);
    s = completion_wait(&r->completion);
    if (r->operation == BLKIF_OP_READ && s == OK)
        copy(d, r, data, false);
    grant_pool_free(&d->pool, &r->data);
    grant_pool_free(&d->pool, &r->indirect);
    d->users--;
    wake_all(&d->room);
    fiber_unshield();
    return s;
}

static enum status transfer(struct block *b, uint8_t operation,
                            uint64_t sector, uint8_t *data, size_t count)
{
    struct disk *d = disk_of(b);
    size_t size = b->info.sector_size;
    struct request r = {.operation = operation,
                        .at = sector * (size / UNIT),
                        .len = count * size};
    enum status s = perform(d, &r, data);

    if (s == ERR_IO)
        log_error(&block, "%s: %s failed at sector %llu", d->name,
                  operation == BLKIF_OP_READ ? "reading" : "writing",
                  (unsigned long long)sector);
    return s;
}

static enum status xen_read(struct block *b, uint64_t sector, void *data,
                            size_t count)
{
    return transfer(b, BLKIF_OP_READ, sector, data, count);
}

static enum status xen_write(struct block *b, uint64_t sector,
                             const void *data, size_t count)
{
    return transfer(b, BLKIF_OP_WRITE, sector, (uint8_t *)(uintptr_t)data,
                    count);
}

/*
 * Discards the whole granules among the sectors. A secure discard
 * (BLKIF_DISCARD_SECURE), which makes the contents unrecoverable, is more than
 * the contract promises.
 */
static enum status xen_discard(struct block *b, uint64_t sector, uint64_t count)
{
    struct disk *d = disk_of(b);
    uint64_t units = b->info.sector_size / UNIT;
    struct request r = {.operation = BLKIF_OP_DISCARD,
                        .at = sector * units,
                        .end = (sector + count) * units};
    enum status s;

    if (d->is_gone)
        return ERR_GONE;
    if (!d->can_discard)
        return ERR_UNSUPPORTED;
    s = perform(d, &r, NULL);
    if (s == ERR_IO)
        log_error(&block, "%s: discarding failed at sector %llu", d->name,
                  (unsigned long long)sector);
    return s;
}

static enum status xen_flush(struct block *b)
{
    struct disk *d = disk_of(b);
    struct request r = {.operation = BLKIF_OP_FLUSH_DISKCACHE};

    if (!d->can_flush && !d->can_barrier)
        return d->is_gone ? ERR_GONE : OK;
    return perform(d, &r, NULL);
}

static void xen_disconnect(struct block *b)
{
    (void)b; /* the image has it to its end */
}

static enum status make_ring(struct disk *d)
{
    uint64_t order = front_read_number(&d->front, "max-ring-page-order", 0);
    blkif_sring_t *shared;
    enum status s;

    d->ring_order = (unsigned)min(order, RING_ORDER);
    s = ring_alloc(&d->pages, d->front.domain, 1u << d->ring_order);
    if (s != OK)
        return s;
    shared = d->pages.pages;
    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&d->ring, shared, PAGE_BYTES << d->ring_order);
    return OK;
}

/* Publishes the pages as ring-ref and as ring-ref%u, so that a backend never
 * reads an entry that an earlier connection has left. */
static enum status publish_ring(struct disk *d)
{
    char value[RING_PAGES][12], name[RING_PAGES][12];
    char order[4], port[12];
    struct xenstore_entry entries[RING_PAGES + 6];
    size_t n = 0;

    for (unsigned i = 0; i < d->pages.count; i++) {
        text_format(name[i], sizeof name[i], "ring-ref%u", i);
        text_format(value[i], sizeof value[i], "%u", d->pages.grant[i]);
        entries[n++] = (struct xenstore_entry){name[i], value[i]};
    }
    text_format(order, sizeof order, "%u", d->ring_order);
    text_format(port, sizeof port, "%u", d->front.event.port);
    entries[n++] = (struct xenstore_entry){"ring-ref", value[0]};
    entries[n++] = (struct xenstore_entry){"ring-page-order", order};
    entries[n++] = (struct xenstore_entry){"event-channel", port};
    entries[n++] = (struct xenstore_entry){"protocol",
                                           XEN_IO_PROTO_ABI_NATIVE};
    entries[n++] = (struct xenstore_entry){"feature-persistent", "1"};
    entries[n++] = (struct xenstore_entry){"state", "3"}; /* Initialised */
    return front_publish(&d->front, entries, n);
}

/* A disk that comes back must have the size and mode that it had. */
static bool is_the_same(struct disk *d, const struct block_info *info)
{
    const struct block_info *before = &d->block.info;

    if (before->sector_size == 0 || memcmp(before, info, sizeof *info) == 0)
        return true;
    log_error(&block, "%s: it is another disk than before", d->name);
    return false;
}

/* Granules that are no whole sectors, or do not start at one, are not used. */
static void read_discard(struct disk *d, uint64_t sector_size)
{
    uint64_t size =
        front_read_number(&d->front, "discard-granularity", sector_size);
    uint64_t from = front_read_number(&d->front, "discard-alignment", 0);

    d->can_discard = front_read_number(&d->front, "feature-discard", 0) == 1 &&
                     size > 0 && size % sector_size == 0 &&
                     from % sector_size == 0;
    d->granule = size / UNIT;
    d->granule_at = from / UNIT;
}

static enum status publish(struct front *f)
{
    struct disk *d = disk_of_front(f);
    enum status s = make_ring(d);

    return s == OK ? publish_ring(d) : s;
}

/* Reads what the backend offers, once it is connected. */
static enum status read_offers(struct front *f)
{
    struct disk *d = disk_of_front(f);
    struct block_info info;
    uint64_t units = front_read_number(f, "sectors", 0);
    uint64_t size = front_read_number(f, "sector-size", UNIT);
    uint64_t many = front_read_number(f, INDIRECT, 0);

    if (size < UNIT || size > PAGE_BYTES || (size & (size - 1)) != 0 ||
        units > UINT64_MAX / UNIT) {
        log_error(&block,
                  "%s: its backend says that it has %llu sectors of %llu "
                  "bytes, which cannot be",
                  d->name, (unsigned long long)units,
                  (unsigned long long)size);
        return ERR_FORMAT;
    }
    memset(&info, 0, sizeof info); /* padding too, for memcmp */
    info.sector_size = (uint32_t)size;
    info.sectors = units / (size / UNIT);
    info.writable = !(front_read_number(f, "info", 0) & VDISK_READONLY);
    if (!is_the_same(d, &info))
        return ERR_GONE;
    d->can_flush = front_read_number(f, "feature-flush-cache", 0) == 1;
    d->can_barrier = front_read_number(f, "feature-barrier", 0) == 1;
    read_discard(d, size);
    many = clamp(many, DIRECT, SEGMENTS);
    d->ops.most = d->most = many * PAGE_BYTES;
    d->block.info = info;
    return front_set_state(f, XenbusStateConnected);
}

/*
 * Frees the rings of earlier connections. The last one is set aside if the
 * backend still has it mapped: Linux's blkback, if it has I/O in flight when
 * the frontend closes, unmaps the ring only when it connects to the next one.
 * Pages prevent a new connection only if BLOCK_OLD_RINGS are set aside already.
 */
static unsigned reclaim_rings(struct front *f)
{
    struct disk *d = disk_of_front(f);
    unsigned held = ring_free(&d->pages);

    for (unsigned i = 0; i < BLOCK_OLD_RINGS; i++)
        if (ring_free(&d->old[i]) == 0 && held > 0) {
            d->old[i] = d->pages;
            d->pages.pages = NULL;
            held = 0;
        }
    return held;
}

static unsigned reclaim_all(struct front *f)
{
    struct disk *d = disk_of_front(f);
    unsigned held = grant_pool_reclaim(&d->pool) + reclaim_rings(f);

    for (unsigned i = 0; i < BLOCK_OLD_RINGS; i++)
        held += ring_free(&d->old[i]);
    return held;
}

/* Ends all requests, and waits until no fiber uses pages of the pool. */
static void give_up(struct front *f)
{
    struct disk *d = disk_of_front(f);

    d->is_gone = true;
    for (unsigned i = 0; i < BLOCK_SLOTS; i++)
        if (d->slot[i]) {
            completion_finish(&d->slot[i]->completion, ERR_GONE);
            d->slot[i] = NULL;
        }
    for (; d->waiting; d->waiting = d->waiting->next)
        completion_finish(&d->waiting->completion, ERR_GONE);
    d->used = 0;
    wake_all(&d->room);
    fiber_shield();
    while (d->users > 0)
        wait(&d->room);
    fiber_unshield();
}

/* Submits all requests that have no response, in a new ring. */
static void resubmit(struct front *f)
{
    struct disk *d = disk_of_front(f);
    struct request *pending[BLOCK_SLOTS];
    unsigned count = 0;

    for (unsigned i = 0; i < BLOCK_SLOTS; i++)
        if (d->slot[i]) {
            pending[count++] = d->slot[i];
            d->slot[i] = NULL;
        }
    d->used = 0;
    while (count > 0) {
        count--;
        pending[count]->next = d->waiting;
        d->waiting = pending[count];
    }
    block_ring_submit_waiting(d);
    wake_all(&d->room);
}

static bool regrant(struct front *f)
{
    return grant_pool_regrant(&disk_of_front(f)->pool, f->domain);
}

static const struct front_ops front_ops = {
    .log = &block,
    .ready = IS(InitWait) | IS(Initialised) | IS(Connected),
    .publish = publish,
    .accept = read_offers,
    .connected = resubmit,
    .regrant = regrant,
    .reclaim = reclaim_rings,
    .gone = give_up,
    .reclaim_all = reclaim_all,
    .on_event = block_ring_on_event,
};

static const struct block_ops block_ops = {
    .read = xen_read,
    .write = xen_write,
    .discard = xen_discard,
    .flush = xen_flush,
    .disconnect = xen_disconnect,
    .most = DIRECT * PAGE_BYTES,
    .takes_any_data = true,
};

/* Formats the names of the existing disks for people. */
static void format_disks(char *text, size_t size)
{
    char numbers[FRONT_NAMES];
    size_t len = 0, count = 0;

    if (!front_read_names("vbd", numbers, sizeof numbers, text, size))
        return;
    for (const char *n = numbers; *n && len < size; n += strlen(n) + 1) {
        unsigned long number;
        char name[VBD_NAME];

        if (!vbd_number(n, &number))
            continue;
        vbd_name(number, name);
        len = count++ ? len : 0;
        len += text_format(text + len, size - len, "%s%s", len ? ", " : "",
                           name);
    }
}

static enum status find(struct disk *d, const char *name)
{
    unsigned long number;
    char others[200];
    enum status s;

    if (!vbd_number(name, &number)) {
        log_error(&block,
                  "%s is no disk of Xen's; one is xvda, xvda1 or 51712", name);
        return ERR_NAME;
    }
    vbd_name(number, d->name);
    s = front_find(&d->front, d->name, "vbd", number);
    if (s == ERR_NOT_FOUND) {
        format_disks(others, sizeof others);
        log_error(&block,
                  "there is no disk %s; what there is: %s. A line of the .xl "
                  "file gives it: disk = [ \"FILE,raw,%s,w\" ]",
                  d->name, others, d->name);
    } else if (s != OK) {
        log_error(&block, "%s: xenstore: %s", d->name, status_text(s));
    }
    return s;
}

enum status block_xen_connect(const char *name, struct block **made)
{
    static const struct fiber_options options = {"block", STACK};
    struct disk *d = calloc(1, sizeof *d);
    enum status s;

    if (!d)
        return ERR_NO_MEMORY;
    grant_pool_init(&d->pool);
    d->ops = block_ops;
    d->block.ops = &d->ops;
    s = find(d, name);
    if (s == OK)
        s = front_connect(&d->front, &front_ops);
    if (s == OK)
        s = front_follow(&d->front, &options);
    if (s == OK)
        *made = &d->block;
    return s;
}
