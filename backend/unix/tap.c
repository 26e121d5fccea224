/* SPDX-License-Identifier: ISC */
/*
 * Opening a TAP by name or descriptor (Linux's tuntap.rst), and messages that
 * say what helps where that fails.
 */
#include "tap.h"
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <mirage/virtio_net_hdr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define DEVICE "/dev/net/tun"

extern struct log_source network_unix;

bool tap_is_up(const struct tap *t)
{
    struct ifreq r = {0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up;

    memcpy(r.ifr_name, t->name, sizeof t->name);
    up = s >= 0 && ioctl(s, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_UP;
    if (s >= 0)
        close(s);
    return up;
}

enum status tap_read_facts(const struct tap *t, uint16_t *mtu, struct mac *mac)
{
    struct ifreq r = {0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok;

    memcpy(r.ifr_name, t->name, sizeof t->name);
    ok = s >= 0 && ioctl(s, SIOCGIFMTU, &r) == 0;
    *mtu = (uint16_t)min(r.ifr_mtu, 65535);
    ok = ok && ioctl(s, SIOCGIFHWADDR, &r) == 0;
    if (s >= 0)
        close(s);
    /* The interface's own address is that of the other end. */
    memcpy(mac->byte, r.ifr_hwaddr.sa_data, 6);
    mac->byte[0] = (uint8_t)((mac->byte[0] | 2) & ~1);
    mac->byte[5] ^= 0x80;
    return ok ? OK : ERR_IO;
}

unsigned tap_set_offloads(const struct tap *t)
{
    const unsigned least = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    unsigned features = NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS |
                        NETWORK_CHECKSUM_IPV6 | NETWORK_TCP_SEGMENTS_IPV6;

    if (!t->has_header)
        return 0;
    /* Linux has USO for IPv4 and IPv6, or for none. */
    if (ioctl(t->fd, TUNSETOFFLOAD, least | TUN_F_USO4 | TUN_F_USO6) == 0)
        features |= NETWORK_UDP_SEGMENTS | NETWORK_UDP_SEGMENTS_IPV6;
    else if (ioctl(t->fd, TUNSETOFFLOAD, least) != 0)
        (void)ioctl(t->fd, TUNSETOFFLOAD, 0); /* we take nothing unfinished */
    return features;
}

/* Logs why DEVICE cannot be opened, and what helps. */
static enum status refuse_device(int error)
{
    char *command = own_command();

    switch (error) {
    case EPERM:
    case EACCES:
        log_error(&network_unix,
                  "%s: no permission to open it. Run the image as root: `sudo "
                  "%s`; or let all open it: `sudo chmod 666 %s`. A container "
                  "needs `--device=%s`",
                  DEVICE, command, DEVICE, DEVICE);
        free(command);
        return ERR_PERMISSION;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        log_error(&network_unix,
                  "the host has no %s; `sudo modprobe tun` gives it one. A "
                  "container needs `--device=%s`",
                  DEVICE, DEVICE);
        free(command);
        return ERR_NOT_FOUND;
    default:
        log_error(&network_unix, "%s: %s", DEVICE, strerror(error));
        free(command);
        return ERR_IO;
    }
}

enum interface { NO_INTERFACE,
                 OTHER,
                 TUN,
                 TAP };

/* What the host has of that name. */
static enum interface interface_of(const char *name)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq r = {.ifr_data = (void *)&info};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    enum interface is = NO_INTERFACE;
    struct ifreq index = {0};

    memcpy(r.ifr_name, name, strlen(name) + 1);
    memcpy(index.ifr_name, name, strlen(name) + 1);
    if (s >= 0 && ioctl(s, SIOCGIFINDEX, &index) == 0)
        is = OTHER;
    if (is == OTHER && ioctl(s, SIOCETHTOOL, &r) == 0 &&
        strcmp(info.driver, "tun") == 0)
        is = strcmp(info.bus_info, "tap") == 0 ? TAP : TUN;
    if (s >= 0)
        close(s);
    return is;
}

static enum status refuse_permission(const char *name)
{
    char *command = own_command();
    char *word = shell_word(name);

    if (interface_of(name) == NO_INTERFACE)
        log_error(&network_unix,
                  "%s: no permission to create it. Create it as yours: `sudo "
                  "ip tuntap add dev %s mode tap user $USER`; or run the image "
                  "as root: `sudo %s`",
                  name, word, command);
    else
        log_error(&network_unix,
                  "%s: it is another user's. Create it anew as yours: `sudo ip "
                  "link delete dev %s && sudo ip tuntap add dev %s mode tap "
                  "user $USER`; or run the image as root: `sudo %s`",
                  name, word, word, command);
    free(command);
    free(word);
    return ERR_PERMISSION;
}

/* The kernel says the same of an interface of another kind, of a TAP that was
 * created with other flags than ours, and of a name that cannot be. */
static enum status refuse_kind(const char *name)
{
    enum interface is = interface_of(name);
    char *word = shell_word(name);

    if (is == NO_INTERFACE)
        log_error(&network_unix, "\"%s\" is no name of an interface", name);
    else if (is == OTHER)
        log_error(&network_unix,
                  "%s: it is an interface, but no TAP; `ip -d link show dev "
                  "%s` says what it is. Take another name",
                  name, word);
    else
        log_error(&network_unix,
                  "%s: it is a %s. Create it anew: `sudo ip link delete dev %s "
                  "&& sudo ip tuntap add dev %s mode tap user $USER`",
                  name,
                  is == TUN ? "TUN, and frames take a TAP"
                            : "TAP with several queues (multi_queue), and an "
                              "image has one",
                  word, word);
    free(word);
    return ERR_NAME;
}

/* Logs why the TAP cannot be had of DEVICE, and what helps. */
static enum status refuse(const char *name, int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return refuse_permission(name);
    case EBUSY:
        log_error(&network_unix, "%s: another process has it open; `sudo fuser "
                                 "-v /dev/net/tun` (Debian's psmisc) shows who",
                  name);
        return ERR_IN_USE;
    case EINVAL:
        return refuse_kind(name);
    default:
        log_error(&network_unix, "%s: %s", name, strerror(error));
        return ERR_IO;
    }
}

static enum status open_by_name(struct tap *t, const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

    if (!*name || strlen(name) >= IFNAMSIZ || strchr(name, '/')) {
        log_error(&network_unix, "\"%s\" is no name of an interface: 1 to %d "
                                 "letters, no slash",
                  name, IFNAMSIZ - 1);
        return ERR_NAME;
    }
    t->fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0)
        return refuse_device(errno);
    memcpy(r.ifr_name, name, strlen(name) + 1);
    t->has_header = true;
    if (ioctl(t->fd, TUNSETIFF, &r) != 0) {
        /* One that was made without that header may still do without. */
        r.ifr_flags = IFF_TAP | IFF_NO_PI;
        t->has_header = false;
        if (errno != EINVAL || ioctl(t->fd, TUNSETIFF, &r) != 0)
            return refuse(name, errno);
    }
    memcpy(t->name, r.ifr_name, IFNAMSIZ);
    return OK;
}

/* A TAP that is open already, as file descriptor N of "fd:N". */
static enum status open_by_fd(struct tap *t, const char *name)
{
    struct ifreq r = {0};
    char *end;
    long fd = strtol(name + 3, &end, 10);

    if (end == name + 3 || *end || fd < 0 || fd > 65535 ||
        (t->fd = dup((int)fd)) < 0 || ioctl(t->fd, TUNGETIFF, &r) != 0 ||
        !(r.ifr_flags & IFF_TAP) || !(r.ifr_flags & IFF_NO_PI)) {
        log_error(&network_unix, "%s: no TAP is open there (IFF_TAP, "
                                 "IFF_NO_PI, best with IFF_VNET_HDR)",
                  name);
        return ERR_NAME;
    }
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
    fcntl(t->fd, F_SETFD, FD_CLOEXEC);
    t->has_header = r.ifr_flags & IFF_VNET_HDR;
    memcpy(t->name, r.ifr_name, IFNAMSIZ);
    return OK;
}

/* virtio_net_hdr.h: the header's length, and its byte order. */
static enum status set_header(const struct tap *t)
{
    int size = VIRTIO_NET_HDR, yes = 1;

    return !t->has_header || (ioctl(t->fd, TUNSETVNETHDRSZ, &size) == 0 &&
                              ioctl(t->fd, TUNSETVNETLE, &yes) == 0)
               ? OK
               : ERR_IO;
}

enum status tap_open(struct tap *t, const char *name)
{
    enum status s;

    t->fd = -1;
    s = strncmp(name, "fd:", 3) == 0 ? open_by_fd(t, name)
                                     : open_by_name(t, name);
    if (s == OK)
        s = set_header(t);
    if (s != OK && t->fd >= 0)
        close(t->fd);
    return s;
}
