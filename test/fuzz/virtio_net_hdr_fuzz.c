/* SPDX-License-Identifier: ISC */
/*
 * A frame and the virtio_net_hdr before it, as a host may write them (virtio
 * 1.2, 5.1.6). An accepted frame has an offload that its own headers confirm,
 * and a device without features sends all of it finished. The first byte says
 * how long the bufs of the frame are.
 */
#include "platform.h"
#include <mirage/bytes.h>
#include <mirage/network.h>
#include <mirage/virtio_net_hdr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sent(struct network *n, struct buf *frame)
{
    (void)n;
    check(frame->offload.kind == OFFLOAD_NONE && frame->offload.segment == 0);
    check(buf_length(frame) <= 1500 + ETHERNET_HEADER);
    buf_free(frame);
}

static void check_offload(const struct buf *b)
{
    const struct offload *o = &b->offload;
    const uint8_t *ip = b->data + ETHERNET_HEADER;
    uint8_t protocol;
    size_t end;

    if (o->kind == OFFLOAD_NONE && o->segment == 0)
        return;
    check(b->len >= ETHERNET_HEADER + 20);
    if (get_be16(b->data + 12) == 0x0800) {
        protocol = ip[9];
        end = ETHERNET_HEADER + 4 * (size_t)(ip[0] & 15);
    } else {
        check(get_be16(b->data + 12) == 0x86dd);
        check(b->len >= ETHERNET_HEADER + 40);
        protocol = ip[6];
        end = ETHERNET_HEADER + 40;
        while (protocol == 0 || protocol == 60) { /* options */
            check(b->len >= end + 8);
            protocol = b->data[end];
            end += 8 * (size_t)(b->data[end + 1] + 1);
        }
    }
    check(b->len >= end && (protocol == 6 || protocol == 17));
    if (o->kind == OFFLOAD_NONE)
        return;
    check(o->csum_good && o->csum_start == end);
    check(offload_is_tcp(o->kind) == (protocol == 6));
    check(offload_is_ipv6(o->kind) == (get_be16(b->data + 12) == 0x86dd));
}

static struct buf *frame_of(const uint8_t *data, size_t size, size_t piece)
{
    struct buf *first = NULL, **end = &first;

    while (size > 0) {
        size_t n = size < piece ? size : piece;

        *end = buf_copy_in(data, n, 0);
        check(*end != NULL);
        end = &(*end)->next;
        data += n;
        size -= n;
    }
    return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct network_ops ops = {.write = check_sent};
    struct network n = {.ops = &ops, .mtu = 1500, .up = true};
    struct buf *frame;

    if (buf_pages() == 0)
        check(buf_reserve(8192) == OK);
    if (size < 1 + VIRTIO_NET_HDR + ETHERNET_HEADER)
        return 0;
    frame = frame_of(data + 1 + VIRTIO_NET_HDR, size - 1 - VIRTIO_NET_HDR,
                     1 + 16u * data[0]);
    if (virtio_net_hdr_read(data + 1, frame)) {
        check_offload(frame);
        network_write(&n, frame);
    } else {
        buf_free(frame);
    }
    check(buf_pages_free() == buf_pages());
    return 0;
}
