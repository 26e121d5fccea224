/* SPDX-License-Identifier: ISC */
/*
 * A network device that is the host's end of a TAP (Linux's tuntap.rst).
 *
 * Where the host can, each frame has virtio's header before it, by which
 * either side leaves checksums and the cutting of long segments to the other.
 * A frame is read into pages that lie ready, 64 KiB of them; those that it
 * does not fill stay for the next. We read until there is nothing left, and
 * what came goes to the listener at once.
 *
 * What is written in answer is gathered, and leaves by one call to the kernel
 * together with the next reads: when what has come was handed over the fibers
 * that it woke have their turn, and those that they woke, and then it goes. A
 * frame that nothing came before goes at once. As many reads are asked for as
 * found something the last time, and one more.
 */
#include "batch.h"
#include "command.h"
#include "events.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <mirage/virtio_net_hdr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define DEVICE      "/dev/net/tun"
#define PAGES       17 /* for the longest frame */
#define PIECES      128 /* of a frame that is written */
#define SHORT_FRAME 2048 /* bytes that are cheaper copied than pointed to */
#define LOOK_AGAIN  (200 * MILLISECOND)
#define RESERVED    512 /* pages */
#define READS       16 /* at once */
#define WRITES      32 /* frames that are gathered, */
#define PARTS       1024 /* their pieces, */
#define BYTES       ((size_t)256 << 10) /* and bytes; more, and they go */

LOG_SOURCE(network_unix);

/* Where a frame that comes is read to. */
struct place {
    uint8_t header[VIRTIO_NET_HDR];
    struct iovec part[1 + PAGES]; /* the header, then pages */
    struct buf *page[PAGES]; /* NULL: to be had again */
    int count; /* pages that are there */
};

/* Frames to be written. */
struct gathered {
    uint8_t header[WRITES][VIRTIO_NET_HDR];
    struct buf *frame[WRITES];
    struct iovec part[PARTS];
    struct batch_entry entry[WRITES];
    size_t frames, parts, bytes;
};

struct tap {
    struct network network;
    int fd, fd_of_link; /* the same file twice: two may wait */
    bool has_header, is_captured, is_gathering;
    char name[IFNAMSIZ];
    struct waiters went_down;
    struct events_watch watch;
    struct batch *batch;
    size_t reads; /* to be asked for */
    struct place place[READS];
    struct gathered gathered;
};

static struct tap *tap_of(struct network *n)
{
    return (struct tap *)(void *)((char *)n - offsetof(struct tap, network));
}

static ssize_t write_whole(const struct tap *t, uint8_t *header,
                           const struct buf *frame)
{
    static uint8_t whole[NETWORK_FRAME];
    size_t len = buf_length(frame);
    struct iovec part[2] = {{header, VIRTIO_NET_HDR}, {whole, len}};
    int first = t->has_header ? 0 : 1;

    buf_copy_out(frame, 0, whole, len);
    return writev(t->fd, part + first, 2 - first);
}

/* One write of the whole: what is short in one piece. */
static ssize_t write_frame(const struct tap *t, const struct buf *frame)
{
    uint8_t header[VIRTIO_NET_HDR];
    struct iovec part[PIECES];
    uint8_t whole[VIRTIO_NET_HDR + SHORT_FRAME];
    size_t len = buf_length(frame), at = 0;
    const struct buf *first = frame;
    int count = 0;

    if (t->has_header) {
        virtio_net_hdr_write(header, frame);
        at = VIRTIO_NET_HDR;
    }
    if (len <= SHORT_FRAME) {
        memcpy(whole, header, at);
        buf_copy_out(frame, 0, whole + at, len);
        return write(t->fd, whole, at + len);
    }
    if (t->has_header)
        part[count++] = (struct iovec){header, VIRTIO_NET_HDR};
    for (; frame && count < PIECES; frame = frame->next)
        part[count++] = (struct iovec){frame->data, frame->len};
    if (frame) /* of more pieces than the host takes at once */
        return write_whole(t, header, first);
    return writev(t->fd, part, count);
}

/* Somebody has deleted the interface: the descriptor leads nowhere. */
static bool has_gone(int error)
{
    return error == EBADFD || error == ENODEV || error == ENXIO;
}

static void leave(struct tap *t)
{
    if (t->network.gone)
        return;
    log_error(&network_unix, "%s was deleted", t->name);
    t->network.up = false;
    t->network.gone = true;
    wake_all(&t->went_down);
    wake_all(&t->network.changed);
}

/* What became of a write: error is 0, or why not. */
static void settle(struct tap *t, struct buf *frame, int error)
{
    buf_free(frame);
    if (error == 0)
        return;
    t->network.counters.dropped_out++;
    if (has_gone(error)) {
        leave(t);
    } else if (error == EIO) { /* it is down; who waits for it looks again */
        t->network.up = false;
        wake_all(&t->went_down);
        wake_all(&t->network.changed);
    }
}

/* The first entries of a batch, and what became of them. */
static size_t note_gathered(const struct tap *t, struct batch_entry *entry)
{
    const struct gathered *g = &t->gathered;

    memcpy(entry, g->entry, g->frames * sizeof *entry);
    return g->frames;
}

static void settle_gathered(struct tap *t, const struct batch_entry *entry)
{
    struct gathered *g = &t->gathered;
    size_t count = g->frames;

    g->frames = g->parts = g->bytes = 0;
    for (size_t i = 0; i < count; i++)
        settle(t, g->frame[i], entry[i].done < 0 ? (int)-entry[i].done : 0);
}

static void send_gathered(struct tap *t)
{
    struct batch_entry entry[WRITES];

    batch_run(t->batch, entry, note_gathered(t, entry));
    settle_gathered(t, entry);
}

/* False: it is of too many pieces. */
static bool gather(struct tap *t, struct buf *frame)
{
    struct gathered *g = &t->gathered;
    struct iovec *part;
    int count = 0;

    if (g->parts + 1 + PIECES > PARTS)
        send_gathered(t);
    part = g->part + g->parts;
    if (t->has_header) {
        virtio_net_hdr_write(g->header[g->frames], frame);
        part[count++] = (struct iovec){g->header[g->frames], VIRTIO_NET_HDR};
    }
    for (const struct buf *b = frame; b; b = b->next) {
        if (count > PIECES)
            return false;
        part[count++] = (struct iovec){b->data, b->len};
        g->bytes += b->len;
    }
    g->entry[g->frames] = (struct batch_entry){true, part, count, 0};
    g->frame[g->frames++] = frame;
    g->parts += (size_t)count;
    if (g->frames == WRITES || g->bytes >= BYTES)
        send_gathered(t);
    return true;
}

static void tap_write(struct network *n, struct buf *frame)
{
    struct tap *t = tap_of(n);
    ssize_t done;

    if (t->is_captured)
        pcap_add(frame, platform_wall());
    if (t->is_gathering && gather(t, frame))
        return;
    send_gathered(t);
    do
        done = write_frame(t, frame);
    while (done < 0 && errno == EINTR);
    settle(t, frame, done < 0 ? errno : 0);
}

static const struct network_ops tap_ops = {
    .write = tap_write,
};

/* Pages for the next frame, as many as can be had. */
static void lay_out(struct place *p)
{
    p->part[0] = (struct iovec){p->header, VIRTIO_NET_HDR};
    for (p->count = 0; p->count < PAGES; p->count++) {
        struct buf **page = &p->page[p->count];

        if (!*page) {
            *page = buf_new(0);
            if (!*page)
                return;
            p->part[1 + p->count] = (struct iovec){(*page)->data, PAGE_BYTES};
        }
    }
}

/* A frame of len bytes, out of the pages that it fills. */
static struct buf *take_pages(struct place *p, size_t len)
{
    struct buf *frame = NULL, **end = &frame;

    for (int i = 0; len > 0; i++) {
        size_t n = len < PAGE_BYTES ? len : PAGE_BYTES;

        buf_append(p->page[i], n);
        *end = p->page[i];
        end = &p->page[i]->next;
        p->page[i] = NULL;
        len -= n;
    }
    return frame;
}

/* Without pages a frame is read, and lost. */
static void ask_for_frame(struct tap *t, struct place *p,
                          struct batch_entry *entry)
{
    static uint8_t nowhere[16];
    static struct iovec lost = {nowhere, sizeof nowhere};
    int first = t->has_header ? 0 : 1;

    lay_out(p);
    *entry = p->count > 0
                 ? (struct batch_entry){false, p->part + first,
                                        p->count + 1 - first, 0}
                 : (struct batch_entry){false, &lost, 1, 0};
}

/* What was read there; NULL: it is lost. */
static struct buf *take_frame(struct tap *t, struct place *p, ssize_t len)
{
    struct buf *frame;

    if (t->has_header)
        len -= VIRTIO_NET_HDR;
    if (p->count == 0 || len < ETHERNET_HEADER ||
        len == (ssize_t)(PAGE_BYTES * (size_t)p->count)) { /* or was cut */
        t->network.counters.dropped_in++;
        return NULL;
    }
    frame = take_pages(p, (size_t)len);
    if (t->has_header && !virtio_net_hdr_read(p->header, frame)) {
        t->network.counters.dropped_in++;
        buf_free(frame);
        return NULL;
    }
    if (t->is_captured)
        pcap_add(frame, platform_wall());
    return frame;
}

/*
 * Sends what was gathered and reads what is there. ERR_TIMEOUT: there is
 * nothing more. ERR_GONE: and nothing will come.
 */
static enum status exchange(struct tap *t, struct buf *frames[READS],
                            size_t *count)
{
    struct batch_entry entry[WRITES + READS];
    size_t writes = note_gathered(t, entry), reads = t->reads;
    size_t found = 0;
    int error = 0;

    for (size_t i = 0; i < reads; i++)
        ask_for_frame(t, &t->place[i], &entry[writes + i]);
    batch_run(t->batch, entry, writes + reads);
    settle_gathered(t, entry);
    *count = 0;
    for (size_t i = 0; i < reads; i++) {
        ssize_t len = entry[writes + i].done;

        if (len < 0) {
            error = (int)-len;
            continue;
        }
        found++;
        frames[*count] = take_frame(t, &t->place[i], len);
        if (frames[*count])
            ++*count;
    }
    t->reads = found < READS ? found + 1 : READS;
    if (has_gone(error) || t->network.gone)
        return ERR_GONE;
    return found < reads ? ERR_TIMEOUT : OK;
}

/* Those who were woken, and those whom they wake, such as TCP's work. */
static enum status let_answer(void)
{
    enum status s = fiber_yield();

    return s == OK ? fiber_yield() : s;
}

static void read_all(void *ctx)
{
    struct tap *t = ctx;
    enum status s = OK, yielded = OK;

    while (s != ERR_GONE && yielded == OK) {
        struct buf *frame[READS];
        size_t count;
        bool is_last;

        s = exchange(t, frame, &count);
        /* One short frame alone: its sender waits for the answer, most likely,
         * and has sent no more. */
        is_last = count == 0 ||
                  (count == 1 && buf_length(frame[0]) <= SHORT_FRAME);
        t->is_gathering = true;
        network_deliver(&t->network, frame, count);
        /* Without a page every frame is lost, but there may be no end of them,
         * and the pages are with fibers that want to run. */
        if (count > 0 || s == OK)
            yielded = let_answer();
        t->is_gathering = false;
        if (s != ERR_TIMEOUT || yielded != OK)
            continue;
        if (is_last)
            send_gathered(t);
        if (t->gathered.frames == 0)
            yielded = events_watch_wait(&t->watch);
    }
    send_gathered(t);
    if (s == ERR_GONE)
        leave(t);
}

static bool is_up(const struct tap *t)
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

/* A TAP that is up can be written to, and epoll says so. */
static void watch_link(void *ctx)
{
    struct tap *t = ctx;
    enum status s = OK;

    while (s != ERR_CANCELLED && !t->network.gone) {
        if (!t->network.up && is_up(t)) {
            log_info(&network_unix, "%s is up", t->name);
            t->network.up = true;
            wake_all(&t->network.changed);
        }
        if (t->network.up)
            s = wait_until(&t->went_down, FOREVER);
        else
            s = events_wait(t->fd_of_link, true, time_after(LOOK_AGAIN));
        if (s == OK && !t->network.up && !is_up(t))
            s = time_sleep(LOOK_AGAIN);
    }
}

/* What the host says of the interface: MTU, and an address near to ours. */
static bool ask_host(struct tap *t)
{
    struct ifreq r = {0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok;

    memcpy(r.ifr_name, t->name, sizeof t->name);
    ok = s >= 0 && ioctl(s, SIOCGIFMTU, &r) == 0;
    t->network.mtu = (uint16_t)(r.ifr_mtu < 65535 ? r.ifr_mtu : 65535);
    ok = ok && ioctl(s, SIOCGIFHWADDR, &r) == 0;
    if (s >= 0)
        close(s);
    /* One of our own, and the same each time: the other end has that of the
     * interface. */
    memcpy(t->network.mac.byte, r.ifr_hwaddr.sa_data, 6);
    t->network.mac.byte[0] = (uint8_t)((t->network.mac.byte[0] | 2) & ~1);
    t->network.mac.byte[5] ^= 0x80;
    return ok;
}

static void ask_offloads(struct tap *t)
{
    const unsigned least = TUN_F_CSUM | TUN_F_TSO4;

    if (!t->has_header)
        return;
    t->network.features = NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS;
    /* Linux has USO for both, or for none. */
    if (ioctl(t->fd, TUNSETOFFLOAD, least | TUN_F_USO4 | TUN_F_USO6) == 0)
        t->network.features |= NETWORK_UDP_SEGMENTS;
    else if (ioctl(t->fd, TUNSETOFFLOAD, least) != 0)
        (void)ioctl(t->fd, TUNSETOFFLOAD, 0); /* we take nothing unfinished */
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

static enum status set_up(struct tap *t)
{
    int size = VIRTIO_NET_HDR, yes = 1;

    if (t->has_header && (ioctl(t->fd, TUNSETVNETHDRSZ, &size) != 0 ||
                          ioctl(t->fd, TUNSETVNETLE, &yes) != 0))
        return ERR_IO;
    if (!ask_host(t))
        return ERR_IO;
    ask_offloads(t);
    t->network.ops = &tap_ops;
    t->network.name = t->name;
    t->network.up = is_up(t);
    t->is_captured = pcap_is_wanted();
    t->reads = 1;
    t->fd_of_link = dup(t->fd);
    if (t->fd_of_link < 0)
        return ERR_IO;
    t->batch = batch_new(t->fd);
    if (!t->batch)
        return ERR_NO_MEMORY;
    events_watch(&t->watch, t->fd);
    if (buf_reserve(RESERVED) != OK ||
        fiber_start_as(t->network.name, read_all, t) != OK ||
        fiber_start_as("link", watch_link, t) != OK)
        return ERR_NO_MEMORY;
    return OK;
}

enum status network_unix_connect(const char *name, struct network **network)
{
    struct tap *t = calloc(1, sizeof *t);
    enum status s;

    if (!t)
        return ERR_NO_MEMORY;
    t->fd = t->fd_of_link = -1;
    s = strncmp(name, "fd:", 3) == 0 ? open_by_fd(t, name)
                                     : open_by_name(t, name);
    if (s == OK)
        s = set_up(t);
    if (s != OK) {
        if (t->fd >= 0)
            close(t->fd);
        if (t->fd_of_link >= 0)
            close(t->fd_of_link);
        free(t);
        return s;
    }
    log_info(&network_unix, "%s: MTU %u, address %s%s", t->name,
             t->network.mtu, mac_text(t->network.mac).s,
             t->network.up ? "" : ", not up yet");
    *network = &t->network;
    return OK;
}
