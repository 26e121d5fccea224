/* SPDX-License-Identifier: ISC */
/*
 * nic: a virtio network device (virtio 1.2, 5.1) on the fake, and a wire to
 * another one.
 */
#ifndef VIRTIO_FAKE_NIC_H
#define VIRTIO_FAKE_NIC_H

#include "devices.h"

enum { NIC_FRAME = 66000,
       NIC_HEADER = 12 };

struct nic {
    struct fake *fake;
    struct nic *peer; /* gets all frames; NULL: there is no wire */
    void (*on_frame)(struct nic *n); /* a frame was sent: `last` */
    uint8_t header[NIC_HEADER]; /* of the last frame that was sent */
    uint8_t last[NIC_FRAME];
    size_t last_len;
    const uint8_t *last_at; /* where its last piece lies */
    unsigned sent, received, lost; /* frames */
    unsigned segmented; /* frames that were sent to be cut */
    unsigned pieces_most; /* of a frame that was sent */
    unsigned buffers_most; /* of a frame that was received */
    unsigned announced; /* acknowledgements of an announcement */
};

/* Adds a device with these features and the MAC address 02:00:00:00:00:number,
 * link up, to the machine. */
void nic_add(struct nic *n, uint64_t features, bool is_legacy,
             unsigned number);

/* Frees the devices inside of all nics, which no driver uses any more. */
void nics_free(void);

/* Has the device receive a frame; num_buffers is filled in. False: it has no
 * room. */
bool nic_receive(struct nic *n, const uint8_t header[NIC_HEADER],
                 const uint8_t *frame, size_t len);

/* Sets the field status of the configuration. */
void nic_set_status(struct nic *n, uint16_t status);

#endif
