/* SPDX-License-Identifier: ISC */
/*
 * net_bridge TAP TAP   forwards frames between two TAPs, each with its
 *                      virtio_net_hdr: large segments and partial checksums
 *                      stay so
 */
#include "measure.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define BATCH 64 /* frames in one direction before the other */

static int open_tap(const char *name)
{
    const unsigned least = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN;
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int size = sizeof(struct virtio_net_hdr);
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (strlen(name) >= sizeof r.ifr_name)
        give_up("expected the names of two TAPs");
    memcpy(r.ifr_name, name, strlen(name) + 1);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &r) != 0 ||
        ioctl(tap, TUNSETVNETHDRSZ, &size) != 0 ||
        (ioctl(tap, TUNSETOFFLOAD, least | TUN_F_USO4 | TUN_F_USO6) != 0 &&
         ioctl(tap, TUNSETOFFLOAD, least) != 0))
        give_up("the TAP cannot be had");
    return tap;
}

/* Forwards received frames. False: there are no more. */
static bool carry(int from, int to)
{
    static char frame[sizeof(struct virtio_net_hdr) + 65550];

    for (int i = 0; i < BATCH; i++) {
        ssize_t len = read(from, frame, sizeof frame);

        if (len < 0 && errno == EAGAIN)
            return false;
        if (len < 0)
            give_up("a TAP cannot be read");
        if (write(to, frame, (size_t)len) < 0)
            continue; /* the frame is lost */
    }
    return true;
}

int main(int argc, char **argv)
{
    struct pollfd p[2];

    if (argc != 3)
        give_up("expected the names of two TAPs");
    for (int i = 0; i < 2; i++)
        p[i] = (struct pollfd){open_tap(argv[1 + i]), POLLIN, 0};
    for (;;) {
        bool more = carry(p[0].fd, p[1].fd);

        more |= carry(p[1].fd, p[0].fd);
        if (!more && poll(p, 2, -1) < 0)
            give_up("poll fails");
    }
}
