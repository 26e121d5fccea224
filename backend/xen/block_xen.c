/* SPDX-License-Identifier: ISC */
/*
 * Disks whose backend is another domain (xen/io/blkif.h).
 *
 * Data is copied through a pool of pages that stay granted as long as the disk
 * is there (persistent grants): a backend that misuses a page reaches no other.
 *
 * A request that has no answer when the backend goes away is sent again when it
 * is back. What a backend offers may be less than before, so a request is made
 * into what goes into the ring only when it does: in parts, where the backend
 * takes fewer pages at once. A backend that breaks the protocol is disconnected
 * for good: ERR_GONE.
 */
#include "events.h"
#include "front.h"
#include "grant.h"
#include "shared_ring.h"
#include "vbd_name.h"
#include <mirage/block.h>
#include <mirage/completion.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#define INDIRECT   "feature-max-indirect-segments"
#define UNIT       512u /* what the protocol counts in, whatever a sector is */
#define DIRECT     BLKIF_MAX_SEGMENTS_PER_REQUEST
#define SEGMENTS   256u /* pages of a request, at most */
#define RING_ORDER 2u /* 1 << that many pages of a ring, at most */
#define SLOTS      128u /* of a ring of so many pages */
#define POOL       512u /* pages through which data goes */
#define OLD_RINGS  4u /* of earlier connections, that a backend may keep */
#define NONE       UINT16_MAX
#define STACK      16384

LOG_SOURCE(block);

/* A page of the pool. */
struct granted {
    void *page;
    uint32_t grant;
    uint16_t next; /* in its list; NONE: the last */
};

/* A flush is BLKIF_OP_FLUSH_DISKCACHE here, even where it becomes a barrier. */
struct request {
    struct request *next; /* that is left, too */
    uint8_t operation;
    uint64_t at, end; /* in units; end: of a discard */
    size_t len; /* bytes */
    size_t did, part; /* bytes that are done, and are in the ring */
    uint16_t first; /* of its pages; NONE: it has none */
    uint16_t list; /* the page that names many; NONE: it has none */
    struct completion completion;
};

struct disk {
    struct block block; /* first */
    struct block_ops ops;
    char name[VBD_NAME];
    struct front front;
    blkif_front_ring_t ring;
    struct ring_pages pages; /* of the ring */
    struct ring_pages old[OLD_RINGS];
    unsigned ring_order;
    struct request *slot[SLOTS];
    unsigned used;
    struct request *left; /* to be asked again, when there is a slot */
    bool is_gone;
    bool can_flush, can_barrier, can_discard;
    uint64_t granule, granule_at; /* what it can discard, in units */
    size_t most; /* bytes of a request in the ring */
    struct granted pool[POOL];
    unsigned pool_count; /* granted */
    uint16_t pool_free;
    unsigned askers; /* that have pages of it */
    struct waiters room; /* in the ring, or the pool; or all is over */
};

static struct disk *disk_of(struct block *b)
{
    return (struct disk *)b;
}

static struct disk *disk_of_front(struct front *f)
{
    return containing(f, struct disk, front);
}

/* One more page, granted. */
static bool grow_pool(struct disk *d)
{
    struct granted *g = &d->pool[d->pool_count];

    if (d->pool_count == POOL || !(g->page = page_alloc(1)))
        return false;
    g->grant = grant_access(d->front.domain, g->page, true);
    if (g->grant == 0) {
        page_free(g->page, 1);
        return false;
    }
    g->next = d->pool_free;
    d->pool_free = (uint16_t)d->pool_count++;
    return true;
}

static void give_pages(struct disk *d, uint16_t *list)
{
    uint16_t last = *list;

    if (last == NONE)
        return;
    while (d->pool[last].next != NONE)
        last = d->pool[last].next;
    d->pool[last].next = d->pool_free;
    d->pool_free = *list;
    *list = NONE;
}

/* count pages as a list, or none of them. */
static bool take_pages(struct disk *d, size_t count, uint16_t *list)
{
    uint16_t *end = list;

    for (*end = NONE; count > 0; count--) {
        uint16_t i;

        if (d->pool_free == NONE && !grow_pool(d)) {
            give_pages(d, list);
            return false;
        }
        i = d->pool_free;
        d->pool_free = d->pool[i].next;
        *end = i;
        end = &d->pool[i].next;
        *end = NONE;
    }
    return true;
}

static size_t pages_of(size_t len)
{
    return (len + PAGE_BYTES - 1) / PAGE_BYTES;
}

static bool is_flush(const struct request *r)
{
    return r->operation == BLKIF_OP_FLUSH_DISKCACHE;
}

/* All that it takes to ask. */
static bool take_all(struct disk *d, struct request *r)
{
    size_t pages = pages_of(r->len);

    if (!take_pages(d, pages, &r->first))
        return false;
    if (pages <= DIRECT || take_pages(d, 1, &r->list))
        return true;
    give_pages(d, &r->first);
    return false;
}

static void copy(struct disk *d, const struct request *r, uint8_t *data,
                 bool is_write)
{
    size_t at = 0;

    for (uint16_t i = r->first; at < r->len; i = d->pool[i].next) {
        size_t n = r->len - at < PAGE_BYTES ? r->len - at : PAGE_BYTES;

        if (is_write)
            memcpy(d->pool[i].page, data + at, n);
        else
            memcpy(data + at, d->pool[i].page, n);
        at += n;
    }
}

/* Puts the segments of the request's present part at to: how many. */
static unsigned put_segments(struct disk *d, const struct request *r,
                             struct blkif_request_segment *to)
{
    size_t left = r->part;
    unsigned n = 0;
    uint16_t i = r->first;

    for (size_t skip = 0; skip < r->did; skip += PAGE_BYTES)
        i = d->pool[i].next;
    for (; left > 0; i = d->pool[i].next, n++) {
        size_t len = left < PAGE_BYTES ? left : PAGE_BYTES;

        to[n] = (struct blkif_request_segment){
            .gref = d->pool[i].grant,
            .first_sect = 0,
            .last_sect = (uint8_t)(len / UNIT - 1)};
        left -= len;
    }
    return n;
}

/* The start of the first granule that does not begin before unit. */
static uint64_t granule_from(const struct disk *d, uint64_t unit)
{
    uint64_t past;

    if (unit <= d->granule_at)
        return d->granule_at;
    past = (unit - d->granule_at) % d->granule;
    return past > 0 ? unit + d->granule - past : unit;
}

/* The units of the whole granules in a discard, from *at on. The others the
 * backend would ignore. */
static uint64_t granules_in(const struct disk *d, const struct request *r,
                            uint64_t *at)
{
    *at = granule_from(d, r->at);
    return *at < r->end ? (r->end - *at) / d->granule * d->granule : 0;
}

static void put_discard(struct disk *d, const struct request *r, uint64_t id,
                        blkif_request_discard_t *to)
{
    to->operation = r->operation;
    to->id = id;
    to->nr_sectors = granules_in(d, r, &to->sector_number);
}

static void put_many(struct disk *d, const struct request *r, uint64_t id,
                     blkif_request_indirect_t *to)
{
    to->operation = BLKIF_OP_INDIRECT;
    to->indirect_op = r->operation;
    to->id = id;
    to->sector_number = r->at + r->did / UNIT;
    to->indirect_grefs[0] = d->pool[r->list].grant;
    to->nr_segments = (uint16_t)put_segments(d, r, d->pool[r->list].page);
}

/* Puts the next part of a request into the ring. A list of pages is used only
 * where the part needs one: the backend may take none (d->most). */
static void put_request(struct disk *d, struct request *r, uint64_t id)
{
    blkif_request_t *to = RING_GET_REQUEST(&d->ring, d->ring.req_prod_pvt);

    memset(to, 0, sizeof *to);
    r->part = r->len - r->did < d->most ? r->len - r->did : d->most;
    if (r->operation == BLKIF_OP_DISCARD) {
        put_discard(d, r, id, (blkif_request_discard_t *)to);
    } else if (pages_of(r->part) > DIRECT) {
        put_many(d, r, id, (blkif_request_indirect_t *)to);
    } else {
        to->operation = r->operation;
        if (is_flush(r) && !d->can_flush)
            to->operation = BLKIF_OP_WRITE_BARRIER;
        to->id = id;
        to->sector_number = r->at + r->did / UNIT;
        to->nr_segments = (uint8_t)put_segments(d, r, to->seg);
    }
    d->ring.req_prod_pvt++;
}

static bool has_slot(const struct disk *d)
{
    return d->front.is_connected && d->used < RING_SIZE(&d->ring);
}

/*
 * A request that the present backend has no operation for. A flush is done
 * where there is no cache. True: *s is its end.
 */
static bool has_no_operation(const struct disk *d, const struct request *r,
                             enum status *s)
{
    uint64_t at;

    *s = OK;
    if (is_flush(r))
        return !d->can_flush && !d->can_barrier;
    if (r->operation != BLKIF_OP_DISCARD)
        return false;
    if (!d->can_discard)
        *s = ERR_UNSUPPORTED;
    return !d->can_discard || granules_in(d, r, &at) == 0;
}

/* Puts a request, or its next part, into the ring; there is a slot. */
static void submit(struct disk *d, struct request *r)
{
    unsigned id = 0;
    int notify;
    enum status s;

    if (has_no_operation(d, r, &s)) {
        completion_finish(&r->completion, s);
        return;
    }
    while (d->slot[id])
        id++;
    d->slot[id] = r;
    d->used++;
    put_request(d, r, id);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&d->ring, notify);
    if (notify)
        event_notify(d->front.event.port);
}

static enum status status_of(struct disk *d, const struct request *r,
                             int16_t said)
{
    if (said == BLKIF_RSP_OKAY)
        return OK;
    if (said == BLKIF_RSP_EOPNOTSUPP && r->operation == BLKIF_OP_DISCARD) {
        d->can_discard = false;
        return ERR_UNSUPPORTED;
    }
    return ERR_IO;
}

/* The backend refuses a kind of flush that it offered. True: there is nothing
 * else to try, so it has no cache. */
static bool has_no_flush(struct disk *d)
{
    if (d->can_flush)
        d->can_flush = false;
    else
        d->can_barrier = false;
    return !d->can_barrier;
}

/* Notes the answer to what a request has in the ring. False: the request goes
 * on, with its next part or with another operation. */
static bool is_over(struct disk *d, struct request *r, int16_t said)
{
    enum status s;

    if (said == BLKIF_RSP_EOPNOTSUPP && is_flush(r)) {
        if (!has_no_flush(d))
            return false;
        said = BLKIF_RSP_OKAY;
    }
    s = status_of(d, r, said);
    r->did += r->part;
    if (s == OK && r->did < r->len)
        return false;
    completion_finish(&r->completion, s);
    return true;
}

/* Submits what waits for a slot: what a larger ring has left, and the next
 * parts of requests. */
static void submit_more(struct disk *d)
{
    while (d->left && has_slot(d)) {
        struct request *r = d->left;

        d->left = r->next;
        submit(d, r);
    }
}

static void take_response(struct disk *d, const blkif_response_t *response)
{
    struct request *r = response->id < SLOTS ? d->slot[response->id] : NULL;

    if (!r) {
        front_protocol_error(&d->front, "answers what nobody has asked");
        return;
    }
    d->slot[response->id] = NULL;
    d->used--;
    if (!is_over(d, r, response->status)) {
        r->next = d->left;
        d->left = r;
    }
    submit_more(d);
    wake_all(&d->room);
}

static void on_event(void *ctx)
{
    struct disk *d = disk_of_front(ctx);
    int more = true;

    while (d->front.is_connected && more) {
        RING_IDX end = __atomic_load_n(&d->ring.sring->rsp_prod,
                                       __ATOMIC_ACQUIRE);

        if (end - d->ring.rsp_cons > d->ring.req_prod_pvt - d->ring.rsp_cons) {
            front_protocol_error(&d->front, "answers more than was asked");
            return;
        }
        while (d->front.is_connected && d->ring.rsp_cons != end) {
            blkif_response_t response;

            RING_COPY_RESPONSE(&d->ring, d->ring.rsp_cons, &response);
            d->ring.rsp_cons++;
            take_response(d, &response);
        }
        if (d->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&d->ring, more);
    }
}

/* Whatever wakes the fiber, it looks again: it is shielded. */
static void wait(struct waiters *w)
{
    if (wait_until(w, FOREVER) != OK)
        return;
}

/* The request's memory is in use until it is done, so nothing cuts it short. */
static enum status ask(struct disk *d, struct request *r, uint8_t *data)
{
    enum status s;

    r->first = r->list = NONE;
    fiber_shield();
    while (!d->is_gone && !(has_slot(d) && !d->left && take_all(d, r))) {
        if (has_slot(d) && d->askers == 0) {
            fiber_unshield();
            return ERR_NO_MEMORY;
        }
        wait(&d->room);
    }
    if (d->is_gone) {
        fiber_unshield();
        return ERR_GONE;
    }
    d->askers++;
    if (r->operation == BLKIF_OP_WRITE)
        copy(d, r, data, true);
    submit(d, r);
    s = completion_wait(&r->completion);
    if (r->operation == BLKIF_OP_READ && s == OK)
        copy(d, r, data, false);
    give_pages(d, &r->first);
    give_pages(d, &r->list);
    d->askers--;
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
    enum status s = ask(d, &r, data);

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
    s = ask(d, &r, NULL);
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
    return ask(d, &r, NULL);
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

    d->ring_order = order < RING_ORDER ? (unsigned)order : RING_ORDER;
    s = ring_alloc(&d->pages, d->front.domain, 1u << d->ring_order);
    if (s != OK)
        return s;
    shared = d->pages.pages;
    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&d->ring, shared, PAGE_BYTES << d->ring_order);
    return OK;
}

/* Its pages by either way of naming them, so that nothing that an earlier
 * connection has left is taken for one of them. */
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

/* Is it the disk that it was, if it was one? It cannot become another. */
static bool is_the_same(struct disk *d, const struct block_info *info)
{
    const struct block_info *before = &d->block.info;

    if (before->sector_size == 0 || memcmp(before, info, sizeof *info) == 0)
        return true;
    log_error(&block, "%s: it is another disk than before", d->name);
    return false;
}

/* A granule of bytes that are no whole sectors, or begin in one, is none. */
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

/* What the backend offers, once it is connected. */
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
    memset(&info, 0, sizeof info); /* the bytes between its parts, too */
    info.sector_size = (uint32_t)size;
    info.sectors = units / (size / UNIT);
    info.writable = !(front_read_number(f, "info", 0) & VDISK_READONLY);
    if (!is_the_same(d, &info))
        return ERR_GONE;
    d->can_flush = front_read_number(f, "feature-flush-cache", 0) == 1;
    d->can_barrier = front_read_number(f, "feature-barrier", 0) == 1;
    read_discard(d, size);
    many = many > SEGMENTS ? SEGMENTS : many < DIRECT ? DIRECT
                                                      : many;
    d->ops.most = d->most = many * PAGE_BYTES;
    d->block.info = info;
    return front_set_state(f, XenbusStateConnected);
}

/*
 * Takes back the rings of earlier connections. The last one is set aside if the
 * backend still uses it: Linux's blkback, if it has I/O under way when the
 * frontend closes, lets the ring go only when it is told of the next one. How
 * many pages stand in the way of another connection: none, unless OLD_RINGS are
 * set aside already.
 */
static unsigned reclaim_rings(struct front *f)
{
    struct disk *d = disk_of_front(f);
    unsigned held = ring_free(&d->pages);

    for (unsigned i = 0; i < OLD_RINGS; i++)
        if (ring_free(&d->old[i]) == 0 && held > 0) {
            d->old[i] = d->pages;
            d->pages.pages = NULL;
            held = 0;
        }
    return held;
}

/* Takes back the rings and, of a disk that is gone, the pool, which nobody uses
 * any more (front.h). */
static unsigned reclaim_all(struct front *f)
{
    struct disk *d = disk_of_front(f);
    unsigned held = 0;

    for (unsigned i = 0; i < d->pool_count; i++) {
        struct granted *g = &d->pool[i];

        if (g->page && (g->grant == 0 || grant_end(g->grant))) {
            page_free(g->page, 1);
            g->page = NULL;
        } else if (g->page) {
            held++;
        }
    }
    held += reclaim_rings(f);
    for (unsigned i = 0; i < OLD_RINGS; i++)
        held += ring_free(&d->old[i]);
    return held;
}

/* Ends all requests, and waits until no fiber uses pages of the pool. */
static void give_up(struct front *f)
{
    struct disk *d = disk_of_front(f);

    d->is_gone = true;
    for (unsigned i = 0; i < SLOTS; i++)
        if (d->slot[i]) {
            completion_finish(&d->slot[i]->completion, ERR_GONE);
            d->slot[i] = NULL;
        }
    for (; d->left; d->left = d->left->next)
        completion_finish(&d->left->completion, ERR_GONE);
    d->used = 0;
    wake_all(&d->room);
    fiber_shield();
    while (d->askers > 0)
        wait(&d->room);
    fiber_unshield();
}

/* All that was asked is asked again, in a new ring. */
static void ask_again(struct front *f)
{
    struct disk *d = disk_of_front(f);
    struct request *pending[SLOTS];
    unsigned count = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        if (d->slot[i]) {
            pending[count++] = d->slot[i];
            d->slot[i] = NULL;
        }
    d->used = 0;
    while (count > 0) {
        count--;
        pending[count]->next = d->left;
        d->left = pending[count];
    }
    submit_more(d);
    wake_all(&d->room);
}

/* Where the guest was moved to it has given nothing yet. */
static bool grant_pool_again(struct front *f)
{
    struct disk *d = disk_of_front(f);

    for (unsigned i = 0; i < d->pool_count; i++) {
        struct granted *g = &d->pool[i];

        if (!grant_end(g->grant) ||
            (g->grant = grant_access(d->front.domain, g->page, true)) == 0)
            return false;
    }
    return true;
}

static const struct front_ops front_ops = {
    .log = &block,
    .ready = IS(InitWait) | IS(Initialised) | IS(Connected),
    .publish = publish,
    .accept = read_offers,
    .connected = ask_again,
    .regrant = grant_pool_again,
    .reclaim = reclaim_rings,
    .gone = give_up,
    .reclaim_all = reclaim_all,
    .on_event = on_event,
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

/* The names of the disks that there are, for people. */
static void list_disks(char *text, size_t size)
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
        list_disks(others, sizeof others);
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
    d->pool_free = NONE;
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
