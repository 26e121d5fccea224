/* SPDX-License-Identifier: ISC */
/* The fake disk: each request is done by a fiber of its own. */
#include "disk.h"
#include <linux/virtio_config.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 512u

struct work {
    struct fake_disk *disk;
    unsigned resets; /* of the device when it was taken */
    struct fake_buffer buffer;
};

#define MAX_DISKS 16384u

static struct fake_disk *all[MAX_DISKS];
static unsigned all_count;

static struct fake_disk *disk_of(const struct fake *f)
{
    for (unsigned i = all_count; i-- > 0;)
        if (all[i]->fake == f)
            return all[i];
    fake_fail("no disk");
}

static bool has(const struct fake_disk *d, unsigned feature)
{
    return d->fake->accepted >> feature & 1;
}

/* Reads or writes the pieces from the second to the last but one. */
static enum status transfer(struct fake_disk *d, const struct fake_buffer *b,
                            uint64_t unit, bool is_write)
{
    uint32_t size = d->store->info.sector_size, len = 0;
    unsigned resets = d->fake->resets;
    unsigned pieces = b->out + b->in - 2;
    uint8_t *data = NULL, *at;
    enum status s;

    for (unsigned i = 1; i <= pieces; i++) {
        if (has(d, VIRTIO_BLK_F_SIZE_MAX) &&
            b->piece[i].len > d->config.size_max)
            fake_blame(d->fake, "a piece of %u bytes", b->piece[i].len);
        len += b->piece[i].len;
    }
    if (pieces > (has(d, VIRTIO_BLK_F_SEG_MAX) ? d->config.seg_max : 1))
        fake_blame(d->fake, "%u pieces", pieces);
    if (len == 0 || len % size != 0 || unit * UNIT % size != 0) {
        fake_blame(d->fake, "%u bytes at unit %llu", len,
                   (unsigned long long)unit);
        return ERR_IO;
    }
    d->most_pieces = max(d->most_pieces, pieces);
    d->most_bytes = max(d->most_bytes, len);
    if (unit + len / UNIT > d->config.capacity) {
        d->beyond++;
        return ERR_IO;
    }
    data = at = malloc(len);
    for (unsigned i = 1; i <= pieces && is_write; i++) {
        memcpy(at, b->piece[i].data, b->piece[i].len);
        at += b->piece[i].len;
    }
    s = is_write ? block_write(d->store, unit * UNIT / size, data, len / size)
                 : block_read(d->store, unit * UNIT / size, data, len / size);
    if (d->fake->resets != resets)
        s = ERR_IO; /* meanwhile: the memory is not the device's any more */
    for (unsigned i = 1; i <= pieces && !is_write && s == OK; i++) {
        memcpy(b->piece[i].data, at, b->piece[i].len);
        at += b->piece[i].len;
    }
    free(data);
    return s;
}

static enum status discard(struct fake_disk *d, const struct fake_buffer *b,
                           uint32_t type)
{
    struct virtio_blk_discard_write_zeroes r;
    uint32_t unit = d->store->info.sector_size / UNIT;
    bool zeroes = type == VIRTIO_BLK_T_WRITE_ZEROES;

    if (b->out != 2 || b->in != 1 || b->piece[1].len != sizeof r) {
        fake_blame(d->fake, "a discard of %u and %u pieces", b->out, b->in);
        return ERR_IO;
    }
    memcpy(&r, b->piece[1].data, sizeof r);
    if (!has(d, zeroes ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD) ||
        r.flags != (zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0) ||
        r.num_sectors == 0 || r.sector % unit || r.num_sectors % unit ||
        r.num_sectors > (zeroes ? d->config.max_write_zeroes_sectors
                                : d->config.max_discard_sectors))
        fake_blame(d->fake, "a discard of %u at %llu, flags %u", r.num_sectors,
                   (unsigned long long)r.sector, r.flags);
    if (!zeroes && d->config.discard_sector_alignment &&
        (r.sector % d->config.discard_sector_alignment ||
         r.num_sectors % d->config.discard_sector_alignment))
        fake_blame(d->fake, "a discard that is not aligned");
    d->discards++;
    if (r.sector + r.num_sectors > d->config.capacity) {
        d->beyond++;
        return ERR_IO;
    }
    return block_discard(d->store, r.sector / unit, r.num_sectors / unit);
}

static enum status perform(struct fake_disk *d, const struct fake_buffer *b,
                           uint32_t *type)
{
    struct virtio_blk_outhdr header;

    if (b->out < 1 || b->in < 1 || b->piece[0].len != sizeof header ||
        b->piece[b->out + b->in - 1].len != 1)
        fake_fail("a request without header or status");
    memcpy(&header, b->piece[0].data, sizeof header);
    *type = header.type;
    switch (header.type) {
    case VIRTIO_BLK_T_IN:
        d->reads++;
        return transfer(d, b, header.sector, false);
    case VIRTIO_BLK_T_OUT:
        d->writes++;
        if (has(d, VIRTIO_BLK_F_RO))
            fake_blame(d->fake, "a write on a read-only disk");
        return transfer(d, b, header.sector, true);
    case VIRTIO_BLK_T_FLUSH:
        if (header.sector != 0 || b->out != 1 || b->in != 1 ||
            !has(d, VIRTIO_BLK_F_FLUSH))
            fake_blame(d->fake, "a flush that is none");
        d->flushes++;
        return block_flush(d->store);
    case VIRTIO_BLK_T_GET_ID:
        /* A device that lies about SIZE_MAX gets it in several pieces. */
        if (b->in != 2 || b->piece[1].len != VIRTIO_BLK_ID_BYTES) {
            fake_blame(d->fake, "a serial number of %u bytes",
                       b->piece[1].len);
            return ERR_IO;
        }
        memcpy(b->piece[1].data, d->serial, VIRTIO_BLK_ID_BYTES);
        return d->serial[0] ? OK : ERR_UNSUPPORTED;
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        if (header.sector != 0)
            fake_blame(d->fake, "a discard with a sector in its header");
        return discard(d, b, header.type);
    default:
        fake_fail("a request of type %u", header.type);
    }
}

static void finish(struct fake_disk *d, const struct fake_buffer *b)
{
    unsigned resets = d->fake->resets;
    uint32_t type, written = 1;
    enum status s = perform(d, b, &type);
    uint8_t status = s == OK                ? VIRTIO_BLK_S_OK
                     : s == ERR_UNSUPPORTED ? VIRTIO_BLK_S_UNSUPP
                                            : VIRTIO_BLK_S_IOERR;

    if (d->fake->resets != resets)
        return; /* meanwhile */
    for (unsigned i = b->out; i + 1 < b->out + b->in; i++)
        written += b->piece[i].len;
    if (type == VIRTIO_BLK_T_IN && d->status >= 0)
        status = (uint8_t)d->status;
    if (type != VIRTIO_BLK_T_IN || !d->has_no_status)
        *b->piece[b->out + b->in - 1].data = status;
    fake_give(d->fake, 0, b, d->written >= 0 ? (uint32_t)d->written : written);
}

static void work(void *ctx)
{
    struct work *w = ctx;
    struct fake_disk *d = w->disk;

    if (d->latency > 0 && time_sleep(random_below(d->latency) + 1) != OK)
        fake_fail("cancelled");
    while (d->holds && d->fake->resets == w->resets)
        if (time_sleep(MILLISECOND) != OK)
            fake_fail("cancelled");
    d->in_flight--;
    if (d->fake->resets == w->resets && d->fake->status != 0xff)
        finish(d, &w->buffer);
    free(w);
}

static void notified(struct fake *f, unsigned index)
{
    struct fake_disk *d = disk_of(f);

    for (;;) {
        struct work *w = calloc(1, sizeof *w);

        w->disk = d;
        w->resets = f->resets;
        if (!fake_take(f, index, &w->buffer)) {
            free(w);
            return;
        }
        if (d->asks_resets > 0) {
            d->asks_resets--;
            free(w);
            fake_need_reset(f);
            return;
        }
        d->most_in_flight = max(d->most_in_flight, ++d->in_flight);
        if (fiber_start(work, w) != OK)
            fake_fail("no fiber");
    }
}

void fake_disk_announce(struct fake_disk *d)
{
    memcpy(d->fake->config, &d->config, sizeof d->config);
}

struct fake_disk *fake_disk_new(uint64_t features, bool is_legacy,
                                uint32_t units, uint32_t sector_size)
{
    struct fake_disk *d = calloc(1, sizeof *d);

    if (all_count == MAX_DISKS ||
        block_ram_connect(units / (sector_size / UNIT), sector_size,
                          &d->store) != OK)
        fake_fail("no memory for a disk");
    d->fake = fake_new(features, is_legacy);
    d->fake->device.type = VIRTIO_ID_BLOCK;
    d->fake->notified = notified;
    d->config.capacity = units;
    d->config.blk_size = sector_size;
    d->config.seg_max = 126;
    d->config.max_discard_sectors = 64;
    d->config.max_discard_seg = 1;
    d->config.discard_sector_alignment = sector_size / UNIT;
    d->config.max_write_zeroes_sectors = 40;
    d->config.max_write_zeroes_seg = 1;
    d->config.write_zeroes_may_unmap = 1;
    d->status = d->written = -1;
    fake_disk_announce(d);
    all[all_count++] = d;
    return d;
}

void fake_disks_free(void)
{
    while (all_count > 0) {
        struct fake_disk *d = all[--all_count];

        block_disconnect(d->store);
        fake_free(d->fake);
        free(d);
    }
}
