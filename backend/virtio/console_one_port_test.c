/* SPDX-License-Identifier: ISC */
/* Console "0" on fake devices, in an image without named consoles, which does
 * not link console_control.c. */
#include "console_port.h"
#include "check.h"
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <mirage/drivers.h>
#include <pc/console.h>
#include <pc/serial.h>
#include <string.h>
#include <virtio/fake/console.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define PLAIN        BIT(VIRTIO_F_VERSION_1)

static struct fake_console host[2];
static struct console serial_console;

bool serial_exists(void)
{
    return false;
}

void serial_write(const char *text, size_t len)
{
    (void)text;
    (void)len;
}

enum status console_serial_connect(const char *name, struct console **made)
{
    (void)name;
    *made = &serial_console;
    return OK;
}

static void begin(uint64_t features)
{
    for (struct virtio_device *d = virtio_devices(); d; d = d->next)
        if (d->driver)
            virtio_broken(d, "belongs to an earlier test");
    CHECK(time_sleep(SECOND) == OK);
    fake_remove_all();
    for (unsigned i = 0; i < 2; i++) {
        fake_console_add(&host[i], features, false, 1);
        host[i].port[0].is_there = host[i].port[0].is_host_open = true;
    }
}

static struct console *connect(void)
{
    struct console *c = NULL;

    CHECK(console_virtio_connect("0", &c) == OK);
    CHECK(time_sleep(MILLISECOND) == OK);
    return c;
}

static void talk(unsigned number)
{
    struct fake_console_port *p = &host[number].port[0];
    struct console *c = connect();
    char data[8];
    size_t got;

    CHECK(c && c != &serial_console);
    console_log(c, "hello");
    CHECK(p->output_len == 7 && memcmp(p->output, "hello\r\n", 7) == 0);
    CHECK(fake_console_type(&host[number], 0, "a\r", 2) == 2);
    CHECK(console_read(c, data, sizeof data, &got) == OK);
    CHECK(got == 2 && memcmp(data, "a\n", 2) == 0);
    CHECK(host[1 - number].port[0].output_len == 0);
}

TEST(several_ports_are_not_negotiated_without_named_consoles)
{
    begin(PLAIN | BIT(VIRTIO_CONSOLE_F_MULTIPORT));
    talk(0);
    CHECK(host[0].fake->accepted == PLAIN);
}

TEST(console_0_is_that_of_the_first_device_that_starts)
{
    begin(PLAIN);
    host[0].fake->refuses_queues = true;
    talk(1);
}

TEST(console_0_is_not_that_of_a_device_that_is_gone)
{
    begin(PLAIN);
    CHECK(console_devices() != NULL);
    virtio_broken(&host[0].fake->device, "is tested");
    CHECK(time_sleep(SECOND) == OK);
    talk(1);
}

TEST(console_0_is_the_serial_port_where_no_device_starts)
{
    begin(PLAIN);
    host[0].fake->refuses_queues = host[1].fake->refuses_queues = true;
    CHECK(connect() == &serial_console);
}
