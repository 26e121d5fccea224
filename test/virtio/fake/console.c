/* SPDX-License-Identifier: ISC */
/* A virtio console device on the fake. */
#include "console.h"
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <mirage/macros.h>
#include <string.h>

enum { CONTROL_RX = 2,
       CONTROL_TX = 3,
       CONSOLES = 8 };

static struct fake_console *consoles[CONSOLES];
static unsigned count;

static struct fake_console *console_of(const struct fake *f)
{
    for (unsigned i = 0; i < CONSOLES; i++)
        if (consoles[i] && consoles[i]->fake == f)
            return consoles[i];
    fake_fail("no console");
}

static bool is_multiport(const struct fake_console *c)
{
    return c->fake->accepted >> VIRTIO_CONSOLE_F_MULTIPORT & 1;
}

static unsigned queue_of(unsigned id)
{
    return id == 0 ? 0 : 2 + 2 * id;
}

bool fake_console_raw(struct fake_console *c, const void *bytes, size_t len,
                      uint32_t written)
{
    static struct fake_buffer b;

    if (!fake_take(c->fake, CONTROL_RX, &b))
        return false;
    if (b.out != 0 || b.in != 1)
        fake_fail("a buffer for control messages of %u and %u pieces", b.out,
                  b.in);
    memcpy(b.piece[0].data, bytes, min(len, (size_t)b.piece[0].len));
    fake_give(c->fake, CONTROL_RX, &b, written);
    return true;
}

bool fake_console_control(struct fake_console *c, uint32_t id, uint16_t event,
                          uint16_t value, const void *extra, size_t len)
{
    struct virtio_console_control message = {id, event, value};
    uint8_t bytes[1024];

    if (len > sizeof bytes - sizeof message)
        fake_fail("%zu bytes of a control message", len);
    memcpy(bytes, &message, sizeof message);
    if (len > 0)
        memcpy(bytes + sizeof message, extra, len);
    return fake_console_raw(c, bytes, sizeof message + len,
                            (uint32_t)(sizeof message + len));
}

static void add_ports(struct fake_console *c)
{
    for (unsigned i = 0; i < FAKE_CONSOLE_PORTS; i++)
        if (c->port[i].is_there &&
            !fake_console_control(c, i, VIRTIO_CONSOLE_PORT_ADD, 1, NULL, 0))
            fake_fail("there is no buffer for PORT_ADD");
}

/* What the device says of a port that the driver is ready for, as QEMU does. */
static void describe(struct fake_console *c, unsigned id)
{
    struct fake_console_port *p = &c->port[id];
    bool has_room = true;

    p->is_ready = true;
    if (p->is_console)
        has_room &= fake_console_control(c, id, VIRTIO_CONSOLE_CONSOLE_PORT,
                                         1, NULL, 0);
    if (p->name) /* without a NUL, as 5.3.6.2 permits */
        has_room &= fake_console_control(c, id, VIRTIO_CONSOLE_PORT_NAME, 1,
                                         p->name, strlen(p->name));
    if (p->is_host_open)
        has_room &= fake_console_control(c, id, VIRTIO_CONSOLE_PORT_OPEN, 1,
                                         NULL, 0);
    if (!has_room)
        fake_fail("there is no buffer for what is said of port %u", id);
}

static void obey(struct fake_console *c, struct virtio_console_control m)
{
    if (m.event == VIRTIO_CONSOLE_DEVICE_READY) {
        if (c->is_ready || m.value != 1)
            fake_fail("DEVICE_READY, %u, for the second time", m.value);
        c->is_ready = true;
        add_ports(c);
        return;
    }
    if (!c->is_ready || m.id >= FAKE_CONSOLE_PORTS || m.value != 1)
        fake_fail("event %u of port %u with value %u", m.event, m.id,
                  m.value);
    if (m.event == VIRTIO_CONSOLE_PORT_READY)
        describe(c, m.id);
    else if (m.event != VIRTIO_CONSOLE_PORT_OPEN)
        fake_fail("event %u", m.event);
    else if (!c->port[m.id].is_ready)
        fake_fail("port %u is opened before PORT_READY", m.id);
    else {
        c->port[m.id].is_image_open = true;
        c->opened++;
    }
}

static void take_control(struct fake_console *c)
{
    static struct fake_buffer b;
    struct virtio_console_control message;

    while (fake_take(c->fake, CONTROL_TX, &b)) {
        if (b.out != 1 || b.in != 0 || b.piece[0].len != sizeof message)
            fake_fail("a control message of %u bytes", b.piece[0].len);
        memcpy(&message, b.piece[0].data, sizeof message);
        fake_give(c->fake, CONTROL_TX, &b, 0);
        obey(c, message);
    }
}

static void take_output(struct fake_console *c, unsigned id)
{
    static struct fake_buffer b;
    struct fake_console_port *p = &c->port[id];

    while (!c->is_stuck && fake_take(c->fake, queue_of(id) + 1, &b)) {
        if (b.out != 1 || b.in != 0)
            fake_fail("output of %u and %u pieces", b.out, b.in);
        if (is_multiport(c) && !p->is_host_open)
            fake_fail("output to port %u, which is closed", id);
        if (b.piece[0].len > sizeof p->output - p->output_len)
            fake_fail("too much output");
        memcpy(p->output + p->output_len, b.piece[0].data, b.piece[0].len);
        p->output_len += b.piece[0].len;
        /* A length of a buffer that is only read means nothing. */
        fake_give(c->fake, queue_of(id) + 1, &b, b.piece[0].len);
    }
}

void fake_console_take(struct fake_console *c)
{
    for (unsigned i = 0; i < FAKE_CONSOLE_PORTS; i++)
        if (c->fake->queue[queue_of(i) + 1].is_started)
            take_output(c, i);
}

static void notified(struct fake *f, unsigned index)
{
    struct fake_console *c = console_of(f);

    if (index == CONTROL_TX && is_multiport(c))
        take_control(c);
    else if (index % 2 == 1)
        take_output(c, index == 1 ? 0 : index / 2 - 1);
}

static void written(struct fake *f, size_t offset, size_t len)
{
    struct fake_console *c = console_of(f);

    if (offset != offsetof(struct virtio_console_config, emerg_wr) ||
        len != 4 || !(f->accepted >> VIRTIO_CONSOLE_F_EMERG_WRITE & 1))
        fake_fail("the configuration is written at %zu", offset);
    if (c->emergency_len < sizeof c->emergency)
        c->emergency[c->emergency_len++] = (char)f->config[offset];
}

static void on_status(struct fake *f, uint8_t status)
{
    struct fake_console *c = console_of(f);

    if (status != 0)
        return;
    c->is_ready = false;
    for (unsigned i = 0; i < FAKE_CONSOLE_PORTS; i++)
        c->port[i].is_ready = c->port[i].is_image_open = false;
}

void fake_console_add(struct fake_console *c, uint64_t features,
                      bool is_legacy, uint32_t ports)
{
    memset(c, 0, sizeof *c);
    c->fake = fake_new(features, is_legacy);
    c->fake->notified = notified;
    c->fake->written = written;
    c->fake->on_status = on_status;
    memcpy(c->fake->config +
               offsetof(struct virtio_console_config, max_nr_ports),
           &ports, sizeof ports);
    consoles[count++ % CONSOLES] = c;
    fake_add(c->fake, VIRTIO_ID_CONSOLE);
}

void fake_console_open(struct fake_console *c, unsigned id, bool is_open)
{
    c->port[id].is_host_open = is_open;
    if (!fake_console_control(c, id, VIRTIO_CONSOLE_PORT_OPEN, is_open, NULL,
                              0))
        fake_fail("there is no buffer for PORT_OPEN");
}

size_t fake_console_type(struct fake_console *c, unsigned id,
                         const char *text, size_t len)
{
    static struct fake_buffer b;
    size_t done = 0;

    while (done < len && fake_take(c->fake, queue_of(id), &b)) {
        size_t n = min(len - done, (size_t)b.piece[0].len);

        if (b.out != 0 || b.in != 1)
            fake_fail("a buffer for input of %u and %u pieces", b.out, b.in);
        memcpy(b.piece[0].data, text + done, n);
        fake_give(c->fake, queue_of(id), &b, (uint32_t)n);
        done += n;
    }
    return done;
}
