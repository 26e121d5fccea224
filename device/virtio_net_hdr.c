/* SPDX-License-Identifier: ISC */
/*
 * The header before a frame of a virtio network device (virtio 1.2, 5.1.6), all
 * of its fields little-endian.
 */
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <mirage/virtio_net_hdr.h>
#include <string.h>

/* Offsets of the fields; hdr_len and those after it have 16 bits. */
enum { FLAGS = 0,
       GSO_TYPE = 1,
       HDR_LEN = 2,
       GSO_SIZE = 4,
       CSUM_START = 6,
       CSUM_OFFSET = 8 };

#define NEEDS_CSUM 1 /* flags */
#define DATA_VALID 2

#define GSO_NONE   0 /* gso_type */
#define GSO_TCPV4  1
#define GSO_TCPV6  4
#define GSO_UDP_L4 5

static const uint8_t gso_of[] = {
    [OFFLOAD_NONE] = GSO_NONE,
    [OFFLOAD_TCP_IPV4] = GSO_TCPV4,
    [OFFLOAD_UDP_IPV4] = GSO_UDP_L4,
    [OFFLOAD_TCP_IPV6] = GSO_TCPV6,
    [OFFLOAD_UDP_IPV6] = GSO_UDP_L4,
};

void virtio_net_hdr_write(uint8_t header[static VIRTIO_NET_HDR],
                          const struct buf *frame)
{
    const struct offload *o = &frame->offload;

    memset(header, 0, VIRTIO_NET_HDR);
    if (o->kind == OFFLOAD_NONE)
        return;
    header[FLAGS] = NEEDS_CSUM;
    put_le16(header + CSUM_START, o->csum_start);
    put_le16(header + CSUM_OFFSET, offload_csum_offset(o->kind));
    if (!o->segment)
        return;
    header[GSO_TYPE] = gso_of[o->kind];
    put_le16(header + GSO_SIZE, o->segment);
    put_le16(header + HDR_LEN, (uint16_t)frame->len);
}

/* Checks the size of the segments that the device has joined, which are of the
 * kind that it names. */
static bool set_segment(struct offload *o, uint8_t gso, uint16_t size,
                        enum offload_kind kind)
{
    o->segment = size;
    return size != 0 && kind != OFFLOAD_NONE && gso == gso_of[kind];
}

/* Computes the checksum at start + offset. False: the field is not in the first
 * buf. */
static bool fill(struct buf *frame, size_t start, size_t offset)
{
    size_t len = buf_length(frame);

    if (start + offset + 2 > frame->len)
        return false;
    put_be16(frame->data + start + offset,
             checksum_finish(checksum_add_bufs(0, frame, start, len - start)));
    return true;
}

bool virtio_net_hdr_read(const uint8_t header[static VIRTIO_NET_HDR],
                         struct buf *frame)
{
    struct offload *o = &frame->offload;
    bool needs_csum = header[FLAGS] & NEEDS_CSUM;
    uint8_t gso = header[GSO_TYPE];
    uint16_t start = get_le16(header + CSUM_START);
    uint16_t offset = get_le16(header + CSUM_OFFSET);
    struct transport t;

    *o = (struct offload){
        .csum_good = header[FLAGS] & (NEEDS_CSUM | DATA_VALID),
    };
    if (!needs_csum && gso == GSO_NONE)
        return true;
    t = network_transport(frame);
    if (gso != GSO_NONE &&
        !set_segment(o, gso, get_le16(header + GSO_SIZE), t.kind))
        return false;
    if (!needs_csum)
        return true;
    if (t.kind != OFFLOAD_NONE && start == t.start &&
        offset == offload_csum_offset(t.kind)) {
        o->kind = t.kind;
        o->csum_start = start;
        return true;
    }
    return gso == GSO_NONE && fill(frame, start, offset);
}
