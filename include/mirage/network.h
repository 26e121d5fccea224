/* SPDX-License-Identifier: ISC */
/*
 * network: Ethernet frames, whole, without their checksum.
 */
#ifndef MIRAGE_NETWORK_H
#define MIRAGE_NETWORK_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <stdint.h>

/* Takes frame. */
typedef void frame_handler(void *ctx, struct buf *frame);

struct network {
    const struct network_ops *ops;
    struct mac                mac;
    uint16_t                  mtu; /* bytes, without the Ethernet header */
};

/* Sends a frame, and takes it, whatever happens. Drops when the ring is full:
 * never blocks. */
void network_write(struct network *n, struct buf *frame);

/*
 * From now on calls fn(ctx, frame) for each frame that arrives, in the
 * driver's fiber. One listener, the latest; keeps ctx.
 */
void network_listen(struct network *n, frame_handler *fn, void *ctx);

/* The driver's side: each as its namesake above. None may be NULL. */
struct network_ops {
    void (*write)(struct network *n, struct buf *frame);
    void (*listen)(struct network *n, frame_handler *fn, void *ctx);
    void (*disconnect)(struct network *n);
};

#endif
