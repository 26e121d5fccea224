/* SPDX-License-Identifier: ISC */
/*
 * netfront with a hostile backend (backend.h): each response gives a valid
 * frame or none, no page is reused while the backend has it mapped, and no page
 * is missing when it has unmapped all.
 *
 * The first bytes of the input are wrong values in xenstore; the rest are
 * actions of the backend.
 */
#include "backend.h"
#include <mirage/bytes.h>

static enum status reserve_once(size_t pages);

#define buf_reserve reserve_once
#include <xen/network_rx.c>
#include <xen/network_tx.c>
#include <xen/network_xen.c>
#include <xen/tx_frame.c>
#undef buf_reserve

static struct offer offers[] = {{"backend-id", "7", 0},
                                {"backend", "/local/domain/7/b", 0},
                                {"mac", "00:16:3e:00:00:01", 0},
                                {"mtu", "1500", 0},
                                {"feature-rx-copy", "1", 0},
                                {"feature-sg", "1", 0},
                                {"feature-gso-tcpv4", "1", 0},
                                {"feature-gso-tcpv6", "1", 0},
                                {"feature-ipv6-csum-offload", "1", 0}};
static const size_t offers_count = sizeof offers / sizeof offers[0];

/* Reserves pages once for all inputs. */
static enum status reserve_once(size_t pages)
{
    static bool is_done;

    if (!is_done)
        check(buf_reserve(2 * pages) == OK);
    is_done = true;
    return OK;
}

static unsigned find_rings(struct ring rings[2])
{
    struct interface *i = interface_of_front(channel->ctx);

    rings[0] = (struct ring){
        .shared = i->tx_pages.pages,
        .head = offsetof(netif_tx_sring_t, ring),
        .entry = sizeof(union netif_tx_sring_entry),
        .request_id = offsetof(netif_tx_request_t, id),
        .id_bytes = 2,
        .status = offsetof(netif_tx_response_t, status),
        .size = NETWORK_SLOTS,
    };
    rings[1] = (struct ring){
        .shared = i->rx_pages.pages,
        .head = offsetof(netif_rx_sring_t, ring),
        .entry = sizeof(union netif_rx_sring_entry),
        .request_id = offsetof(netif_rx_request_t, id),
        .id_bytes = 2,
        .status = offsetof(netif_rx_response_t, status),
        .receives = true,
        .size = NETWORK_SLOTS,
    };
    return 2;
}

static void receive(void *ctx, struct buf *const *frames, size_t count)
{
    static uint8_t bytes[NETWORK_FRAME];

    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        check(buf_length(frames[i]) <= sizeof bytes);
        buf_copy_out(frames[i], 0, bytes, buf_length(frames[i]));
        buf_free(frames[i]);
    }
}

static struct buf *frame_of(size_t len)
{
    static uint8_t bytes[20000];
    bool is_ipv6 = len / 600 % 2;
    struct buf *b;

    put_be16(bytes + 12, is_ipv6 ? 0x86dd : 0x0800);
    b = buf_copy_in(bytes, len, 0);
    if (b && len > 1500)
        b->offload = (struct offload){
            .kind = is_ipv6 ? OFFLOAD_TCP_IPV6 : OFFLOAD_TCP_IPV4,
            .csum_start = is_ipv6 ? 54 : 34,
            .segment = 1400};
    return b;
}

static void send_frames(void *ctx)
{
    struct network *n = ctx;

    for (unsigned i = 0; i < 600 && !n->gone; i++) {
        struct buf *b = frame_of(i % 3 ? 60 : i % 30 * 600 + 14);

        if (b)
            network_write(n, b);
        if (i % 20 < 10 && time_sleep(MILLISECOND) != OK)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fiber *f;
    struct network *n;

    begin(data, size);
    for (unsigned k = next_byte() % 4u; k > 0; k--)
        offers[next_byte() % offers_count].wrong = next_byte();
    if (network_xen_connect("0", &n) == OK) {
        network_listen(n, receive, NULL);
        check(fiber_spawn(NULL, send_frames, n, &f) == OK);
    } else {
        unmap_all();
        check(reclaim(&((struct interface *)taken[0].at)->front) == 0);
    }
    finish_all(1);
    check(buf_pages_free() == buf_pages());
    return 0;
}
