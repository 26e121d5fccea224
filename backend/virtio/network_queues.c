/* SPDX-License-Identifier: ISC */
/*
 * Frames in virtqueues (virtio 1.2, 5.1.6). Received frames stay in the pages
 * into which the device wrote them, and frames are sent from where they lie,
 * each with its header in a slot. The device can write to all of it, at any
 * time: headers are copied before they are looked at.
 */
#include "network_queues.h"
#include <linux/virtio_net.h>
#include <mirage/bare.h>
#include <mirage/bytes.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <string.h>

#define RX_QUEUE 0u
#define TX_QUEUE 1u

#define NUM_BUFFERS 10 /* the offset of this field of the header */
#define REFILL      16u /* buffers that are added together, at least */

static unsigned pages_for(size_t bytes)
{
    return (unsigned)((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* The pages of a receive buffer: with merged buffers, one; else as many as the
 * largest frame takes (5.1.6.3.1). */
static unsigned rx_pages_of(const struct interface *i)
{
    if (virtio_has(i->device, VIRTIO_NET_F_MRG_RXBUF))
        return 1;
    if (virtio_has(i->device, VIRTIO_NET_F_GUEST_TSO4) ||
        virtio_has(i->device, VIRTIO_NET_F_GUEST_TSO6))
        return NETWORK_RX_MOST;
    return pages_for(i->header + ETHERNET_HEADER + (size_t)i->network.mtu);
}

static bool allocate_slots(struct interface *i)
{
    i->slots = page_alloc(pages_for(NETWORK_TX * sizeof *i->slots));
    return i->slots;
}

static void free_all_slots(struct interface *i)
{
    i->free_slot = NULL;
    for (unsigned n = 0; n < NETWORK_TX; n++) {
        i->slots[n] = (struct tx_slot){.next = i->free_slot};
        i->free_slot = &i->slots[n];
    }
}

enum status network_queues_create(struct interface *i,
                                  void (*on_used)(void *ctx))
{
    struct virtio_device *d = i->device;
    enum status s;

    if (!i->slots && !allocate_slots(i))
        return ERR_NO_MEMORY;
    free_all_slots(i);
    i->header = d->is_legacy && !virtio_has(d, VIRTIO_NET_F_MRG_RXBUF)
                    ? NUM_BUFFERS
                    : VIRTIO_NET_HDR;
    i->rx_pages = rx_pages_of(i);
    /* A third of a small pool is left for frames that are sent. */
    i->rx_limit = (unsigned)min(buf_pages() * 2 / 3, (size_t)NETWORK_RX);
    s = virtqueue_create(d, RX_QUEUE, NETWORK_RX,
                         (uint16_t)(i->rx_pages + 1), on_used, i, &i->rx);
    if (s != OK)
        return s;
    /* Nothing is called when frames have been sent: it is never enabled. */
    return virtqueue_create(d, TX_QUEUE, NETWORK_TX, NETWORK_PIECES, on_used,
                            i, &i->tx);
}

void network_queues_reclaim(struct interface *i)
{
    struct tx_slot *slot;
    struct buf *b;

    if (i->device->keeps_memory)
        return; /* the pages stay the device's for ever */
    while (i->rx && (b = virtqueue_reclaim(i->rx)))
        buf_free(b);
    while (i->tx && (slot = virtqueue_reclaim(i->tx)))
        buf_free(slot->frame);
}

/* ---- Transmit ---- */

static void drop(struct interface *i, struct buf *frame)
{
    i->network.counters.dropped_out++;
    buf_free(frame);
}

static void free_sent(struct interface *i)
{
    struct tx_slot *slot;
    uint32_t written;

    while ((slot = virtqueue_used(i->tx, &written))) {
        buf_free(slot->frame);
        slot->frame = NULL;
        slot->next = i->free_slot;
        i->free_slot = slot;
    }
}

/* Whether the device can read the frame where it lies. Of a page it reads no
 * more than the frame has there. */
static bool can_send_in_place(const struct buf *frame)
{
    unsigned bufs = 0;

    for (const struct buf *b = frame; b; b = b->next)
        if (++bufs >= NETWORK_PIECES || !bare_is_physical(b->data, b->len))
            return false;
    return true;
}

/* Adds the frame of a slot. */
static bool add_frame(struct interface *i, struct tx_slot *slot)
{
    struct virtio_piece pieces[NETWORK_PIECES];
    unsigned count = 0;

    pieces[count++] = (struct virtio_piece){slot->header, i->header};
    for (const struct buf *b = slot->frame; b; b = b->next)
        if (b->len > 0)
            pieces[count++] = (struct virtio_piece){b->data, (uint32_t)b->len};
    return virtqueue_add(i->tx, pieces, count, 0, slot);
}

void network_queues_send(struct interface *i, struct buf *frame)
{
    struct tx_slot *slot;

    if (!i->tx || !i->network.up) {
        drop(i, frame);
        return;
    }
    if (!i->free_slot || virtqueue_room(i->tx) < NETWORK_PIECES)
        free_sent(i);
    slot = i->free_slot;
    if (slot && !can_send_in_place(frame)) {
        struct buf *copy = buf_copy(frame);

        buf_free(frame);
        frame = copy;
    }
    if (!slot || !frame) {
        drop(i, frame);
        return;
    }
    slot->frame = frame;
    virtio_net_hdr_write(slot->header, frame);
    if (!add_frame(i, slot)) {
        slot->frame = NULL;
        drop(i, frame);
        return;
    }
    i->free_slot = slot->next;
}

/* ---- Receive ---- */

/* A list of `pages` whole pages. */
static struct buf *new_buffer(unsigned pages)
{
    struct buf *list = NULL;

    for (unsigned n = 0; n < pages; n++) {
        struct buf *b = buf_new(0);

        if (!b) {
            buf_free(list);
            return NULL;
        }
        (void)buf_append(b, PAGE_BYTES);
        b->next = list;
        list = b;
    }
    return list;
}

/* Adds a receive buffer. A legacy device may want the header in a piece of its
 * own (5.1.6.6). */
static bool add_buffer(struct interface *i, struct buf *buffer)
{
    struct virtio_piece pieces[NETWORK_RX_MOST + 1];
    unsigned count = 0;
    size_t from = 0;

    if (i->device->is_legacy && i->rx_pages > 1) {
        pieces[count++] = (struct virtio_piece){buffer->data, i->header};
        from = i->header;
    }
    for (struct buf *b = buffer; b; b = b->next, from = 0)
        pieces[count++] = (struct virtio_piece){b->data + from,
                                                (uint32_t)(b->len - from)};
    return virtqueue_add(i->rx, pieces, 0, count, buffer);
}

/* Whether the device has as many pages to receive into as it should. */
static bool is_full(const struct interface *i)
{
    return virtqueue_room(i->rx) == 0 ||
           virtqueue_in_flight(i->rx) * i->rx_pages >= i->rx_limit;
}

/* Adds buffers until the queue is full, in batches. False: the pool is
 * empty. */
static bool fill(struct interface *i)
{
    unsigned most = min(virtqueue_size(i->rx), i->rx_limit / i->rx_pages);
    unsigned missing = most - min(virtqueue_in_flight(i->rx), most);

    if (missing < min(REFILL, most / 2 + 1))
        return true;
    while (!is_full(i)) {
        struct buf *buffer = new_buffer(i->rx_pages);

        if (!buffer)
            return false;
        if (!add_buffer(i, buffer)) {
            buf_free(buffer);
            break;
        }
    }
    return true;
}

static void deliver(struct interface *i)
{
    size_t count = i->batch_count;

    i->batch_count = 0;
    if (count > 0)
        network_deliver(&i->network, i->batch, count);
}

/* The next used buffer, cut to what was written. NULL: there is none. */
static struct buf *next_buffer(struct interface *i, uint32_t least)
{
    uint32_t written;
    struct buf *b = virtqueue_used(i->rx, &written);

    if (!b)
        return NULL;
    if (written < least) {
        virtio_broken(i->device, "uses a receive buffer for less than a "
                                 "header, or for nothing");
        buf_free(b);
        return NULL;
    }
    buf_cut(b, written);
    return b;
}

/* Appends the other buffers of a frame of `count` merged ones. They have been
 * used together with the first (5.1.6.4). False: the device is broken. */
static bool merge(struct interface *i, struct buf *frame, unsigned count)
{
    struct buf **end = &buf_last(frame)->next;

    if (count == 0 || count > NETWORK_RX_MOST) {
        virtio_broken(i->device, "says that a frame has no or too many "
                                 "buffers");
        return false;
    }
    while (--count > 0) {
        *end = next_buffer(i, 1);
        if (!*end) {
            virtio_broken(i->device, "uses fewer buffers than a frame has");
            return false;
        }
        end = &(*end)->next;
    }
    return true;
}

/* Receives one frame. False: there is none. */
static bool receive(struct interface *i)
{
    uint8_t header[VIRTIO_NET_HDR] = {0};
    struct buf *frame = next_buffer(i, i->header);

    if (!frame)
        return false;
    memcpy(header, frame->data, i->header);
    buf_trim(frame, i->header);
    if (virtio_has(i->device, VIRTIO_NET_F_MRG_RXBUF) &&
        !merge(i, frame, get_le16(header + NUM_BUFFERS))) {
        buf_free(frame);
        return false;
    }
    if (!virtio_net_hdr_read(header, frame)) {
        i->network.counters.dropped_in++;
        buf_free(frame);
        return true;
    }
    i->batch[i->batch_count++] = frame;
    return true;
}

bool network_queues_turn(struct interface *i, bool *enough)
{
    unsigned count = 0;

    *enough = true;
    if (!i->rx || !i->tx)
        return false;
    virtqueue_disable(i->rx);
    free_sent(i);
    while (count < NETWORK_BATCH && receive(i))
        count++;
    *enough = fill(i);
    virtqueue_kick(i->rx);
    deliver(i);
    virtqueue_kick(i->tx);
    return !i->device->is_gone &&
           (count == NETWORK_BATCH || !virtqueue_enable(i->rx));
}
