/* SPDX-License-Identifier: ISC */
/*
 * A network device that is the host's end of a TAP (Linux's tuntap.rst). Frames
 * are read into 64 KiB of pages until the TAP is empty, and delivered as a
 * batch. Frames written in answer are gathered while the woken fibers run, and
 * are sent by the system call that makes the next reads (batch.h). All other
 * frames are written at once.
 */
#include "batch.h"
#include "events.h"
#include "tap.h"
#include <errno.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <mirage/virtio_net_hdr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGES       17 /* of the longest frame */
#define PIECES      128 /* bufs of a frame that is written without a copy */
#define SHORT_FRAME 2048 /* bytes: up to here a copy is cheaper than an iovec */
#define LINK_POLL   (200 * MILLISECOND)
#define RESERVED    512 /* pages */
#define READS       16 /* of one system call */

/* Gathered frames are sent when they reach one of these. */
#define WRITES 32 /* frames */
#define PARTS  1024 /* iovecs */
#define BYTES  ((size_t)256 << 10)

LOG_SOURCE_SHARED(network_unix);

/* The memory that a frame is read into. */
struct receive_slot {
    uint8_t header[VIRTIO_NET_HDR];
    struct iovec part[1 + PAGES]; /* the header, then pages */
    struct buf *page[PAGES]; /* NULL: not allocated, or delivered */
    int count; /* pages that are allocated, the first ones */
};

/* Frames that are written by the next system call. */
struct gathered {
    uint8_t header[WRITES][VIRTIO_NET_HDR];
    struct buf *frame[WRITES];
    struct iovec part[PARTS];
    struct batch_entry entry[WRITES];
    size_t frames, parts, bytes;
};

struct device {
    struct network network;
    struct tap tap;
    int fd_of_link; /* a duplicate, so that the link's fiber can wait, too */
    bool is_captured, is_gathering;
    struct waiters went_down;
    struct fiber *reader, *link; /* NULL: not started */
    struct events_watch watch;
    struct batch *batch;
    size_t reads; /* that the next system call makes: as many as found a frame
                     the last time, and one more */
    struct receive_slot place[READS];
    struct gathered gathered;
};

static struct device *device_of(struct network *n)
{
    return containing(n, struct device, network);
}

static ssize_t write_copy(const struct device *d, uint8_t *header,
                          const struct buf *frame)
{
    static uint8_t whole[NETWORK_FRAME];
    size_t len = buf_length(frame);
    struct iovec part[2] = {{header, VIRTIO_NET_HDR}, {whole, len}};
    int first = d->tap.has_header ? 0 : 1;

    buf_copy_out(frame, 0, whole, len);
    return writev(d->tap.fd, part + first, 2 - first);
}

/* Writes a frame by one system call. */
static ssize_t write_frame(const struct device *d, const struct buf *frame)
{
    uint8_t header[VIRTIO_NET_HDR];
    struct iovec part[PIECES];
    uint8_t whole[VIRTIO_NET_HDR + SHORT_FRAME];
    size_t len = buf_length(frame), at = 0;
    const struct buf *first = frame;
    int count = 0;

    if (d->tap.has_header) {
        virtio_net_hdr_write(header, frame);
        at = VIRTIO_NET_HDR;
    }
    if (len <= SHORT_FRAME) {
        memcpy(whole, header, at);
        buf_copy_out(frame, 0, whole + at, len);
        return write(d->tap.fd, whole, at + len);
    }
    if (d->tap.has_header)
        part[count++] = (struct iovec){header, VIRTIO_NET_HDR};
    for (; frame && count < PIECES; frame = frame->next)
        part[count++] = (struct iovec){frame->data, frame->len};
    if (frame) /* it has more than PIECES bufs */
        return write_copy(d, header, first);
    return writev(d->tap.fd, part, count);
}

/* Whether an error says that the interface was deleted on the host. */
static bool is_deleted_error(int error)
{
    return error == EBADFD || error == ENODEV || error == ENXIO;
}

static void on_deleted(struct device *d)
{
    if (d->network.gone)
        return;
    log_error(&network_unix, "%s was deleted", d->tap.name);
    d->network.up = false;
    d->network.gone = true;
    wake_all(&d->went_down);
    wake_all(&d->network.changed);
}

/* Frees a frame that was written, and handles the write's errno, or 0. */
static void complete_write(struct device *d, struct buf *frame, int error)
{
    buf_free(frame);
    if (error == 0)
        return;
    d->network.counters.dropped_out++;
    if (is_deleted_error(error)) {
        on_deleted(d);
    } else if (error == EIO) { /* it is down */
        d->network.up = false;
        wake_all(&d->went_down);
        wake_all(&d->network.changed);
    }
}

/* Copies the gathered writes to the front of a batch, and returns their
 * number. */
static size_t list_gathered(const struct device *d, struct batch_entry *entry)
{
    const struct gathered *g = &d->gathered;

    memcpy(entry, g->entry, g->frames * sizeof *entry);
    return g->frames;
}

static void complete_gathered(struct device *d, const struct batch_entry *entry)
{
    struct gathered *g = &d->gathered;
    size_t count = g->frames;

    g->frames = g->parts = g->bytes = 0;
    for (size_t i = 0; i < count; i++)
        complete_write(d, g->frame[i],
                       entry[i].done < 0 ? (int)-entry[i].done : 0);
}

static void send_gathered(struct device *d)
{
    struct batch_entry entry[WRITES];

    batch_run(d->batch, entry, list_gathered(d, entry));
    complete_gathered(d, entry);
}

/* Adds frame to the gathered ones. False: it has too many bufs. */
static bool gather(struct device *d, struct buf *frame)
{
    struct gathered *g = &d->gathered;
    struct iovec *part;
    int count = 0;

    if (g->parts + 1 + PIECES > PARTS)
        send_gathered(d);
    part = g->part + g->parts;
    if (d->tap.has_header) {
        virtio_net_hdr_write(g->header[g->frames], frame);
        part[count++] = (struct iovec){g->header[g->frames], VIRTIO_NET_HDR};
    }
    for (const struct buf *b = frame; b; b = b->next) {
        if (count > PIECES)
            return false;
        part[count++] = (struct iovec){b->data, b->len};
        g->bytes += b->len;
    }
    g->entry[g->frames] = (struct batch_entry){true, part, count, 0};
    g->frame[g->frames++] = frame;
    g->parts += (size_t)count;
    if (g->frames == WRITES || g->bytes >= BYTES)
        send_gathered(d);
    return true;
}

static void tap_write(struct network *n, struct buf *frame)
{
    struct device *d = device_of(n);
    ssize_t done;

    if (d->is_captured)
        pcap_add(frame, platform_wall());
    if (d->is_gathering && gather(d, frame))
        return;
    send_gathered(d);
    do
        done = write_frame(d, frame);
    while (done < 0 && errno == EINTR);
    complete_write(d, frame, done < 0 ? errno : 0);
}

/* Allocates pages for the next frame, as many as the pool has. */
static void allocate_pages(struct receive_slot *p)
{
    p->part[0] = (struct iovec){p->header, VIRTIO_NET_HDR};
    for (p->count = 0; p->count < PAGES; p->count++) {
        struct buf **page = &p->page[p->count];

        if (!*page) {
            *page = buf_new(0);
            if (!*page)
                return;
            p->part[1 + p->count] = (struct iovec){(*page)->data, PAGE_BYTES};
        }
    }
}

/* Makes a frame of the first len bytes of the slot's pages. */
static struct buf *detach_frame(struct receive_slot *p, size_t len)
{
    struct buf *frame = NULL, **end = &frame;

    for (int i = 0; len > 0; i++) {
        size_t n = len < PAGE_BYTES ? len : PAGE_BYTES;

        buf_append(p->page[i], n);
        *end = p->page[i];
        end = &p->page[i]->next;
        p->page[i] = NULL;
        len -= n;
    }
    return frame;
}

/* Prepares the read of a frame. Without pages the frame is read into a few
 * bytes, and dropped, so that the TAP does not stay readable. */
static void prepare_read(struct device *d, struct receive_slot *p,
                         struct batch_entry *entry)
{
    static uint8_t nowhere[16];
    static struct iovec lost = {nowhere, sizeof nowhere};
    int first = d->tap.has_header ? 0 : 1;

    allocate_pages(p);
    *entry = p->count > 0
                 ? (struct batch_entry){false, p->part + first,
                                        p->count + 1 - first, 0}
                 : (struct batch_entry){false, &lost, 1, 0};
}

/* The frame that was read by a system call that returned len. NULL: it was
 * dropped. */
static struct buf *finish_read(struct device *d, struct receive_slot *p,
                               ssize_t len)
{
    struct buf *frame;

    if (d->tap.has_header)
        len -= VIRTIO_NET_HDR;
    if (p->count == 0 || len < ETHERNET_HEADER ||
        len == (ssize_t)(PAGE_BYTES * (size_t)p->count)) { /* maybe truncated */
        d->network.counters.dropped_in++;
        return NULL;
    }
    frame = detach_frame(p, (size_t)len);
    if (d->tap.has_header && !virtio_net_hdr_read(p->header, frame)) {
        d->network.counters.dropped_in++;
        buf_free(frame);
        return NULL;
    }
    if (d->is_captured)
        pcap_add(frame, platform_wall());
    return frame;
}

/*
 * Sends the gathered frames, and reads. ERR_TIMEOUT: the TAP is empty.
 * ERR_GONE: it was deleted.
 */
static enum status exchange(struct device *d, struct buf *frames[READS],
                            size_t *count)
{
    struct batch_entry entry[WRITES + READS];
    size_t writes = list_gathered(d, entry), reads = d->reads;
    size_t found = 0;
    int error = 0;

    for (size_t i = 0; i < reads; i++)
        prepare_read(d, &d->place[i], &entry[writes + i]);
    batch_run(d->batch, entry, writes + reads);
    complete_gathered(d, entry);
    *count = 0;
    for (size_t i = 0; i < reads; i++) {
        ssize_t len = entry[writes + i].done;

        if (len < 0) {
            error = (int)-len;
            continue;
        }
        found++;
        frames[*count] = finish_read(d, &d->place[i], len);
        if (frames[*count])
            ++*count;
    }
    d->reads = found < READS ? found + 1 : READS;
    if (is_deleted_error(error) || d->network.gone)
        return ERR_GONE;
    return found < reads ? ERR_TIMEOUT : OK;
}

/* Lets the fibers that were woken by the frames run, and those that they wake,
 * such as TCP's work fiber. */
static enum status run_others(void)
{
    enum status s = fiber_yield();

    return s == OK ? fiber_yield() : s;
}

static void run_reader(void *ctx)
{
    struct device *d = ctx;
    enum status s = OK, yielded = OK;

    while (s != ERR_GONE && yielded == OK) {
        struct buf *frame[READS];
        size_t count;
        bool is_last;

        s = exchange(d, frame, &count);
        /* The sender of one short frame probably waits for the answer. */
        is_last = count == 0 ||
                  (count == 1 && buf_length(frame[0]) <= SHORT_FRAME);
        d->is_gathering = true;
        network_deliver(&d->network, frame, count);
        /* Without pages all frames are dropped, and the fibers that hold the
         * pages must run, even if frames keep coming. */
        if (count > 0 || s == OK)
            yielded = run_others();
        d->is_gathering = false;
        if (s != ERR_TIMEOUT || yielded != OK)
            continue;
        if (is_last)
            send_gathered(d);
        if (d->gathered.frames == 0)
            yielded = events_watch_wait(&d->watch);
    }
    send_gathered(d);
    if (s == ERR_GONE)
        on_deleted(d);
}

/* Follows the state of the link. A TAP that goes up becomes writable. */
static void run_link(void *ctx)
{
    struct device *d = ctx;
    enum status s = OK;

    while (s != ERR_CANCELLED && !d->network.gone) {
        if (!d->network.up && tap_is_up(&d->tap)) {
            log_info(&network_unix, "%s is up", d->tap.name);
            d->network.up = true;
            wake_all(&d->network.changed);
        }
        if (d->network.up)
            s = wait_until(&d->went_down, FOREVER);
        else
            s = events_wait(d->fd_of_link, true, time_after(LINK_POLL));
        if (s == OK && !d->network.up && !tap_is_up(&d->tap))
            s = time_sleep(LINK_POLL);
    }
}

static void end_fiber(struct fiber *f)
{
    if (!f)
        return;
    fiber_cancel(f);
    while (fiber_join(f, FOREVER) != OK)
        continue;
}

/* Frees the device, as far as it was set up. */
static void tear_down(struct device *d)
{
    fiber_shield();
    end_fiber(d->reader);
    end_fiber(d->link);
    fiber_unshield();
    for (int i = 0; i < READS; i++)
        for (int j = 0; j < PAGES; j++)
            buf_free(d->place[i].page[j]);
    if (d->batch) {
        events_watch_end(&d->watch);
        batch_free(d->batch);
    }
    if (d->fd_of_link >= 0)
        close(d->fd_of_link);
    close(d->tap.fd);
    free(d);
}

static void tap_disconnect(struct network *n)
{
    tear_down(device_of(n));
}

static const struct network_ops tap_ops = {
    .write = tap_write,
    .disconnect = tap_disconnect,
};

static enum status set_up(struct device *d)
{
    const struct fiber_options reader = {d->tap.name, 0}, link = {"link", 0};

    if (tap_read_facts(&d->tap, &d->network.mtu, &d->network.mac) != OK)
        return ERR_IO;
    d->network.features = tap_set_offloads(&d->tap);
    d->network.ops = &tap_ops;
    d->network.name = d->tap.name;
    d->network.up = tap_is_up(&d->tap);
    d->is_captured = pcap_is_wanted();
    d->reads = 1;
    d->fd_of_link = dup(d->tap.fd);
    if (d->fd_of_link < 0)
        return ERR_IO;
    d->batch = batch_new(d->tap.fd);
    if (!d->batch)
        return ERR_NO_MEMORY;
    events_watch(&d->watch, d->tap.fd);
    if (buf_reserve(RESERVED) != OK ||
        fiber_spawn(&reader, run_reader, d, &d->reader) != OK ||
        fiber_spawn(&link, run_link, d, &d->link) != OK)
        return ERR_NO_MEMORY;
    return OK;
}

enum status network_unix_connect(const char *name, struct network **network)
{
    struct device *d = calloc(1, sizeof *d);
    enum status s;

    if (!d)
        return ERR_NO_MEMORY;
    d->fd_of_link = -1;
    s = tap_open(&d->tap, name);
    if (s != OK) {
        free(d);
        return s;
    }
    s = set_up(d);
    if (s != OK) {
        tear_down(d);
        return s;
    }
    log_info(&network_unix, "%s: MTU %u, address %s%s", d->tap.name,
             d->network.mtu, mac_text(d->network.mac).s,
             d->network.up ? "" : ", not up yet");
    *network = &d->network;
    return OK;
}
