/* SPDX-License-Identifier: ISC */
/*
 * Consoles on a hostile virtio device (virtio 1.2, 5.3): control messages,
 * input and lengths of any kind. What is read lies in the console's pages; the
 * image goes on.
 */
#include "virtio_host.h"
#include <virtio/console_virtio.c>
#undef BIT
#undef FEATURES
#include <virtio/console_port.c>
#include <virtio/console_control.c>

struct virtio_device *virtio_devices(void)
{
    return &fuzzed;
}

bool serial_exists(void)
{
    return false;
}

void serial_write(const char *text, size_t len)
{
    (void)text;
    (void)len;
}

static enum status no_input(struct console *c, void *data, size_t len,
                            size_t *got)
{
    (void)c;
    (void)data;
    (void)len;
    (void)got;
    return ERR_EOF;
}

static const struct console_ops no_ops = {.read = no_input};
static struct console no_console = {.ops = &no_ops};

enum status console_serial_connect(const char *name, struct console **made)
{
    (void)name;
    *made = &no_console;
    return OK;
}

static struct console_device *device; /* the same for all inputs */
static struct console *reading;

static void read_all(void *ctx)
{
    char data[100];
    size_t got;

    (void)ctx;
    while (reading && console_read(reading, data, sizeof data, &got) != ERR_IO)
        check(got <= sizeof data);
    reading = NULL;
}

static void write_some(void *ctx)
{
    console_write(ctx, "some text\n", 10);
}

/* Has a reader and a writer use a port. */
static void use(unsigned id, bool writes)
{
    struct port *p = &device->port[id];

    if (port_use(p) != OK)
        return;
    p->owes_open = true;
    if (p->of->control)
        wake_all(&p->of->control->work);
    if (writes) {
        check(fiber_start(write_some, &p->console) == OK);
    } else if (!reading) {
        reading = &p->console;
        check(fiber_start(read_all, NULL) == OK);
    }
}

static void begin(void)
{
    if (!device) {
        device = calloc(1, sizeof *device);
        device->device = &fuzzed;
    }
    for (unsigned i = 0; i < PORTS; i++) {
        struct port *p = &device->port[i], old = *p;

        *p = (struct port){.of = device, .id = i, .in = old.in, .out = old.out};
    }
    device->ports = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_device(VIRTIO_ID_CONSOLE, data, size);
    begin();
    if (virtio_start(&fuzzed, &many_ports, device) != OK) {
        check(!fuzzed.driver);
        return 0;
    }
    while (fuzz_left > 0 && !fuzzed.is_gone) {
        unsigned what = next_byte();

        act();
        if (what % 8 == 0 && device->ports > 0)
            use(what / 8 % device->ports, what & 0x80);
        else if (what % 4 == 1)
            (void)time_sleep(MILLISECOND);
        else
            (void)fiber_yield();
    }
    end_device();
    check(!reading);
    return 0;
}
