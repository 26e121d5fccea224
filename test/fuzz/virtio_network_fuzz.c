/* SPDX-License-Identifier: ISC */
/*
 * The driver of networks over each transport on a hostile device
 * (virtio_device.h): frames are whole or dropped, and no page is lost unless
 * the device did not answer a reset.
 */
#include "virtio_device.h"
#include <linux/virtio_net.h>
#include <mirage/bytes.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <virtio/fake/nic.h>

#define FRAMES 20u

static const char *const names[] = {"net", "02:00:00:00:00:01", NULL};
static struct nic nic;
static struct network *network;
static struct fiber *queues; /* the driver's */
static bool is_working;

/* The linker gives us the driver's fiber. */
enum status __wrap_fiber_spawn(const struct fiber_options *options,
                               fiber_fn *fn, void *ctx, struct fiber **f);
enum status __real_fiber_spawn(const struct fiber_options *options,
                               fiber_fn *fn, void *ctx, struct fiber **f);

enum status __wrap_fiber_spawn(const struct fiber_options *options,
                               fiber_fn *fn, void *ctx, struct fiber **f)
{
    enum status s = __real_fiber_spawn(options, fn, ctx, f);

    if (s == OK)
        queues = *f;
    return s;
}

static void receive(void *ctx, struct buf *const *frames, size_t count)
{
    static uint8_t bytes[NETWORK_JOINED];

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
    bool is_ipv6 = len / 2800 % 2;
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

static void work(void *ctx)
{
    static uint8_t bytes[9000], header[NIC_HEADER];

    (void)ctx;
    if (network_virtio_connect("net", names, &network) == OK)
        network_listen(network, receive, NULL);
    for (unsigned i = 0; i < FRAMES && network && !network->gone; i++) {
        struct buf *b = frame_of(i % 4 ? 60 : i * 700 + 14);

        if (b)
            network_write(network, b);
        header[0] = next_byte();
        header[1] = next_byte();
        header[6] = next_byte();
        if ((nic.fake->status | VIRTIO_CONFIG_S_FEATURES_OK) == 15)
            (void)nic_receive(&nic, header, bytes, next_byte() * 35u);
        if (i % 3 == 0 && time_sleep(MILLISECOND) != OK)
            break;
    }
    is_working = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t features = features_of(
        data, size,
        BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
            BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
            BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_GUEST_TSO6) |
            BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) |
            BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_MTU));
    size_t pages;
    bool is_unsure;

    check(buf_reserve(0) == OK);
    pages = buf_pages_free();
    if (pages < LEAST)
        return 0; /* too many devices did not answer a reset */
    memset(&nic, 0, sizeof nic);
    network = NULL;
    queues = NULL;
    nic_add(&nic, features, way_of(data, size) == HOSTILE_LEGACY, 1);
    begin(data, size, nic.fake);
    is_unsure = machine.kinds & LIES_STATUS; /* about a reset's end */
    is_working = true;
    check(fiber_start(work, NULL) == OK);
    for (int i = 0; i < 300 && is_working; i++)
        check(time_sleep(100 * MILLISECOND) == OK);
    end_device();
    check(!is_working && (!network || network->gone));
    if (queues) {
        fiber_cancel(queues);
        check(fiber_join(queues, FOREVER) == OK);
    }
    check(is_unsure || buf_pages_free() == pages);
    hostile_end();
    check(time_sleep(SECOND) == OK);
    nics_free();
    free_taken();
    return 0;
}
