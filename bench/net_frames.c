/* SPDX-License-Identifier: ISC */
/*
 * net_frames TAP short|long   measures only the transfer of frames over a TAP,
 *                             of 1,514 bytes, or of 64 KiB with a
 *                             virtio_net_hdr
 *
 * In: a second process sends them to the TAP by a packet socket. Out: they have
 * the address of another station, and Linux drops them.
 */
#include "measure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <mirage/bytes.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BULK    ((size_t)256 << 20)
#define GIB     1073741824.0
#define HEADERS 54 /* of Ethernet, IPv4 and TCP */
#define MSS     1448

static struct {
    struct virtio_net_hdr header;
    uint8_t byte[65549];
} frame;
static size_t frame_len; /* with the virtio_net_hdr */

/* Writes a TCP segment between two other hosts. */
static void make_frame(bool is_long)
{
    static const uint8_t start[HEADERS] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, [14 + 8] = 64, 6,
        [14 + 12] = 10, 0, 0, 9, 10, 0, 0, 8, [34 + 12] = 0x50, 0x10};
    size_t len = is_long ? HEADERS + MSS * (65495 / MSS) : 1514;

    memcpy(frame.byte, start, HEADERS);
    put_be16(frame.byte + 14 + 2, (uint16_t)(len - 14));
    put_be16(frame.byte + 34, 7);
    put_be16(frame.byte + 36, 7);
    frame.header = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = is_long ? VIRTIO_NET_HDR_GSO_TCPV4
                            : VIRTIO_NET_HDR_GSO_NONE,
        .hdr_len = HEADERS,
        .gso_size = is_long ? MSS : 0,
        .csum_start = 34,
        .csum_offset = 16,
    };
    frame_len = sizeof frame.header + len;
}

static int open_tap(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int size = sizeof frame.header;

    if (strlen(name) >= sizeof r.ifr_name)
        give_up("expected the name of a TAP");
    memcpy(r.ifr_name, name, strlen(name) + 1);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &r) != 0 ||
        ioctl(tap, TUNSETVNETHDRSZ, &size) != 0 ||
        ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0)
        give_up("the TAP cannot be had");
    return tap;
}

static int open_socket(const char *name)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETHERTYPE_IP),
                             .sll_ifindex = (int)if_nametoindex(name)};
    int s = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;

    if (s < 0 ||
        setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0 ||
        bind(s, (struct sockaddr *)&to, sizeof to) != 0)
        give_up("there is no socket of packets");
    return s;
}

static void put_rate(const char *name, struct moment since, double bytes)
{
    struct moment now = moment_now();

    printf("%s %.9g B/s\n", name, bytes / (now.wall - since.wall));
    printf("%s_cpu %.9g s\n", name, (now.cpu - since.cpu) * GIB / bytes);
    fflush(stdout);
}

static void measure_in(const char *name, int tap)
{
    int s = open_socket(name), child = fork();
    size_t got = 0;
    struct moment since = moment_now();

    if (child < 0)
        give_up("fork fails");
    while (child == 0)
        if (write(s, &frame, frame_len) < 0 && errno != ENOBUFS)
            _exit(1);
    while (got < BULK) {
        ssize_t len = read(tap, &frame, sizeof frame);
        struct pollfd p = {tap, POLLIN, 0};

        if (len > 0)
            got += (size_t)len - sizeof frame.header;
        else if (poll(&p, 1, 5000) <= 0)
            give_up("no frames come in");
    }
    put_rate("in", since, (double)got);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(s);
}

static void measure_out(int tap)
{
    struct moment since = moment_now();
    size_t sent = 0;

    while (sent < BULK) {
        ssize_t len = write(tap, &frame, frame_len);

        if (len < 0)
            give_up("the TAP takes no frames");
        sent += (size_t)len - sizeof frame.header;
    }
    put_rate("out", since, (double)sent);
}

int main(int argc, char **argv)
{
    bool is_long = argc == 3 && strcmp(argv[2], "long") == 0;
    int tap;

    if (argc != 3 || (!is_long && strcmp(argv[2], "short") != 0))
        give_up("expected the name of a TAP, and short or long");
    tap = open_tap(argv[1]);
    make_frame(is_long);
    measure_out(tap);
    measure_in(argv[1], tap);
    return 0;
}
