/* SPDX-License-Identifier: ISC */
/* Opening a TAP on a simulated host: what is agreed on, and what is said where
 * it cannot be had. */
#include "said.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define ioctl tested_ioctl
#define open  tested_open
#define dup   tested_dup
#define close tested_close
#define fcntl tested_fcntl

static int tested_ioctl(int fd, unsigned long request, ...);
static int tested_open(const char *path, int flags);
static int tested_dup(int fd);
static int tested_close(int fd);
static int tested_fcntl(int fd, int command, int value);

#include "tap.c"
#include "check.h"

LOG_SOURCE_SHARED(network_unix);

#define TUN_FD 77 /* of an open DEVICE */

/* The host. */
static int open_error, attach_error, header_error;
static bool takes_no_header, exists, is_up, has_uso, has_no_offloads;
static const char *driver, *bus;
static int mtu, fd_flags;
static unsigned offloads;
static int opened; /* descriptors that are open */
static int header_size;

static int fails(int error)
{
    errno = error;
    return error ? -1 : 0;
}

static int tested_open(const char *path, int flags)
{
    CHECK_TEXT(path, "/dev/net/tun");
    CHECK(flags == (O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (open_error)
        return fails(open_error);
    opened++;
    return TUN_FD;
}

static int tested_dup(int fd)
{
    if (fd != 5)
        return fails(EBADF);
    opened++;
    return TUN_FD;
}

static int tested_close(int fd)
{
    if (fd == TUN_FD) {
        opened--;
        return 0;
    }
    return (int)syscall(SYS_close, fd);
}

static int tested_fcntl(int fd, int command, int value)
{
    CHECK(fd == TUN_FD);
    fd_flags |= command == F_SETFL && value == O_NONBLOCK   ? 1
                : command == F_SETFD && value == FD_CLOEXEC ? 2
                                                            : 4;
    return 0;
}

static int attach(struct ifreq *r)
{
    CHECK(r->ifr_flags & IFF_TAP && r->ifr_flags & IFF_NO_PI);
    if (attach_error)
        return fails(attach_error);
    if (takes_no_header && r->ifr_flags & IFF_VNET_HDR)
        return fails(EINVAL);
    return 0;
}

static int describe(const struct ifreq *r)
{
    struct ethtool_drvinfo *info = (void *)r->ifr_data;

    CHECK(info->cmd == ETHTOOL_GDRVINFO);
    if (!driver)
        return fails(EOPNOTSUPP);
    strcpy(info->driver, driver);
    strcpy(info->bus_info, bus);
    return 0;
}

static int set_offloads(unsigned wanted)
{
    const unsigned uso = TUN_F_USO4 | TUN_F_USO6;

    if (wanted && has_no_offloads)
        return fails(EINVAL);
    if (wanted & uso && (!has_uso || (wanted & uso) != uso))
        return fails(EINVAL);
    offloads = wanted;
    return 0;
}

static int tested_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *at;

    va_start(args, request);
    at = va_arg(args, void *);
    va_end(args);
    switch (request) {
    case TUNSETIFF: CHECK(fd == TUN_FD); return attach(at);
    case TUNGETIFF:
        ((struct ifreq *)at)->ifr_flags = (short)fd_flags;
        strcpy(((struct ifreq *)at)->ifr_name, "given");
        fd_flags = 0;
        return fails(attach_error);
    case TUNSETVNETHDRSZ: header_size = *(int *)at; return fails(header_error);
    case TUNSETVNETLE: CHECK(*(int *)at == 1); return 0;
    case TUNSETOFFLOAD: return set_offloads((unsigned)(uintptr_t)at);
    case SIOCGIFINDEX: return fails(exists ? 0 : ENODEV);
    case SIOCETHTOOL: return describe(at);
    case SIOCGIFFLAGS:
        ((struct ifreq *)at)->ifr_flags = is_up ? IFF_UP : IFF_RUNNING;
        return fails(exists ? 0 : ENODEV);
    case SIOCGIFMTU:
        ((struct ifreq *)at)->ifr_mtu = mtu;
        return fails(exists ? 0 : ENODEV);
    case SIOCGIFHWADDR:
        memcpy(((struct ifreq *)at)->ifr_hwaddr.sa_data,
               "\x01\x22\x33\x44\x55\x66", 6);
        return 0;
    default: CHECK(false); return fails(EINVAL);
    }
}

static struct tap tap;

static void begin(void)
{
    open_error = attach_error = header_error = 0;
    takes_no_header = exists = is_up = has_uso = has_no_offloads = false;
    driver = bus = NULL;
    mtu = 1500;
    fd_flags = 0;
    offloads = ~0u;
    opened = header_size = 0;
    said_len = 0;
}

TEST(a_tap_is_opened_with_a_header_where_the_host_has_that)
{
    begin();
    CHECK(tap_open(&tap, "tap0") == OK);
    CHECK(tap.fd == TUN_FD && tap.has_header && opened == 1);
    CHECK(header_size == VIRTIO_NET_HDR);
    CHECK_TEXT(tap.name, "tap0");
    begin();
    takes_no_header = true;
    CHECK(tap_open(&tap, "tap0") == OK && !tap.has_header);
    CHECK(header_size == 0 && said_len == 0);
}

TEST(a_header_that_cannot_be_set_is_an_error_and_nothing_stays_open)
{
    begin();
    header_error = EINVAL;
    CHECK(tap_open(&tap, "tap0") == ERR_IO && opened == 0);
}

TEST(a_name_that_no_interface_can_have_is_refused)
{
    begin();
    CHECK(tap_open(&tap, "fifteen_letters") == OK);
    begin();
    CHECK(tap_open(&tap, "sixteen_letters_") == ERR_NAME);
    CHECK(strstr(said_since(), "1 to 15 letters, no slash"));
    CHECK(tap_open(&tap, "") == ERR_NAME);
    CHECK(tap_open(&tap, "a/b") == ERR_NAME && opened == 0);
    attach_error = EINVAL;
    CHECK(tap_open(&tap, "a b") == ERR_NAME && opened == 0);
    CHECK(strstr(said_since(), "\"a b\" is no name of an interface"));
}

static const char *refused(int at_open, int at_attach, enum status wanted)
{
    (void)said_since();
    open_error = at_open;
    attach_error = at_attach;
    CHECK(tap_open(&tap, "tap0") == wanted);
    CHECK(opened == 0);
    return said_since();
}

TEST(a_device_that_cannot_be_opened_is_told_with_what_helps)
{
    begin();
    CHECK(strstr(refused(EACCES, 0, ERR_PERMISSION), "sudo chmod 666"));
    CHECK(strstr(refused(EPERM, 0, ERR_PERMISSION), "no permission to open"));
    CHECK(strstr(refused(ENOENT, 0, ERR_NOT_FOUND), "modprobe tun"));
    CHECK(strstr(refused(ENODEV, 0, ERR_NOT_FOUND), "modprobe tun"));
    CHECK(strstr(refused(ENXIO, 0, ERR_NOT_FOUND), "modprobe tun"));
    CHECK(strstr(refused(EMFILE, 0, ERR_IO), "/dev/net/tun: Too many open"));
}

TEST(an_interface_that_cannot_be_had_is_told_with_what_helps)
{
    begin();
    CHECK(strstr(refused(0, EPERM, ERR_PERMISSION),
                 "no permission to create it"));
    exists = true;
    CHECK(strstr(refused(0, EPERM, ERR_PERMISSION), "it is another user's"));
    CHECK(strstr(refused(0, EACCES, ERR_PERMISSION), "it is another user's"));
    CHECK(strstr(refused(0, EBUSY, ERR_IN_USE), "another process has it open"));
    CHECK(strstr(refused(0, ENOMEM, ERR_IO), "tap0: Cannot allocate memory"));
}

TEST(an_interface_of_another_kind_is_told)
{
    begin();
    exists = true;
    CHECK(strstr(refused(0, EINVAL, ERR_NAME), "an interface, but no TAP"));
    driver = "e1000";
    bus = "tap";
    CHECK(strstr(refused(0, EINVAL, ERR_NAME), "an interface, but no TAP"));
    driver = "tun";
    CHECK(strstr(refused(0, EINVAL, ERR_NAME), "it is a TAP with several"));
    bus = "tun";
    CHECK(strstr(refused(0, EINVAL, ERR_NAME), "it is a TUN, and frames"));
}

static enum status by_fd(const char *name, int flags)
{
    begin();
    fd_flags = flags;
    return tap_open(&tap, name);
}

TEST(an_open_tap_is_taken_by_its_descriptor)
{
    const int plain = IFF_TAP | IFF_NO_PI;

    CHECK(by_fd("fd:5", plain | IFF_VNET_HDR) == OK && tap.has_header);
    CHECK(opened == 1 && fd_flags == 3);
    CHECK_TEXT(tap.name, "given");
    CHECK(by_fd("fd:5", plain) == OK && !tap.has_header);
    CHECK(by_fd("fd:5", IFF_TAP) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:5", IFF_NO_PI) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:", plain) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:5x", plain) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:-1", plain) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:6", plain) == ERR_NAME && opened == 0);
    CHECK(by_fd("fd:4294967301", plain) == ERR_NAME && opened == 0);
    CHECK(strstr(said_since(), "no TAP is open there"));
}

TEST(work_is_left_to_the_host_as_far_as_it_takes_it)
{
    const unsigned least = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    const unsigned tcp = NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS |
                         NETWORK_CHECKSUM_IPV6 | NETWORK_TCP_SEGMENTS_IPV6;

    begin();
    tap = (struct tap){.has_header = true, .name = "tap0"};
    has_uso = true;
    CHECK(tap_set_offloads(&tap) ==
          (tcp | NETWORK_UDP_SEGMENTS | NETWORK_UDP_SEGMENTS_IPV6));
    CHECK(offloads == (least | TUN_F_USO4 | TUN_F_USO6));
    has_uso = false;
    CHECK(tap_set_offloads(&tap) == tcp && offloads == least);
    has_no_offloads = true;
    CHECK(tap_set_offloads(&tap) == tcp && offloads == 0);
    offloads = 5;
    tap.has_header = false;
    CHECK(tap_set_offloads(&tap) == 0 && offloads == 5);
}

/* Of one device, local, and not the address of the host's end. */
TEST(our_address_follows_from_that_of_the_host_s_end)
{
    static const uint8_t wanted[] = {0x02, 0x22, 0x33, 0x44, 0x55, 0xe6};
    struct mac mac;
    uint16_t found = 0;

    begin();
    exists = true;
    CHECK(tap_read_facts(&tap, &found, &mac) == OK && found == 1500);
    CHECK(memcmp(mac.byte, wanted, 6) == 0);
    mtu = 65536;
    CHECK(tap_read_facts(&tap, &found, &mac) == OK && found == 65535);
    exists = false;
    CHECK(tap_read_facts(&tap, &found, &mac) == ERR_IO);
}

TEST(an_interface_is_up_by_its_flag)
{
    begin();
    is_up = true;
    CHECK(!tap_is_up(&tap));
    exists = true;
    CHECK(tap_is_up(&tap));
    is_up = false;
    CHECK(!tap_is_up(&tap));
}
