/* SPDX-License-Identifier: ISC */
/*
 * virtio_net_hdr: the header before each frame of a virtio network device
 * (virtio 1.2, 5.1.6) and of a TAP with IFF_VNET_HDR (Linux's if_tun.h). By it
 * either side leaves checksums and segmentation to the other.
 */
#ifndef MIRAGE_VIRTIO_NET_HDR_H
#define MIRAGE_VIRTIO_NET_HDR_H

#include <mirage/buf.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of the header with num_buffers, which all devices since virtio 1.0
 * have. A TAP is told so (TUNSETVNETHDRSZ), and that it is little-endian. */
#define VIRTIO_NET_HDR 12

/* Writes the header of a frame to be sent, from the offload in its first buf:
 * the headers of a frame that is to be cut lie in that buf. */
void virtio_net_hdr_write(uint8_t header[static VIRTIO_NET_HDR],
                          const struct buf *frame);

/*
 * Sets frame's offload from the header of a received frame, which the host may
 * have written as it likes. num_buffers is not read: it is for the driver. A
 * checksum to be filled in for a protocol that enum offload_kind does not name
 * is filled in here.
 *
 * False: the header contradicts the frame, or asks for what no driver of ours
 * negotiates. The frame must be dropped.
 */
MUST_CHECK bool virtio_net_hdr_read(const uint8_t header[static VIRTIO_NET_HDR],
                                    struct buf *frame);

#endif
