/* SPDX-License-Identifier: ISC */
/*
 * netfront: networks whose backend is in another domain (xen/io/netif.h). At
 * most NETWORK_SLOTS pages are granted in each direction, which is what the
 * interface has added to the pool. Writers only fill the ring; the driver's
 * fiber notifies the backend, once for all frames of a turn.
 */
#include "network_rx.h"
#include "network_tx.h"
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/text.h>
#include <stdlib.h>

#define RETRY   (10 * MILLISECOND) /* when the pool was empty */
#define STACK   16384
#define RESERVE (2 * NETWORK_SLOTS) /* pages that the backend can hold */

LOG_SOURCE(network);

static struct interface *interface_of(struct network *n)
{
    return containing(n, struct interface, network);
}

static void wake(struct interface *i)
{
    i->is_woken = true;
    wake_all(&i->work);
}

static void on_event(void *ctx)
{
    wake(interface_of_front(ctx));
}

static void xen_write(struct network *n, struct buf *frame)
{
    if (network_tx_send(interface_of(n), frame))
        wake(interface_of(n));
}

/* The backend has pages of the image, and the image keeps the interface. */
static void xen_disconnect(struct network *n)
{
    (void)n;
}

static const struct network_ops xen_ops = {
    .write = xen_write,
    .disconnect = xen_disconnect,
};

/* Shows new requests to the backend, and notifies it if it asked for that. */
static void push(struct interface *i)
{
    int notify_tx, notify_rx;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&i->tx, notify_tx);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&i->rx, notify_rx);
    if (notify_tx || notify_rx)
        event_notify(i->front.event.port);
}

/* The driver's fiber. */
static void run_rings(void *ctx)
{
    struct interface *i = ctx;
    bool enough = true;

    for (;;) {
        enum status s = OK;

        while (s == OK && (!i->is_woken || !i->front.is_connected)) {
            s = wait_until(&i->work, enough || !i->front.is_connected
                                         ? FOREVER
                                         : time_after(RETRY));
            if (s == ERR_TIMEOUT) {
                i->is_woken = true;
                s = OK;
            }
        }
        if (s != OK)
            return;
        i->is_woken = false;
        network_tx_complete(i);
        network_rx_receive(i);
        if (i->front.is_connected) {
            enough = network_rx_fill(i);
            push(i);
        }
    }
}

static enum status make_rings(struct interface *i)
{
    netif_tx_sring_t *tx;
    netif_rx_sring_t *rx;
    enum status s = ring_alloc(&i->tx_pages, i->front.domain, 1);

    if (s == OK)
        s = ring_alloc(&i->rx_pages, i->front.domain, 1);
    if (s != OK)
        return s;
    tx = i->tx_pages.pages;
    rx = i->rx_pages.pages;
    SHARED_RING_INIT(tx);
    SHARED_RING_INIT(rx);
    FRONT_RING_INIT(&i->tx, tx, PAGE_BYTES);
    FRONT_RING_INIT(&i->rx, rx, PAGE_BYTES);
    network_tx_init(i);
    return OK;
}

static enum status publish_rings(struct interface *i)
{
    char tx[12], rx[12], port[12];
    const struct xenstore_entry entries[] = {
        {"tx-ring-ref", tx},
        {"rx-ring-ref", rx},
        {"event-channel", port},
        {"request-rx-copy", "1"},
        {"feature-rx-notify", "1"},
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"state", "4"}, /* Connected */
    };

    text_format(tx, sizeof tx, "%u", i->tx_pages.grant[0]);
    text_format(rx, sizeof rx, "%u", i->rx_pages.grant[0]);
    text_format(port, sizeof port, "%u", i->front.event.port);
    return front_publish(&i->front, entries,
                         sizeof entries / sizeof entries[0]);
}

/* Frees the pages of all slots. Returns how many the backend has mapped. */
static unsigned reclaim_slots(struct slot *slots)
{
    unsigned held = 0;

    for (unsigned n = 0; n < NETWORK_SLOTS; n++)
        if (slots[n].b && grant_end(slots[n].grant)) {
            buf_free(slots[n].b);
            slots[n].b = NULL;
        } else if (slots[n].b) {
            held++;
        }
    return held;
}

static unsigned reclaim(struct front *f)
{
    struct interface *i = interface_of_front(f);

    return ring_free(&i->tx_pages) + ring_free(&i->rx_pages) +
           reclaim_slots(i->tx_slot) + reclaim_slots(i->rx_slot);
}

static bool has(struct interface *i, const char *feature)
{
    return front_read_number(&i->front, feature, 0) == 1;
}

/* A backend without checksum offload cannot segment either: each segment needs
 * a checksum. Nor can one that takes only one piece. */
static unsigned read_features(struct interface *i)
{
    unsigned features = 0;

    if (!has(i, "feature-no-csum-offload"))
        features |= NETWORK_CHECKSUM;
    if (has(i, "feature-ipv6-csum-offload"))
        features |= NETWORK_CHECKSUM_IPV6;
    if (!i->can_pieces)
        return features;
    if (features & NETWORK_CHECKSUM && has(i, "feature-gso-tcpv4"))
        features |= NETWORK_TCP_SEGMENTS;
    if (features & NETWORK_CHECKSUM_IPV6 && has(i, "feature-gso-tcpv6"))
        features |= NETWORK_TCP_SEGMENTS_IPV6;
    return features;
}

/* Reads the backend's features, which can be fewer than before it went away. */
static enum status negotiate(struct interface *i)
{
    if (!has(i, "feature-rx-copy")) {
        log_error(&network, "%s: its backend does not copy what comes in "
                            "(feature-rx-copy), which it must",
                  i->name);
        return ERR_UNSUPPORTED;
    }
    i->can_pieces = has(i, "feature-sg");
    i->network.features = read_features(i);
    return OK;
}

static enum status publish(struct front *f)
{
    struct interface *i = interface_of_front(f);
    enum status s = make_rings(i);

    if (s == OK)
        s = negotiate(i);
    if (s != OK)
        return s;
    (void)network_rx_fill(i);
    RING_PUSH_REQUESTS(&i->rx);
    return publish_rings(i);
}

static void set_up(struct interface *i, bool up)
{
    i->network.up = up;
    wake_all(&i->network.changed);
}

static void connected(struct front *f)
{
    set_up(interface_of_front(f), true);
    wake(interface_of_front(f));
}

static void disconnected(struct front *f)
{
    set_up(interface_of_front(f), false);
}

static void gone(struct front *f)
{
    interface_of_front(f)->network.gone = true;
    wake_all(&interface_of_front(f)->network.changed);
}

static const struct front_ops front_ops = {
    .log = &network,
    .ready = IS(InitWait) | IS(Connected),
    .publish = publish,
    .connected = connected,
    .disconnected = disconnected,
    .reclaim = reclaim,
    .gone = gone,
    .reclaim_all = reclaim,
    .on_event = on_event,
};

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 16;
}

/* Parses the address of one interface: not a multicast address, and not 0. */
static bool read_mac(const char *text, struct mac *mac)
{
    static const struct mac zero;

    for (int n = 0; n < 6; n++, text += 3) {
        unsigned high = digit_of(text[0]);
        unsigned low = high < 16 ? digit_of(text[1]) : 16;

        if (low == 16 || text[2] != (n < 5 ? ':' : '\0'))
            return false;
        mac->byte[n] = (uint8_t)(high << 4 | low);
    }
    return !(mac->byte[0] & 1) && memcmp(mac, &zero, sizeof zero) != 0;
}

/* Reads an entry of the frontend, which the toolstack has written. */
static enum status read_own(struct interface *i, const char *name, char *value,
                            size_t size)
{
    char path[FRONT_NAME + 16];

    text_format(path, sizeof path, "%s/%s", i->front.path, name);
    return xenstore_read(path, value, size);
}

static enum status read_offers(struct interface *i)
{
    char text[32];
    uint64_t mtu = front_read_number(&i->front, "mtu", 1500);

    if (read_own(i, "mac", text, sizeof text) != OK ||
        !read_mac(text, &i->network.mac)) {
        log_error(&network, "%s: the toolstack has given it no MAC address "
                            "that an interface can have; in the .xl file: "
                            "vif = [ \"mac=...\" ]",
                  i->name);
        return ERR_FORMAT;
    }
    i->network.mtu = mtu >= 68 && mtu <= NETWORK_MOST - ETHERNET_HEADER
                         ? (uint16_t)mtu
                         : 1500;
    return OK;
}

static enum status find(struct interface *i, const char *name)
{
    char others[100], *end;
    unsigned long number = strtoul(name, &end, 10);
    enum status s;

    if (!*name || *end) {
        log_error(&network, "%s is no network of Xen's; one is 0, the first",
                  name);
        return ERR_NAME;
    }
    text_format(i->name, sizeof i->name, "vif %lu", number);
    s = front_find(&i->front, i->name, "vif", number);
    if (s == ERR_NOT_FOUND) {
        front_format_names("vif", others, sizeof others);
        log_error(&network,
                  "there is no network %lu; what there is: %s. A line of the "
                  ".xl file gives them, one after the other: vif = [ "
                  "\"bridge=xenbr0\" ]",
                  number, others);
    } else if (s != OK) {
        log_error(&network, "%s: xenstore: %s", i->name, status_text(s));
    }
    return s;
}

enum status network_xen_connect(const char *name, struct network **made)
{
    static const struct fiber_options options = {"network", STACK};
    struct interface *i = calloc(1, sizeof *i);
    struct fiber *fiber;
    enum status s;

    if (!i || buf_reserve(RESERVE) != OK) {
        free(i);
        return ERR_NO_MEMORY;
    }
    i->network.ops = &xen_ops;
    i->network.name = i->name;
    if ((s = find(i, name)) != OK || (s = read_offers(i)) != OK ||
        (s = front_connect(&i->front, &front_ops)) != OK ||
        (s = fiber_spawn(&options, run_rings, i, &fiber)) != OK ||
        (s = front_follow(&i->front, &options)) != OK)
        return s; /* the image ends */
    *made = &i->network;
    return OK;
}
