/* SPDX-License-Identifier: ISC */
/*
 * network_queues: the receive and transmit queues of a virtio network device
 * (virtio 1.2, 5.1.6).
 */
#ifndef VIRTIO_NETWORK_QUEUES_H
#define VIRTIO_NETWORK_QUEUES_H

#include "virtio.h"
#include <mirage/network.h>
#include <mirage/virtio_net_hdr.h>

#define NETWORK_RX      256u /* pages that the device has to receive into */
#define NETWORK_TX      256u /* entries of the transmit queue */
#define NETWORK_PIECES  20u /* of a frame that is sent, with its header */
#define NETWORK_RX_MOST 17u /* pages of the largest frame with its header */

/* A frame that is being sent. The slots lie in pages of their own, since the
 * device reads the header. */
struct tx_slot {
    struct buf *frame;
    struct tx_slot *next; /* free slot */
    uint8_t header[VIRTIO_NET_HDR];
};

struct interface {
    struct network network;
    char name[24];
    struct virtio_device *device;
    struct virtqueue *rx, *tx, *control; /* NULL: there is none now */
    unsigned header; /* bytes of the header of a frame */
    unsigned rx_pages; /* of a receive buffer; 1: with merged buffers */
    unsigned rx_limit; /* pages that the device has at most */
    struct tx_slot *slots, *free_slot;
    bool is_link_up; /* as the device says */
    struct waiters work; /* for the driver's fiber */
    uint8_t *command; /* a page: the command on the control queue, its answer */
    struct buf *batch[NETWORK_BATCH];
    size_t batch_count;
};

/* Creates both queues, for the features of the device. on_used is called with
 * i when frames have been received. */
MUST_CHECK enum status network_queues_create(struct interface *i,
                                             void (*on_used)(void *ctx));

/* Frees the bufs that a device that was reset had. */
void network_queues_reclaim(struct interface *i);

/* Adds a frame to the transmit queue, or drops it. Takes frame. The next
 * network_queues_turn notifies the device. */
void network_queues_send(struct interface *i, struct buf *frame);

/*
 * Frees what was sent, delivers what was received, at most NETWORK_BATCH
 * frames, gives the device new pages, and notifies it, once for each queue.
 * Returns whether there may be more to receive now; otherwise on_used will be
 * called. *enough: the receive queue is full.
 */
bool network_queues_turn(struct interface *i, bool *enough);

#endif
