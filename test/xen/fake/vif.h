/* SPDX-License-Identifier: ISC */
/*
 * vif: a network interface of dom0's, served as by Linux's xen-netback. What
 * the protocol forbids fails the test. What the image sends goes to the other
 * end of a wire, where another interface is, or the test.
 */
#ifndef XEN_FAKE_VIF_H
#define XEN_FAKE_VIF_H

#include "backend.h"
#include <xen/shared_ring.h>
#include <xen/io/netif.h>

#define VIF_FRAME 65549 /* bytes */
#define VIF_QUEUE 600 /* frames; beyond they are dropped */

struct vif_frame {
    uint8_t *bytes;
    size_t len;
    uint16_t segment; /* 0: it is one */
    bool is_blank, is_checked; /* its checksum is left out; is right */
};

struct fake_vif {
    struct backend backend;

    /* Set before vif_add, or NULL. */
    struct fake_vif *peer;
    void (*hears)(struct fake_vif *v, const struct vif_frame *f);
    nanoseconds deaf_for; /* as the real one, which is up a second late */

    unsigned frames_out, frames_in, dropped, slots_most, segments_out;
    unsigned segments_in;
    bool refuses; /* it answers each frame with an error */
    bool fails; /* what comes is an error of a page */
    uint16_t promises; /* flags of all that comes, of which nothing is true */

    /* Instead of the responses to a frame of so many pieces. */
    bool (*answers)(struct fake_vif *v, unsigned pieces);

    /* The grants of the frame that is heard. */
    uint32_t slot_grant[XEN_NETIF_NR_SLOTS_MIN];
    unsigned slots;

    nanoseconds up_at;
    netif_tx_back_ring_t tx;
    netif_rx_back_ring_t rx;
    uint32_t tx_page, rx_page;
    struct vif_frame queue[VIF_QUEUE]; /* for the image */
    unsigned from, count;
};

/* offers: as struct backend has it. */
void vif_add(struct fake_vif *v, unsigned number, const char *offers);

/* The grant of the page in which the next frame goes. */
uint32_t vif_next_page(struct fake_vif *v);

/* A frame for the image; copied. */
void vif_send(struct fake_vif *v, const struct vif_frame *f);

#endif
