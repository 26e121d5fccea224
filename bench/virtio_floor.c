/* SPDX-License-Identifier: ISC */
/*
 * The floor of virtio.plan: returns each frame to its sender where the driver
 * delivers it, with the addresses and ports of Ethernet, IPv4 and UDP swapped,
 * which leaves the checksums right. This is the least that a round trip costs.
 */
#include <mirage.h>
#include <string.h>

void start(struct console *console, struct network *net);

#define ADDRESSES 26 /* of an IPv4 packet without options, in its frame */
#define PORTS     34
#define HEADERS   42

static void swap(uint8_t *a, size_t len)
{
    uint8_t first[6];

    memcpy(first, a, len);
    memcpy(a, a + len, len);
    memcpy(a + len, first, len);
}

static void on_frames(void *ctx, struct buf *const *frames, size_t count)
{
    struct network *net = ctx;

    for (size_t i = 0; i < count; i++) {
        uint8_t *data = frames[i]->data;

        if (frames[i]->len < HEADERS) {
            buf_free(frames[i]);
            continue;
        }
        swap(data, 6);
        swap(data + ADDRESSES, 4);
        swap(data + PORTS, 2);
        network_write(net, frames[i]);
    }
}

void start(struct console *console, struct network *net)
{
    network_listen(net, on_frames, net);
    console_log(console, "hello");
    while (time_sleep(3600 * SECOND) == OK)
        continue;
}
