/* SPDX-License-Identifier: ISC */
/*
 * virtio console devices (virtio 1.2, 5.3), and console "0": the serial port,
 * or, in a machine without one, port 0 of the first of these devices. What does
 * not wait for fibers (the log, crash reports) goes there by the emergency
 * write (5.3.4).
 */
#include "console_port.h"
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <mirage/drivers.h>
#include <mirage/platform.h>
#include <pc/console.h>
#include <pc/serial.h>
#include <stdlib.h>

#define BIT(feature) (UINT64_C(1) << (feature))

LOG_SOURCE_SHARED(console);

static struct port *first; /* in place of the serial port */

/* ---- Devices ---- */

static enum status start(struct virtio_device *d, void *ctx)
{
    struct console_device *c = ctx;

    for (unsigned i = 0; i < PORTS; i++)
        c->port[i].rx = c->port[i].tx = NULL;
    c->ports = 1;
    if (virtio_has(d, VIRTIO_CONSOLE_F_MULTIPORT))
        return console_control.start(c);
    return port_create_queues(&c->port[0]);
}

static void started(struct virtio_device *d, void *ctx)
{
    struct console_device *c = ctx;

    if (virtio_has(d, VIRTIO_CONSOLE_F_MULTIPORT)) {
        console_control.started(c);
        return;
    }
    c->port[0].is_there = c->port[0].is_text = true;
    port_refill(&c->port[0]);
    port_set_open(&c->port[0], true);
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    struct console_device *c = ctx;

    (void)d;
    (void)is_gone;
    for (unsigned i = 0; i < PORTS; i++)
        port_reclaim(&c->port[i]);
    if (c->control)
        console_control.stopped(c);
}

#define DRIVER \
    .log = &console, .start = start, .started = started, .stopped = stopped
#define FEATURES BIT(VIRTIO_CONSOLE_F_EMERG_WRITE)

static const struct virtio_driver one_port = {DRIVER, .features = FEATURES};
static const struct virtio_driver many_ports = {
    DRIVER, .features = FEATURES | BIT(VIRTIO_CONSOLE_F_MULTIPORT)};

/* Adds a device to the list, and starts it. Errors are logged, and leave it
 * without a driver. */
static void add_device(struct console_device **last, struct virtio_device *d)
{
    struct console_device *c = calloc(1, sizeof *c);

    if (!c)
        return;
    *last = c;
    c->device = d;
    for (unsigned i = 0; i < PORTS; i++) {
        c->port[i].of = c;
        c->port[i].id = i;
    }
    if (virtio_start(d, &console_control ? &many_ports : &one_port, c) != OK)
        c->ports = 0;
}

struct console_device *console_devices(void)
{
    static struct console_device *devices;

    for (struct virtio_device *d = virtio_devices(); d; d = d->next) {
        struct console_device **c = &devices;

        if (d->type != VIRTIO_ID_CONSOLE)
            continue;
        while (*c && (*c)->device != d)
            c = &(*c)->next;
        if (!*c)
            add_device(c, d);
    }
    return devices;
}

/* ---- Console "0" ---- */

static void put_character(struct virtio_device *d, char c)
{
    uint32_t value = (uint8_t)c;

    virtio_config_write(d, offsetof(struct virtio_console_config, emerg_wr),
                        &value, sizeof value);
}

void console_put(const char *text, size_t len)
{
    struct virtio_device *d = first ? first->of->device : NULL;

    if (!d)
        serial_write(text, len);
    if (!d || !virtio_has(d, VIRTIO_CONSOLE_F_EMERG_WRITE))
        return;
    for (; len > 0; text++, len--) {
        if (*text == '\n')
            put_character(d, '\r');
        put_character(d, *text);
    }
}

struct console *console_input(struct console *serial)
{
    return first ? &first->console : serial;
}

static struct port *find_first(void)
{
    struct console_device *c = console_devices();

    if (&console_control)
        return console_control.find(NULL);
    while (c && (c->ports == 0 || c->device->is_gone))
        c = c->next;
    return c ? &c->port[0] : NULL;
}

enum status console_virtio_connect(const char *name, struct console **made)
{
    struct port *p = serial_exists() ? NULL : find_first();
    enum status s;

    if (!p)
        return console_serial_connect(name, made);
    s = port_use(p);
    if (s != OK)
        return s;
    first = p;
    *made = &p->console;
    return OK;
}
