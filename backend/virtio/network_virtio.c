/* SPDX-License-Identifier: ISC */
/*
 * virtio network devices (virtio 1.2, 5.1). Writers only fill the transmit
 * queue; the driver's fiber notifies the device, once for all frames of a turn.
 * Received frames are drained without interrupts while there are any, and
 * nothing interrupts for frames that were sent.
 */
#include "network_queues.h"
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define BIT(feature) (UINT64_C(1) << (feature))

#define RETRY   (10 * MILLISECOND) /* when the pool was empty */
#define TIDY    (20 * MILLISECOND) /* until frames that were sent are freed */
#define STACK   16384
#define RESERVE (NETWORK_RX + NETWORK_TX / 2) /* pages of the pool */
#define LEAST   96 /* free pages, where memory is short */

#define CONTROL_QUEUE   2u /* without multiqueue (5.1.2) */
#define CONTROL_ENTRIES 4u
#define COMMAND         2u /* bytes of a command without data, and its answer */

LOG_SOURCE(network);

static void wake(struct interface *i)
{
    wake_all(&i->work);
}

static void on_used(void *ctx)
{
    wake(ctx);
}

static void virtio_write(struct network *n, struct buf *frame)
{
    struct interface *i = containing(n, struct interface, network);

    network_queues_send(i, frame);
    wake(i);
}

/* The device has pages of the image, and the image keeps the interface. */
static void virtio_disconnect(struct network *n)
{
    (void)n;
}

static const struct network_ops virtio_ops = {
    .write = virtio_write,
    .disconnect = virtio_disconnect,
};

static void set_up(struct interface *i, bool up)
{
    if (i->network.up == up)
        return;
    i->network.up = up;
    wake_all(&i->network.changed);
}

/* The driver's fiber. */
static void run_queues(void *ctx)
{
    struct interface *i = ctx;
    bool enough, more;

    for (;;) {
        nanoseconds deadline = FOREVER;
        enum status s = OK;

        /* No other fiber runs from here to the wait: no wake-up is missed. */
        more = network_queues_turn(i, &enough);
        if (more) {
            s = fiber_yield();
        } else {
            if (!enough)
                deadline = time_after(RETRY);
            else if (i->tx && virtqueue_in_flight(i->tx) > 0)
                deadline = time_after(TIDY);
            s = wait_until(&i->work, deadline);
        }
        if (s == ERR_CANCELLED)
            return;
    }
}

/* ---- Configuration ---- */

static uint16_t read_status(struct interface *i)
{
    uint16_t status = VIRTIO_NET_S_LINK_UP;

    if (virtio_has(i->device, VIRTIO_NET_F_STATUS) &&
        !virtio_config(i->device, offsetof(struct virtio_net_config, status),
                       &status, sizeof status))
        return 0;
    return status;
}

/* Acknowledges a request to announce the image's addresses (5.1.6.5.4). A
 * command that the device still has is enough. */
static void acknowledge_announcement(struct interface *i)
{
    const struct virtio_piece pieces[] = {{i->command, COMMAND},
                                          {i->command + COMMAND, 1}};
    uint32_t written;

    while (virtqueue_used(i->control, &written))
        ;
    if (virtqueue_in_flight(i->control) > 0)
        return;
    i->command[0] = VIRTIO_NET_CTRL_ANNOUNCE;
    i->command[1] = VIRTIO_NET_CTRL_ANNOUNCE_ACK;
    if (virtqueue_add(i->control, pieces, 1, 1, i))
        virtqueue_kick(i->control);
}

/* The stack announces its addresses when the link comes up. */
static void announce(struct interface *i)
{
    if (i->network.up) {
        set_up(i, false);
        (void)fiber_yield();
        set_up(i, i->is_link_up);
    }
    if (i->control)
        acknowledge_announcement(i);
}

static void config_changed(struct virtio_device *d, void *ctx)
{
    struct interface *i = ctx;
    uint16_t status = read_status(i);
    bool is_up = status & VIRTIO_NET_S_LINK_UP;

    if (d->is_gone)
        return;
    if (is_up != i->is_link_up)
        log_info(&network, "%s: the link is %s", i->name,
                 is_up ? "up" : "down");
    i->is_link_up = is_up;
    set_up(i, is_up);
    if (status & VIRTIO_NET_S_ANNOUNCE)
        announce(i);
    wake(i);
}

static void read_mtu(struct interface *i)
{
    const uint16_t most = NETWORK_JOINED - ETHERNET_HEADER;
    uint16_t mtu = 0;

    if (!virtio_has(i->device, VIRTIO_NET_F_MTU) ||
        !virtio_config(i->device, offsetof(struct virtio_net_config, mtu),
                       &mtu, sizeof mtu) ||
        mtu < 68)
        mtu = 1500;
    i->network.mtu = min(mtu, most);
}

static enum status create_control(struct interface *i)
{
    if (!virtio_has(i->device, VIRTIO_NET_F_CTRL_VQ) ||
        !virtio_has(i->device, VIRTIO_NET_F_GUEST_ANNOUNCE))
        return OK;
    if (!i->command && !(i->command = page_alloc(1)))
        return ERR_NO_MEMORY;
    return virtqueue_create(i->device, CONTROL_QUEUE, CONTROL_ENTRIES, 2,
                            on_used, i, &i->control);
}

/* ---- The life of the device ---- */

/* Without CSUM, neither HOST_TSO4 nor HOST_TSO6 was accepted. */
static unsigned features_of(const struct virtio_device *d)
{
    unsigned features = 0;

    if (virtio_has(d, VIRTIO_NET_F_CSUM))
        features |= NETWORK_CHECKSUM | NETWORK_CHECKSUM_IPV6;
    if (virtio_has(d, VIRTIO_NET_F_HOST_TSO4))
        features |= NETWORK_TCP_SEGMENTS;
    if (virtio_has(d, VIRTIO_NET_F_HOST_TSO6))
        features |= NETWORK_TCP_SEGMENTS_IPV6;
    return features;
}

static enum status start(struct virtio_device *d, void *ctx)
{
    struct interface *i = ctx;
    enum status s;

    i->rx = i->tx = i->control = NULL;
    i->network.features = features_of(d);
    if (i->network.mtu == 0)
        read_mtu(i);
    s = network_queues_create(i, on_used);
    return s == OK ? create_control(i) : s;
}

static void started(struct virtio_device *d, void *ctx)
{
    struct interface *i = ctx;

    uint16_t status = read_status(i);

    (void)d;
    i->is_link_up = status & VIRTIO_NET_S_LINK_UP;
    /* The stack announces its addresses when it sees the link come up. */
    set_up(i, i->is_link_up);
    if (status & VIRTIO_NET_S_ANNOUNCE && i->control)
        acknowledge_announcement(i);
    wake(i);
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    struct interface *i = ctx;

    (void)d;
    network_queues_reclaim(i);
    i->rx = i->tx = i->control = NULL;
    set_up(i, false);
    i->network.gone = is_gone;
    wake_all(&i->network.changed);
}

#define FEATURES                                             \
    (BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | \
     BIT(VIRTIO_NET_F_HOST_TSO4) |                           \
     BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_MTU) |   \
     BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |      \
     BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE))

/* 5.1.3.1 */
static const struct virtio_need needs[] = {
    {VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM},
    {VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM},
    {VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM},
    {VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM},
    {VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ},
    {0, 0}};

#define FUNCTIONS                                                        \
    .log = &network, .start = start, .started = started, .needs = needs, \
    .config_changed = config_changed, .stopped = stopped

static const struct virtio_driver merging = {
    FUNCTIONS,
    .features = FEATURES | BIT(VIRTIO_NET_F_MRG_RXBUF) |
                BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6),
};
/* Without merged buffers each one must have room for the largest frame
 * (5.1.6.3.1), and with joined segments they would be too few for a burst. */
static const struct virtio_driver plain = {FUNCTIONS, .features = FEATURES};

static const struct virtio_driver *choose_driver(struct virtio_device *d)
{
    return d->transport->features(d) & BIT(VIRTIO_NET_F_MRG_RXBUF) ? &merging
                                                                   : &plain;
}

/* ---- Which device it is ---- */

/* Reads a device's MAC address, which is there before features are agreed on
 * (3.1.1, step 4). False: it has none that an interface can have. */
static bool read_mac(struct virtio_device *d, struct mac *mac)
{
    static const struct mac zero;

    return d->transport->features(d) & BIT(VIRTIO_NET_F_MAC) &&
           virtio_config(d, offsetof(struct virtio_net_config, mac), mac,
                         sizeof *mac) &&
           !(mac->byte[0] & 1) && !mac_equal(*mac, zero);
}

static bool is_network(const struct virtio_device *d)
{
    return d->type == VIRTIO_ID_NET;
}

static struct virtio_device *find_mac(struct mac wanted)
{
    struct mac mac;

    for (struct virtio_device *d = virtio_devices(); d; d = d->next)
        if (is_network(d) && read_mac(d, &mac) && mac_equal(mac, wanted))
            return d;
    return NULL;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 16;
}

static bool parse_mac(const char *text, struct mac *mac)
{
    for (int n = 0; n < 6; n++, text += 3) {
        unsigned high = digit_of(text[0]);
        unsigned low = high < 16 ? digit_of(text[1]) : 16;

        if (low == 16 || text[2] != (n < 5 ? ':' : '\0'))
            return false;
        mac->byte[n] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The device that has the address of this name; NULL: none. */
static struct virtio_device *find_named(const char *address)
{
    struct mac mac;

    return parse_mac(address, &mac) ? find_mac(mac) : NULL;
}

static bool is_named(const struct virtio_device *d, const char *const *names)
{
    for (; names[0]; names += 2)
        if (find_named(names[1]) == d)
            return true;
    return false;
}

/*
 * The names that no device has the address of get the devices that have none of
 * the addresses, in the machine's order.
 */
static struct virtio_device *find_by_order(const char *name,
                                           const char *const *names)
{
    const char *const *all = names;
    unsigned before = 0;
    struct mac mac;

    for (; names[0] && strcmp(names[0], name) != 0; names += 2)
        if (!parse_mac(names[0], &mac) && !find_named(names[1]))
            before++;
    for (struct virtio_device *d = virtio_devices(); d; d = d->next)
        if (is_network(d) && !is_named(d, all) && before-- == 0)
            return d;
    return NULL;
}

/* Logs which devices there are. */
static enum status refuse(const char *name, const char *address)
{
    char others[200];
    size_t len = 0;
    struct mac mac;

    for (struct virtio_device *d = virtio_devices(); d; d = d->next)
        if (is_network(d)) {
            text_format(others + len, sizeof others - len, "%s%s (%s)",
                        len > 0 ? ", " : "", d->place,
                        read_mac(d, &mac) ? mac_text(mac).s : "no address");
            len = strlen(others);
        }
    log_error(&network, "there is no network %s; what there is: %s. Options of "
                        "QEMU give it: -netdev ...,id=net0 -device "
                        "virtio-net-pci,netdev=net0,mac=%s",
              name, len > 0 ? others : "none", address);
    return ERR_NOT_FOUND;
}

/* The address that belongs to a name; "": it is none of the names. */
static const char *address_of(const char *name, const char *const *names)
{
    for (; names[0]; names += 2)
        if (strcmp(names[0], name) == 0)
            return names[1];
    return "";
}

static enum status find(struct interface *i, const char *name,
                        const char *const *names)
{
    const char *address = address_of(name, names);
    struct virtio_device *d = find_named(address);
    struct mac mac;

    if (!d && !parse_mac(name, &mac)) {
        d = find_by_order(name, names);
        if (d)
            log_warning(&network, "%s is %s: no device has its address %s",
                        name, d->place, address);
    }
    if (!d)
        return refuse(name, address);
    if (d->driver) {
        log_error(&network, "%s: %s is in use", name, d->place);
        return ERR_IN_USE;
    }
    i->device = d;
    text_format(i->name, sizeof i->name, "%s", d->place);
    return OK;
}

/* A device without an address gets one at random. */
static void choose_mac(struct interface *i)
{
    struct mac *mac = &i->network.mac;

    if (read_mac(i->device, mac))
        return;
    random_bytes(mac->byte, sizeof mac->byte);
    mac->byte[0] = (uint8_t)((mac->byte[0] | 2) & ~1);
}

/* Adds pages to the pool: where memory is short, an eighth of it at most, since
 * queues, stacks and connections need some. */
static enum status reserve(void)
{
    size_t count = 8 * RESERVE;
    void *could;

    while (!(could = page_alloc(count)))
        if ((count /= 2) < LEAST)
            return ERR_NO_MEMORY;
    page_free(could, count);
    return buf_reserve(count / 8);
}

enum status network_virtio_connect(const char *name, const char *const *names,
                                   struct network **made)
{
    static const struct fiber_options options = {"network", STACK};
    struct interface *i = calloc(1, sizeof *i);
    struct fiber *fiber;
    enum status s;

    if (!i || reserve() != OK) {
        free(i);
        return ERR_NO_MEMORY;
    }
    i->network.ops = &virtio_ops;
    i->network.name = i->name;
    if ((s = find(i, name, names)) != OK)
        return s; /* the image ends */
    choose_mac(i);
    if ((s = virtio_start(i->device, choose_driver(i->device), i)) !=
            OK ||
        (s = fiber_spawn(&options, run_queues, i, &fiber)) != OK)
        return s;
    *made = &i->network;
    return OK;
}
