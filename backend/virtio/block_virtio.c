/* SPDX-License-Identifier: ISC */
/*
 * Disks of a virtual machine (virtio 1.2, 5.2). A request is a header, the data
 * where it lies, and a status byte. Requests without an answer when the device
 * asks for a reset are submitted again afterwards.
 */
#include "virtio.h"
#include <linux/virtio_blk.h>
#include <mirage/bare.h>
#include <mirage/buf.h>
#include <mirage/completion.h>
#include <mirage/drivers.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define UNIT      512u /* bytes of a sector in a request and of the capacity */
#define SLOTS     64u /* requests in flight, at most */
#define ENTRIES   256u /* of the queue, at most */
#define SEGMENTS  32u /* pieces of data in a request, at most */
#define MOST      ((size_t)1 << 20) /* bytes of a request, at most */
#define COPIED    16u /* pages that a request is copied through, at most */
#define SLOW      (5 * SECOND) /* then the device's status is looked at */
#define NO_STATUS 0xffu /* in the status byte until the device writes it */

#define BIT(feature) (UINT64_C(1) << (feature))

LOG_SOURCE(block);

/* What the device reads and writes for a request beside its data. */
struct slot {
    struct virtio_blk_outhdr header;
    struct virtio_blk_discard_write_zeroes range;
    volatile uint8_t status;
} __attribute__((aligned(64)));

#define SLOT_PAGES ((SLOTS * sizeof(struct slot) + PAGE_BYTES - 1) / PAGE_BYTES)

struct request {
    uint32_t type; /* VIRTIO_BLK_T_* */
    uint64_t at; /* in units */
    uint32_t units; /* of a discard */
    uint8_t *data; /* at its physical address */
    uint32_t len;
    uint8_t slot;
    struct completion completion;
    struct request *next; /* of those that wait for the next start */
};

/* What the device says about its requests, the same after each start. */
struct limits {
    uint32_t sector_size;
    uint32_t is_writable;
    uint32_t piece_most; /* bytes of a piece */
    uint32_t segments; /* pieces of data in a request */
    uint32_t discard_type; /* VIRTIO_BLK_T_*; 0: it does not discard */
    uint32_t discard_most; /* units of a request */
    uint32_t granule; /* units; discards begin and end at multiples of it */
    uint32_t slots;
};

struct disk {
    struct block block;
    struct block_ops ops;
    struct limits limits;
    uint64_t units; /* that the device has now, maybe not block.info's */
    struct virtio_device *device;
    struct virtqueue *queue;
    struct slot *slot;
    uint8_t free[SLOTS]; /* the slots that are not in use */
    unsigned free_count;
    struct waiters room;
    struct request *waiting; /* have a slot, and are not in the queue */
    bool is_ready; /* requests may be added */
    bool is_gone;
    bool is_taken; /* by a name of config.c */
    char serial[VIRTIO_BLK_ID_BYTES + 1];
};

static struct disk *disk_of(struct block *b)
{
    return containing(b, struct disk, block);
}

static const char *place_of(const struct disk *d)
{
    return d->device->place;
}

/* ---- Requests ---- */

/* The status of a request that the device has returned. */
static enum status status_of(struct disk *d, const struct request *r)
{
    switch (d->slot[r->slot].status) {
    case VIRTIO_BLK_S_OK:
        return OK;
    case VIRTIO_BLK_S_IOERR:
        return ERR_IO;
    case VIRTIO_BLK_S_UNSUPP:
        return r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT ||
                       r->type == VIRTIO_BLK_T_FLUSH
                   ? ERR_IO
                   : ERR_UNSUPPORTED;
    case NO_STATUS:
        virtio_broken(d->device, "returned a request without a status");
        return ERR_GONE;
    default:
        virtio_broken(d->device, "returned a request with a status that virtio "
                                 "does not have");
        return ERR_GONE;
    }
}

/*
 * Ends the requests that the device has returned. How much it says that it
 * wrote is not looked at: Cloud Hypervisor leaves out the status byte, and
 * counts what it has read from the image.
 */
static void drain(void *ctx)
{
    struct disk *d = ctx;
    struct request *r;
    uint32_t written;

    do {
        while (d->is_ready && (r = virtqueue_used(d->queue, &written)))
            completion_finish(&r->completion, status_of(d, r));
    } while (d->is_ready && virtqueue_in_flight(d->queue) > 0 &&
             !virtqueue_enable(d->queue));
}

/* Splits data into pieces that the device takes; returns how many they are. */
static unsigned split(const struct disk *d, struct virtio_piece *piece,
                      uint8_t *data, uint32_t len)
{
    unsigned n = 0;

    for (; len > 0; n++) {
        uint32_t part = min(len, d->limits.piece_most);

        piece[n] = (struct virtio_piece){data, part};
        data += part;
        len -= part;
    }
    return n;
}

static bool submit(struct disk *d, struct request *r)
{
    struct virtio_piece piece[SEGMENTS + 2];
    struct slot *s = &d->slot[r->slot];
    bool is_discard = r->type == VIRTIO_BLK_T_DISCARD ||
                      r->type == VIRTIO_BLK_T_WRITE_ZEROES;
    unsigned out = 1, data;

    /* A range's requests have sector 0 (5.2.6.1). */
    s->header = (struct virtio_blk_outhdr){
        .type = r->type, .sector = is_discard ? 0 : r->at};
    s->status = NO_STATUS;
    piece[0] = (struct virtio_piece){&s->header, sizeof s->header};
    if (is_discard) {
        s->range = (struct virtio_blk_discard_write_zeroes){
            .sector = r->at,
            .num_sectors = r->units,
            .flags = r->type == VIRTIO_BLK_T_WRITE_ZEROES
                         ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP
                         : 0};
        piece[1] = (struct virtio_piece){&s->range, sizeof s->range};
        data = 1;
    } else {
        data = split(d, piece + 1, r->data, r->len);
    }
    if (is_discard || r->type == VIRTIO_BLK_T_OUT)
        out += data;
    piece[1 + data] =
        (struct virtio_piece){(void *)(uintptr_t)&s->status, 1};
    if (!virtqueue_add(d->queue, piece, out, 2 + data - out, r))
        return false;
    return true;
}

/* Does a request lie beyond the end of a disk that has shrunk? */
static bool is_beyond(const struct disk *d, const struct request *r)
{
    uint64_t units = r->units;

    if (r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT)
        units = r->len / UNIT;
    return units > d->units || r->at > d->units - units;
}

/* A request is off the list before drain can end it. One beyond the end is not
 * sent (5.2.6.1). */
static void submit_waiting(struct disk *d)
{
    struct request *r;

    while (d->is_ready && (r = d->waiting)) {
        bool beyond = is_beyond(d, r);

        if (!beyond && !submit(d, r))
            break;
        d->waiting = r->next;
        if (beyond)
            completion_finish(&r->completion, ERR_IO);
    }
    if (d->is_ready) {
        virtqueue_kick(d->queue);
        drain(d);
    }
}

/* The fiber is shielded from cancellation, and callers check again. */
static void wait(struct waiters *w)
{
    if (wait_until(w, FOREVER) != OK)
        return;
}

/* Waits for the device. Its status is looked at now and then, since no
 * interrupt says that it was unplugged. */
static enum status wait_end(struct disk *d, struct request *r)
{
    while (!r->completion.is_done)
        if (wait_until(&r->completion.waiters, time_after(SLOW)) ==
            ERR_TIMEOUT)
            virtio_check(d->device);
    return r->completion.status;
}

/* Submits a request and waits for its end. Cancellation does not end it, since
 * its memory is in use. */
static enum status perform(struct disk *d, struct request *r)
{
    enum status s = ERR_GONE;

    fiber_shield();
    while (!d->is_gone && d->free_count == 0)
        wait(&d->room);
    if (!d->is_gone) {
        r->slot = d->free[--d->free_count];
        r->next = d->waiting;
        d->waiting = r;
        submit_waiting(d);
        s = wait_end(d, r);
        d->free[d->free_count++] = r->slot;
        wake_all(&d->room);
    }
    fiber_unshield();
    return s;
}

static enum status transfer(struct disk *d, uint32_t type, uint64_t sector,
                            uint8_t *data, size_t count)
{
    uint32_t size = d->block.info.sector_size;
    struct request r = {.type = type,
                        .at = sector * (size / UNIT),
                        .data = data,
                        .len = (uint32_t)(count * size)};
    enum status s = perform(d, &r);

    if (s == ERR_IO)
        log_error(&block, "%s: %s failed at sector %llu", place_of(d),
                  type == VIRTIO_BLK_T_IN ? "reading" : "writing",
                  (unsigned long long)sector);
    return s;
}

/* Memory that the device may use still is never freed. */
static void free_pages(const struct disk *d, void *pages, size_t count)
{
    if (!d->device->keeps_memory)
        page_free(pages, count);
}

/* Transfers data that does not lie at its physical address. */
static enum status transfer_copied(struct disk *d, uint32_t type,
                                   uint64_t sector, uint8_t *data,
                                   size_t count)
{
    size_t size = d->block.info.sector_size;
    size_t pages = min((count * size + PAGE_BYTES - 1) / PAGE_BYTES, COPIED);
    enum status s = OK;
    uint8_t *copy;

    while (!(copy = page_alloc(pages)))
        if ((pages /= 2) == 0)
            return ERR_NO_MEMORY;
    while (s == OK && count > 0) {
        size_t n = min(count, pages * PAGE_BYTES / size);

        if (type == VIRTIO_BLK_T_OUT)
            memcpy(copy, data, n * size);
        s = transfer(d, type, sector, copy, n);
        if (type == VIRTIO_BLK_T_IN && s == OK)
            memcpy(data, copy, n * size);
        sector += n;
        data += n * size;
        count -= n;
    }
    free_pages(d, copy, pages);
    return s;
}

static enum status transfer_any(struct block *b, uint32_t type,
                                uint64_t sector, uint8_t *data, size_t count)
{
    bool is_in_place = bare_is_physical(data, count * b->info.sector_size);

    return (is_in_place ? transfer : transfer_copied)(disk_of(b), type, sector,
                                                      data, count);
}

static enum status virtio_read(struct block *b, uint64_t sector, void *data,
                               size_t count)
{
    return transfer_any(b, VIRTIO_BLK_T_IN, sector, data, count);
}

static enum status virtio_write(struct block *b, uint64_t sector,
                                const void *data, size_t count)
{
    return transfer_any(b, VIRTIO_BLK_T_OUT, sector,
                        (uint8_t *)(uintptr_t)data, count);
}

/* Discards the whole granules among the sectors. */
static enum status virtio_discard(struct block *b, uint64_t sector,
                                  uint64_t count)
{
    struct disk *d = disk_of(b);
    const struct limits *l = &d->limits;
    uint64_t units = b->info.sector_size / UNIT;
    uint64_t end = (sector + count) * units / l->granule * l->granule;
    uint64_t at = (sector * units + l->granule - 1) / l->granule * l->granule;
    enum status s = OK;

    while (s == OK && at < end) {
        struct request r = {
            .type = l->discard_type,
            .at = at,
            .units = (uint32_t)min(end - at, (uint64_t)l->discard_most)};

        s = perform(d, &r);
        at += r.units;
    }
    if (s == ERR_IO)
        log_error(&block, "%s: discarding failed at sector %llu", place_of(d),
                  (unsigned long long)sector);
    return s;
}

/* A device without the feature keeps what it has acknowledged (5.2.6.2). */
static enum status virtio_flush(struct block *b)
{
    struct disk *d = disk_of(b);
    struct request r = {.type = VIRTIO_BLK_T_FLUSH};
    enum status s;

    if (!virtio_has(d->device, VIRTIO_BLK_F_FLUSH))
        return d->is_gone ? ERR_GONE : OK;
    s = perform(d, &r);
    if (s == ERR_IO)
        log_error(&block, "%s: flushing failed", place_of(d));
    return s;
}

static void virtio_disconnect(struct block *b)
{
    (void)b; /* the image has it to its end */
}

static const struct block_ops block_ops = {
    .read = virtio_read,
    .write = virtio_write,
    .discard = virtio_discard,
    .flush = virtio_flush,
    .disconnect = virtio_disconnect,
    .takes_any_data = true,
};

/* ---- Starting a device ---- */

/* Reads a field whose type is that of *to. False: the device is gone. */
#define READ(d, field, to)                                          \
    virtio_config(d, offsetof(struct virtio_blk_config, field), to, \
                  sizeof *(to))

static enum status refuse(const struct virtio_device *v, const char *what,
                          uint32_t value)
{
    log_error(&block, "%s: it announces %s of %u bytes, which cannot be",
              v->place, what, value);
    return ERR_FORMAT;
}

static enum status read_sizes(struct virtio_device *v, struct limits *l)
{
    uint32_t size = UNIT, piece = MOST, segments = 1;

    if ((virtio_has(v, VIRTIO_BLK_F_BLK_SIZE) && !READ(v, blk_size, &size)) ||
        (virtio_has(v, VIRTIO_BLK_F_SIZE_MAX) && !READ(v, size_max, &piece)) ||
        (virtio_has(v, VIRTIO_BLK_F_SEG_MAX) && !READ(v, seg_max, &segments)))
        return ERR_GONE;
    if (size < UNIT || size > PAGE_BYTES || (size & (size - 1)) != 0)
        return refuse(v, "sectors", size);
    segments = clamp(segments, 1u, SEGMENTS);
    /* A piece in memory without gaps is never split but for size_max. */
    if (piece >= MOST)
        segments = 1;
    if (piece < size / segments)
        return refuse(v, "pieces", piece);
    l->sector_size = size;
    l->is_writable = !virtio_has(v, VIRTIO_BLK_F_RO);
    l->piece_most = min(piece, (uint32_t)MOST);
    l->segments = segments;
    return OK;
}

/* Discards are writes of zeroes that may unmap where that is all there is.
 * False: the device is gone. */
static bool read_discard(struct virtio_device *v, struct limits *l)
{
    uint32_t sector = l->sector_size / UNIT, most = 0, segments = 0;
    uint32_t granule = sector;
    uint8_t unmaps = 0;

    if (virtio_has(v, VIRTIO_BLK_F_DISCARD)) {
        l->discard_type = VIRTIO_BLK_T_DISCARD;
        if (!READ(v, max_discard_sectors, &most) ||
            !READ(v, max_discard_seg, &segments) ||
            !READ(v, discard_sector_alignment, &granule))
            return false;
    } else if (virtio_has(v, VIRTIO_BLK_F_WRITE_ZEROES)) {
        l->discard_type = VIRTIO_BLK_T_WRITE_ZEROES;
        if (!READ(v, max_write_zeroes_sectors, &most) ||
            !READ(v, max_write_zeroes_seg, &segments) ||
            !READ(v, write_zeroes_may_unmap, &unmaps))
            return false;
        if (!unmaps)
            most = 0;
    }
    if (granule == 0 || sector % granule == 0)
        granule = sector;
    l->granule = granule;
    l->discard_most = most / granule * granule;
    if (segments == 0 || granule % sector != 0 || l->discard_most == 0)
        l->discard_type = 0;
    return true;
}

static enum status read_config(struct disk *d, struct virtio_device *v,
                               struct limits *l)
{
    enum status s = read_sizes(v, l);

    if (s != OK)
        return s;
    if (!read_discard(v, l) || !READ(v, capacity, &d->units))
        return ERR_GONE;
    if (d->units > UINT64_MAX / UNIT) {
        log_error(&block, "%s: it announces %llu sectors, which cannot be",
                  v->place, (unsigned long long)d->units);
        return ERR_FORMAT;
    }
    return OK;
}

static void log_size(const struct disk *d, uint64_t before)
{
    if (d->units != before)
        log_warning(&block,
                    "%s: its size has changed from %llu to %llu units of 512 "
                    "bytes; the length stays %llu sectors until the next start "
                    "of the image",
                    place_of(d), (unsigned long long)before,
                    (unsigned long long)d->units,
                    (unsigned long long)d->block.info.sectors);
}

/* Each request must find room: it takes one entry, or one for each piece. */
static enum status create_queue(struct disk *d, struct virtio_device *v,
                                struct limits *l)
{
    uint32_t pieces, room;
    enum status s;

    room = v->transport->queue_size(v, 0);
    if (room > 2)
        l->segments = min(l->segments, room - 2);
    pieces = l->segments + 2;
    s = virtqueue_create(v, 0, ENTRIES, (uint16_t)pieces, drain, d, &d->queue);
    if (s == OK)
        l->slots = min(SLOTS, virtqueue_size(d->queue) / pieces);
    return s;
}

static bool make_slots(struct disk *d)
{
    d->slot = page_alloc(SLOT_PAGES);
    return d->slot != NULL;
}

static enum status first_start(struct disk *d, const struct limits *l)
{
    if (!d->slot && !make_slots(d))
        return ERR_NO_MEMORY;
    d->limits = *l;
    for (d->free_count = 0; d->free_count < l->slots; d->free_count++)
        d->free[d->free_count] = (uint8_t)d->free_count;
    d->block.info.sector_size = l->sector_size;
    d->block.info.sectors = d->units / (l->sector_size / UNIT);
    d->block.info.writable = l->is_writable;
    d->ops = block_ops;
    if (!l->discard_type)
        d->ops.discard = NULL;
    d->ops.most = (size_t)min((uint64_t)l->piece_most * l->segments, MOST) /
                  l->sector_size * l->sector_size;
    return OK;
}

static enum status on_start(struct virtio_device *v, void *ctx)
{
    struct disk *d = ctx;
    struct limits l = {0};
    uint64_t before = d->units;
    enum status s = read_config(d, v, &l);

    if (s == OK)
        s = create_queue(d, v, &l);
    if (s != OK)
        return s;
    if (d->limits.sector_size == 0)
        return first_start(d, &l);
    log_size(d, before);
    if (memcmp(&l, &d->limits, sizeof l) == 0)
        return OK;
    log_error(&block, "%s: it is another disk than before", v->place);
    return ERR_GONE;
}

static void on_started(struct virtio_device *v, void *ctx)
{
    struct disk *d = ctx;

    (void)v;
    d->is_ready = true;
    submit_waiting(d);
}

static void on_config_changed(struct virtio_device *v, void *ctx)
{
    struct disk *d = ctx;
    uint64_t before = d->units;

    if (READ(v, capacity, &d->units))
        log_size(d, before);
    else
        d->units = before;
}

static void on_stopped(struct virtio_device *v, void *ctx, bool is_gone)
{
    struct disk *d = ctx;
    struct request *r;

    d->is_ready = false;
    if (v->queue[0])
        while ((r = virtqueue_reclaim(v->queue[0]))) {
            r->next = d->waiting;
            d->waiting = r;
        }
    if (!is_gone)
        return;
    d->is_gone = true;
    while ((r = d->waiting)) {
        d->waiting = r->next;
        completion_finish(&r->completion, ERR_GONE);
    }
    wake_all(&d->room);
}

/* CONFIG_WCE is not used: the cache stays as the host has it. */
static const struct virtio_driver driver = {
    .log = &block,
    .features = BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
                BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
                BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_DISCARD) |
                BIT(VIRTIO_BLK_F_WRITE_ZEROES),
    .ignores_written = true,
    .start = on_start,
    .started = on_started,
    .config_changed = on_config_changed,
    .stopped = on_stopped,
};

/* ---- Names ---- */

/* Reads the serial number, which has no end if it has 20 bytes. Bytes that are
 * not printable are '?'. */
static void read_serial(struct disk *d)
{
    struct request r = {.type = VIRTIO_BLK_T_GET_ID,
                        .len = VIRTIO_BLK_ID_BYTES};
    uint8_t *id = page_alloc(1);

    if (!id)
        return;
    memset(id, 0, VIRTIO_BLK_ID_BYTES);
    r.data = id;
    if (perform(d, &r) == OK)
        for (size_t i = 0; i < VIRTIO_BLK_ID_BYTES; i++) {
            uint8_t c = id[i];

            if (c == 0)
                break;
            d->serial[i] = (char)(c >= ' ' && c <= '~' ? c : '?');
        }
    free_pages(d, id, 1);
}

/* The disk behind a device; NULL: it is another device, or has not started. */
static struct disk *disk_at(const struct virtio_device *v)
{
    return v->driver == &driver ? v->ctx : NULL;
}

static enum status start_disk(struct virtio_device *v)
{
    struct disk *d = calloc(1, sizeof *d);
    enum status s;

    if (!d)
        return ERR_NO_MEMORY;
    d->device = v;
    d->block.ops = &d->ops;
    s = virtio_start(v, &driver, d);
    if (s == OK) {
        read_serial(d);
        return OK;
    }
    if (d->slot)
        free_pages(d, d->slot, SLOT_PAGES);
    free(d);
    return s;
}

/* The first disk of the machine from v on. */
static struct virtio_device *disk_from(struct virtio_device *v)
{
    while (v && v->type != VIRTIO_ID_BLOCK)
        v = v->next;
    return v;
}

#define FOR_EACH_DISK(v)                                             \
    for (struct virtio_device *v = disk_from(virtio_devices()); (v); \
         (v) = disk_from((v)->next))

/* Serial numbers are known once a disk has started. One that does not start has
 * none; it is tried again, and reported, when a name stands for it. */
static void start_disks(void)
{
    FOR_EACH_DISK(v)
    {
        enum status s = disk_at(v) ? OK : start_disk(v);

        if (s != OK)
            log_info(&block, "%s: %s", v->place, status_text(s));
    }
}

static bool has_serial(const struct virtio_device *v, const char *name)
{
    const struct disk *d = disk_at(v);

    return d && d->serial[0] &&
           strncmp(d->serial, name, VIRTIO_BLK_ID_BYTES) == 0;
}

/* The number of disks with this serial number; the first one in *found. */
static unsigned count_serial(const char *name, struct virtio_device **found)
{
    unsigned count = 0;

    FOR_EACH_DISK(v)
    {
        if (has_serial(v, name) && count++ == 0)
            *found = v;
    }
    return count;
}

static bool some_serial_is_a_name(void)
{
    struct virtio_device *found;

    for (size_t i = 0; block_virtio_names[i]; i++)
        if (count_serial(block_virtio_names[i], &found) > 0)
            return true;
    return false;
}

/* The disk that has the place in the machine that name has among the names. */
static unsigned find_by_order(const char *name, struct virtio_device **found)
{
    size_t i = 0;

    FOR_EACH_DISK(v)
    {
        if (!block_virtio_names[i])
            break;
        if (strcmp(block_virtio_names[i++], name) == 0) {
            *found = v;
            return 1;
        }
    }
    return 0;
}

static enum status log_missing(const char *name)
{
    const struct virtio_device *first = virtio_devices();
    bool is_mmio = first && first->place[0] == 'M';
    char others[200] = "none";
    size_t len = 0;

    FOR_EACH_DISK(v)
    {
        const struct disk *d = disk_at(v);

        if (len < sizeof others)
            len += text_format(others + len, sizeof others - len,
                               "%s%s (serial \"%s\")", len ? ", " : "",
                               v->place, d ? d->serial : "");
    }
    log_error(&block,
              "there is no disk %s; what there is: %s. QEMU's options for it: "
              "-drive if=none,id=ID,format=raw,file=%s -device "
              "virtio-blk-%s,drive=ID,serial=%.20s",
              name, others, name, is_mmio ? "device" : "pci", name);
    return ERR_NOT_FOUND;
}

static enum status find(const char *name, struct disk **found)
{
    bool is_by_serial = some_serial_is_a_name();
    struct virtio_device *v = NULL;
    unsigned count = is_by_serial ? count_serial(name, &v)
                                  : find_by_order(name, &v);
    struct disk *d;

    if (count == 0)
        return log_missing(name);
    if (count > 1) {
        log_error(&block, "%s: %u disks have this serial number", name, count);
        return ERR_IN_USE;
    }
    if (!disk_at(v)) {
        enum status s = start_disk(v);

        if (s != OK)
            return s;
    }
    d = disk_at(v);
    if (d->is_taken) {
        log_error(&block, "%s: another name has this disk already, %s", name,
                  v->place);
        return ERR_IN_USE;
    }
    if (!is_by_serial)
        log_warning(&block, "no serial number is a name of config.c: %s is %s",
                    name, v->place);
    *found = d;
    return OK;
}

enum status block_virtio_connect(const char *name, struct block **made)
{
    struct disk *d;
    enum status s;

    start_disks();
    s = find(name, &d);
    if (s != OK)
        return s;
    d->is_taken = true;
    *made = &d->block;
    return OK;
}
