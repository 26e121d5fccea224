/* SPDX-License-Identifier: ISC */
/*
 * network: sends and receives Ethernet frames, without their checksum (FCS).
 *
 * features has what a device can do for the sender; the offload of a frame's
 * first buf (mirage/buf.h) has what it is asked to do for this frame, or has
 * already done. network_write does in software what a frame asks for and the
 * device cannot do, so a stack need not look at features.
 *
 * A frame that asks for something has all of its headers in its first buf. An
 * IPv4 header may have options. An IPv6 header may be followed by hop-by-hop
 * and destination options (RFC 8200, 4.3, 4.6), if TCP or UDP begins within 256
 * bytes. A frame with other extension headers must ask for nothing; if it is to
 * be cut, it is dropped. The checksum field holds the sum of the pseudo header
 * with the length of all that follows (RFC 9293, 3.1; RFC 8200, 8.1). The
 * device, or network_write, sets each segment's lengths, checksums, sequence
 * number, flags and, for IPv4, identification.
 *
 * A received frame can be passed on to another device as it is: its offload
 * describes the checksum and the segmentation that the second one must do.
 */
#ifndef MIRAGE_NETWORK_H
#define MIRAGE_NETWORK_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <stdint.h>

#define ETHERNET_HEADER 14 /* bytes */
#define NETWORK_BATCH   64 /* frames that a handler gets at once, at most */
#define NETWORK_FRAME   65549 /* bytes of a frame before it is cut into
                                 segments, at most: 65,535 after the header */
#define NETWORK_JOINED  65535 /* bytes of a frame that a device cuts, at most */

/* Work that a device does for the sender: the first three for IPv4, the others
 * the same for IPv6. */
enum network_feature {
    NETWORK_CHECKSUM = 1, /* fills in TCP and UDP checksums */
    NETWORK_TCP_SEGMENTS = 2, /* cuts TCP into segments; implies CHECKSUM */
    NETWORK_UDP_SEGMENTS = 4, /* cuts UDP into datagrams; implies CHECKSUM */
    NETWORK_CHECKSUM_IPV6 = 8,
    NETWORK_TCP_SEGMENTS_IPV6 = 16, /* implies CHECKSUM_IPV6 */
    NETWORK_UDP_SEGMENTS_IPV6 = 32, /* the same */
};

struct network_counters {
    uint64_t frames_in, bytes_in, dropped_in;
    uint64_t frames_out, bytes_out, dropped_out;
};

/*
 * Called with count frames, 1 to NETWORK_BATCH, that were received together.
 * Takes each. A frame has ETHERNET_HEADER to NETWORK_FRAME bytes: more than the
 * MTU if the device has joined several segments. Runs in the driver's fiber and
 * must not block.
 */
typedef void frames_handler(void *ctx, struct buf *const *frames,
                            size_t count);

struct network {
    const struct network_ops *ops;
    const char *name; /* for people */
    struct mac mac;
    uint16_t mtu; /* bytes, without the Ethernet header */
    unsigned features;
    bool up; /* frames can be sent */
    bool gone; /* for good: up will never be true again */
    struct waiters changed; /* woken when up or gone changes */
    struct network_counters counters;
    frames_handler *listener; /* device/network.c's own; NULL: none yet */
    void *listener_ctx;
};

/*
 * Sends a frame. Takes it in any case: if the device's queue is full, the link
 * is down, or the frame is longer than the device takes, it is dropped, and
 * counted. Never blocks.
 */
void network_write(struct network *n, struct buf *frame);

/*
 * Makes fn(ctx, frames, count) the listener, in place of the one before it:
 * it is called for all frames received from now on. Frames received without a
 * listener are dropped, and counted. Keeps ctx.
 */
void network_listen(struct network *n, frames_handler *fn, void *ctx);

/*
 * Ends the use of the device and frees n: the listener is called no more, and a
 * TAP is closed. Nothing above n may be in use any more, and no fiber may wait
 * for n->changed. A network of Xen's stays connected until the image ends, and
 * drops what it receives. Blocks, also in a cancelled fiber; must not be called
 * by the listener.
 */
void network_disconnect(struct network *n);

/*
 * The driver's side: each as its namesake above. None may be NULL. A frame
 * that is written asks for nothing that features does not promise.
 */
struct network_ops {
    void (*write)(struct network *n, struct buf *frame);
    void (*disconnect)(struct network *n);
};

/*
 * Called by a driver, in its fiber: hands count frames, at most NETWORK_BATCH,
 * to the listener, and counts them. Takes each. Frames shorter or longer than
 * frames_handler says are dropped, whatever the host says of them.
 */
void network_deliver(struct network *n, struct buf *const *frames,
                     size_t count);

/* A transport header of a frame. */
struct transport {
    enum offload_kind kind; /* OFFLOAD_NONE: none that a device works on */
    uint16_t start; /* its offset in the first buf; 0 for OFFLOAD_NONE */
};

/*
 * Finds the transport header of an Ethernet frame, TCP's or UDP's, by the IP
 * header and the options before it, which must lie in the first buf. Its own
 * bytes may be missing.
 */
struct transport network_transport(const struct buf *frame);

#endif
