/* SPDX-License-Identifier: ISC */
/*
 * Consoles by the names of their ports: the control queues of virtio console
 * devices with several ports (virtio 1.2, 5.3.6.2, MULTIPORT). A fiber for each
 * device answers its messages.
 */
#include "console_port.h"
#include <linux/virtio_console.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/macros.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define RX       2u /* the control queues (5.3.2) */
#define TX       3u
#define MESSAGES 32u /* in flight; QEMU loses what there is no buffer for */
#define RECEIVED 256u /* bytes of a buffer for a message with a name */
#define SENT     ((uint32_t)sizeof(struct virtio_console_control))
#define PATIENCE SECOND /* since a device's last message */

extern struct log_source console; /* console_virtio.c */

struct control {
    struct virtqueue *rx, *tx;
    uint8_t *in, *out; /* pages of MESSAGES buffers */
    uint32_t busy; /* a bit for each message that is being sent */
    uint32_t most_ports; /* that the device can have */
    bool owes_device_ready;
    nanoseconds heard_at;
    struct waiters work;
};

static struct waiters ports_changed;

static void on_used(void *ctx)
{
    struct control *k = ctx;

    wake_all(&k->work);
}

/* ---- Messages to the device ---- */

/* False: all buffers are in use, and the message is still owed. */
static bool send_message(struct control *k, uint32_t id, uint16_t event)
{
    struct virtio_console_control message = {id, event, 1};
    struct virtio_piece piece = {NULL, SENT};
    unsigned n = 0;

    while (n < MESSAGES && (k->busy >> n & 1))
        n++;
    if (n == MESSAGES)
        return false;
    piece.data = memcpy(k->out + n * SENT, &message, sizeof message);
    if (!virtqueue_add(k->tx, &piece, 1, 0, piece.data))
        return false;
    k->busy |= UINT32_C(1) << n;
    return true;
}

static void send_owed(struct console_device *c)
{
    struct control *k = c->control;
    uint32_t written;
    uint8_t *message;

    while ((message = virtqueue_used(k->tx, &written)) != NULL)
        k->busy &= ~(UINT32_C(1) << (unsigned)(message - k->out) / SENT);
    if (k->owes_device_ready)
        k->owes_device_ready = !send_message(k, 0, VIRTIO_CONSOLE_DEVICE_READY);
    for (struct port *p = c->port; p < c->port + c->ports; p++) {
        if (p->owes_ready && !k->owes_device_ready)
            p->owes_ready = !send_message(k, p->id, VIRTIO_CONSOLE_PORT_READY);
        if (p->owes_open && !p->owes_ready)
            p->owes_open = !send_message(k, p->id, VIRTIO_CONSOLE_PORT_OPEN);
    }
    virtqueue_kick(k->tx);
}

/* ---- Messages from the device ---- */

static void add_port(struct port *p)
{
    p->is_there = p->owes_ready = true;
    p->is_text = false;
    p->owes_open = p->is_used && !p->name[0];
    port_refill(p);
}

/* A port in use keeps its name: another port in its place stays closed. */
static void name_port(struct port *p, const char *name, size_t len)
{
    char text[PORT_NAME] = "";

    len = strnlen(name, len);
    if (len < sizeof text)
        memcpy(text, name, len);
    if (!p->is_used)
        memcpy(p->name, text, sizeof text);
    else if (strcmp(p->name, text) == 0)
        p->owes_open = true;
    else
        p->is_there = false;
}

static void receive(struct console_device *c, const uint8_t *bytes,
                    size_t len)
{
    struct virtio_console_control message;
    struct port *p;

    if (len < sizeof message) {
        virtio_broken(c->device, "sent a control message that is too short");
        return;
    }
    memcpy(&message, bytes, sizeof message);
    if (message.id >= c->control->most_ports) {
        virtio_broken(c->device, "sent a message of a port that it cannot "
                                 "have");
        return;
    }
    if (message.id >= c->ports) {
        log_debug(&console, "%s: port %u is not used: ports from %u on are "
                            "not supported",
                  c->device->place, message.id, PORTS);
        return;
    }
    p = &c->port[message.id];
    if (message.event == VIRTIO_CONSOLE_PORT_ADD)
        add_port(p);
    else if (!p->is_there)
        return;
    else if (message.event == VIRTIO_CONSOLE_PORT_NAME)
        name_port(p, (const char *)bytes + sizeof message,
                  len - sizeof message);
    else if (message.event == VIRTIO_CONSOLE_PORT_OPEN)
        port_set_open(p, message.value == 1);
    else if (message.event == VIRTIO_CONSOLE_CONSOLE_PORT)
        p->is_text = p->owes_open = true;
    else if (message.event == VIRTIO_CONSOLE_PORT_REMOVE) {
        port_set_open(p, false);
        p->is_there = false;
    }
}

static bool add_buffer(struct control *k, uint8_t *buffer)
{
    struct virtio_piece piece = {buffer, RECEIVED};

    return virtqueue_add(k->rx, &piece, 0, 1, buffer);
}

/* Handles at most MESSAGES messages. False: there may be more. */
static bool receive_all(struct console_device *c)
{
    struct control *k = c->control;
    unsigned n = 0;
    uint32_t written;
    uint8_t *buffer, copy[RECEIVED];

    for (; n < MESSAGES && (buffer = virtqueue_used(k->rx, &written)); n++) {
        memcpy(copy, buffer, written);
        (void)add_buffer(k, buffer);
        receive(c, copy, written);
    }
    virtqueue_kick(k->rx);
    if (n > 0) {
        k->heard_at = time_now();
        wake_all(&ports_changed);
    }
    return n < MESSAGES;
}

static void run(void *ctx)
{
    struct console_device *c = ctx;
    struct control *k = c->control;
    enum status s = OK;

    while (s != ERR_CANCELLED) {
        bool is_done = true;

        if (c->device->is_running &&
            virtio_has(c->device, VIRTIO_CONSOLE_F_MULTIPORT)) {
            is_done = receive_all(c);
            send_owed(c);
            if (is_done)
                is_done = virtqueue_enable(k->rx);
            if (is_done && k->busy)
                is_done = virtqueue_enable(k->tx);
        }
        s = is_done ? wait_until(&k->work, FOREVER) : fiber_yield();
    }
}

/* ---- The life of the device ---- */

static enum status make_control(struct console_device *c)
{
    static const struct fiber_options options = {"console", 16384};
    struct control *k = calloc(1, sizeof *k);

    if (!k || !(k->in = page_alloc(MESSAGES * RECEIVED / PAGE_BYTES)) ||
        !(k->out = page_alloc(1)))
        return ERR_NO_MEMORY; /* the image does not go on with it */
    c->control = k;
    return fiber_start_with(&options, run, c);
}

static enum status control_start(struct console_device *c)
{
    enum status s = c->control ? OK : make_control(c);
    struct control *k = c->control;

    if (s != OK)
        return s;
    if (!virtio_config(c->device,
                       offsetof(struct virtio_console_config, max_nr_ports),
                       &k->most_ports, sizeof k->most_ports) ||
        k->most_ports == 0) {
        log_error(&console, "%s: it announces that it has no port",
                  c->device->place);
        return ERR_FORMAT;
    }
    c->ports = min(k->most_ports, PORTS);
    s = virtqueue_create(c->device, RX, MESSAGES, 1, on_used, k, &k->rx);
    if (s == OK)
        s = virtqueue_create(c->device, TX, MESSAGES, 1, on_used, k, &k->tx);
    for (unsigned i = 0; i < c->ports && s == OK; i++)
        s = port_create_queues(&c->port[i]);
    return s;
}

static void control_started(struct console_device *c)
{
    struct control *k = c->control;

    k->busy = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        if (!add_buffer(k, k->in + i * RECEIVED))
            break;
    virtqueue_kick(k->rx);
    k->owes_device_ready = true;
    k->heard_at = time_now();
    wake_all(&k->work);
}

static void control_stopped(struct console_device *c)
{
    port_reclaim_queue(c->device, c->control->rx);
    port_reclaim_queue(c->device, c->control->tx);
    wake_all(&ports_changed);
}

/* ---- Ports by name ---- */

static bool has_name(const struct port *p, const char *name)
{
    return p->is_there &&
           (name ? strcmp(p->name, name) == 0 : p->id == 0);
}

static struct port *look_for(const char *name)
{
    for (struct console_device *c = console_devices(); c; c = c->next)
        for (unsigned i = 0; i < c->ports; i++)
            if (!c->device->is_gone && has_name(&c->port[i], name))
                return &c->port[i];
    return NULL;
}

/* When all devices have said what they have to say, as far as one can tell. */
static nanoseconds patience_ends(void)
{
    nanoseconds last = 0;

    for (struct console_device *c = console_devices(); c; c = c->next)
        if (c->control && !c->device->is_gone)
            last = max(last, c->control->heard_at + PATIENCE);
    return last;
}

static struct port *find(const char *name)
{
    struct port *p;

    while (!(p = look_for(name)) && time_now() < patience_ends())
        if (wait_until(&ports_changed, patience_ends()) == ERR_CANCELLED)
            break;
    return p;
}

const struct console_control console_control = {
    .start = control_start,
    .started = control_started,
    .stopped = control_stopped,
    .find = find,
};

static void log_absence(const char *name)
{
    char others[200] = "";

    for (struct console_device *c = console_devices(); c; c = c->next)
        for (unsigned i = 0; i < c->ports; i++) {
            size_t len = strlen(others);

            if (c->port[i].is_there)
                text_format(others + len, sizeof others - len,
                            "%sport %u of %s (%s)", len > 0 ? ", " : "", i,
                            c->device->place,
                            c->port[i].name[0] ? c->port[i].name : "no name");
        }
    log_error(&console, "there is no port %s; what there is: %s. Options of "
                        "QEMU give it: -device virtio-serial-pci -chardev "
                        "...,id=ID -device virtserialport,chardev=ID,name=%s",
              name, others[0] ? others : "none", name);
}

enum status console_port_connect(const char *name, struct console **made)
{
    struct port *p = find(name);
    enum status s;

    if (!p) {
        log_absence(name);
        return ERR_NOT_FOUND;
    }
    s = port_use(p);
    if (s != OK)
        return s;
    p->owes_open = true;
    if (p->of->control)
        wake_all(&p->of->control->work);
    *made = &p->console;
    return OK;
}
