/* SPDX-License-Identifier: ISC */
/*
 * vif: a fake of Linux's xen-netback. A request that the protocol forbids fails
 * the test. Frames of the image go to another interface, or to the test.
 */
#ifndef XEN_FAKE_VIF_H
#define XEN_FAKE_VIF_H

#include "backend.h"
#include <xen/shared_ring.h>
#include <xen/io/netif.h>

#define VIF_FRAME 65549 /* bytes */
#define VIF_QUEUE 600 /* frames; others are dropped */

struct vif_frame {
    uint8_t *bytes;
    size_t len;
    uint16_t segment; /* size; 0: it is one */
    /* XEN_NETIF_GSO_TYPE_; 0: that of its EtherType. With a type and no size
     * there is an extra segment nevertheless. */
    uint8_t gso;
    bool is_blank, is_checked; /* checksum: to be filled in; is right */
};

struct fake_vif {
    struct backend backend;

    /* Set before vif_add, or NULL. */
    struct fake_vif *peer;
    void (*on_frame)(struct fake_vif *v, const struct vif_frame *f);
    nanoseconds late_by; /* until it is up; netback needs a second */

    unsigned frames_out, frames_in, dropped, slots_most, segments_out;
    unsigned segments_in;
    bool refuses; /* responds to each frame with an error */
    bool fails; /* received frames are errors */
    uint16_t offset; /* of data in received pages */
    uint16_t promises; /* flags of received pieces, none of them true */

    /* Responds to a frame. False: as usual. */
    bool (*respond)(struct fake_vif *v, unsigned pieces);

    /* The grants of the present frame. */
    uint32_t slot_grant[XEN_NETIF_NR_SLOTS_MIN];
    unsigned slots;

    nanoseconds up_at;
    netif_tx_back_ring_t tx;
    netif_rx_back_ring_t rx;
    uint32_t tx_page, rx_page;
    struct vif_frame queue[VIF_QUEUE]; /* to the image */
    unsigned from, count;
};

/* offers: as in struct backend. */
void vif_add(struct fake_vif *v, unsigned number, const char *offers);

/* The grant of the page that receives the next frame. */
uint32_t vif_next_page(struct fake_vif *v);

/* Sends a copy of a frame to the image. */
void vif_send(struct fake_vif *v, const struct vif_frame *f);

#endif
