/* SPDX-License-Identifier: ISC */
/* Consoles (virtio 1.2, 5.3) on fake devices that are correct, slow or lie. */
#include "console_port.h"
#include "check.h"
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ring.h>
#include <mirage/drivers.h>
#include <pc/console.h>
#include <pc/serial.h>
#include <stdlib.h>
#include <string.h>
#include <virtio/fake/console.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define PLAIN        BIT(VIRTIO_F_VERSION_1)
#define MANY         (PLAIN | BIT(VIRTIO_CONSOLE_F_MULTIPORT))
#define PACKED       (BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_RING_F_EVENT_IDX))
#define EMERGENCY    BIT(VIRTIO_CONSOLE_F_EMERG_WRITE)

static struct fake_console *host;
static bool has_serial;
static char serial_text[256];
static size_t serial_len;
static struct console serial_console;

bool serial_exists(void)
{
    return has_serial;
}

void serial_write(const char *text, size_t len)
{
    for (; len > 0 && serial_len < sizeof serial_text; len--)
        serial_text[serial_len++] = *text++;
}

enum status console_serial_connect(const char *name, struct console **made)
{
    CHECK(strcmp(name, "0") == 0);
    *made = &serial_console;
    return OK;
}

/* The devices of earlier tests are given up. */
static void forget(void)
{
    for (struct virtio_device *d = virtio_devices(); d; d = d->next)
        if (d->driver)
            virtio_broken(d, "belongs to an earlier test");
    CHECK(time_sleep(SECOND) == OK);
    fake_remove_all();
    has_serial = false;
    serial_len = 0;
}

/* A machine with one more device. */
static struct fake_console *add(uint64_t features, bool is_legacy)
{
    host = calloc(1, sizeof *host);
    fake_console_add(host, features, is_legacy, 31);
    return host;
}

/* A port that has a name, and is open unless the test closes it. */
static void set_port(unsigned id, const char *name)
{
    host->port[id].is_there = host->port[id].is_host_open = true;
    host->port[id].name = name;
}

static struct console *connect(const char *name)
{
    struct console *c = NULL;

    CHECK(console_port_connect(name, &c) == OK);
    CHECK(time_sleep(MILLISECOND) == OK);
    return c;
}

/* A machine with one device, which has the port "agent" as number 2. */
static struct console *begin_with(uint64_t features)
{
    forget();
    add(features | MANY, false);
    set_port(1, "other");
    set_port(2, "agent");
    return connect("agent");
}

static struct console *begin(void)
{
    return begin_with(0);
}

static bool has_output(unsigned id, const char *text)
{
    return host->port[id].output_len == strlen(text) &&
           memcmp(host->port[id].output, text, strlen(text)) == 0;
}

static void type(unsigned id, const char *text)
{
    CHECK(fake_console_type(host, id, text, strlen(text)) == strlen(text));
}

static bool reads(struct console *c, const char *text)
{
    char data[100];
    size_t got = 0;

    return console_read(c, data, sizeof data, &got) == OK &&
           got == strlen(text) && memcmp(data, text, got) == 0;
}

static void talk(struct console *c)
{
    console_log(c, "hello\r\n\x80");
    CHECK(has_output(2, "hello\r\n\x80\n"));
    type(2, "a\rb\n");
    CHECK(reads(c, "a\rb\n"));
    CHECK(host->port[2].is_image_open && !host->port[1].is_image_open);
}

TEST(a_port_is_found_by_its_name_and_passes_bytes_as_they_are)
{
    talk(begin());
}

TEST(the_same_with_a_packed_ring)
{
    talk(begin_with(PACKED));
}

TEST(a_port_is_found_on_a_second_device)
{
    forget();
    add(MANY, false);
    set_port(1, "no");
    add(MANY, false);
    set_port(2, "agent");
    talk(connect("agent"));
}

TEST(a_name_that_no_port_has_is_not_found_after_a_second)
{
    struct console *c;
    nanoseconds before;

    begin();
    before = time_now();
    CHECK(console_port_connect("nobody", &c) == ERR_NOT_FOUND);
    CHECK(time_now() - before <= 2 * SECOND);
    forget();
    CHECK(console_port_connect("nothing", &c) == ERR_NOT_FOUND);
}

TEST(a_port_that_is_plugged_in_later_is_found_within_a_second)
{
    forget();
    add(MANY, false);
    set_port(1, "other");
    (void)connect("other");
    set_port(3, "late");
    CHECK(fake_console_control(host, 3, VIRTIO_CONSOLE_PORT_ADD, 1, NULL, 0));
    console_log(connect("late"), "hello");
    CHECK(has_output(3, "hello\n"));
}

/* ---- Output ---- */

static bool is_written;

static void write_line(void *ctx)
{
    console_log(ctx, "a line");
    is_written = true;
}

static void write_beside(struct console *c)
{
    is_written = false;
    CHECK(fiber_start(write_line, c) == OK);
    CHECK(time_sleep(SECOND) == OK);
}

TEST(output_waits_until_the_host_opens_the_port)
{
    struct console *c;

    forget();
    add(MANY, false);
    set_port(2, "agent");
    host->port[2].is_host_open = false;
    c = connect("agent");
    write_beside(c);
    CHECK(!is_written && has_output(2, ""));
    fake_console_open(host, 2, true);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(is_written && has_output(2, "a line\n"));
}

TEST(output_waits_for_a_reader_that_takes_nothing)
{
    struct console *c = begin();

    host->is_stuck = true;
    write_beside(c);
    CHECK(!is_written);
    host->is_stuck = false;
    fake_console_take(host);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(is_written && has_output(2, "a line\n"));
}

TEST(output_of_any_length_arrives_whole)
{
    struct console *c = begin();
    static char text[40000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 / 3);
    console_write(c, text, sizeof text);
    CHECK(host->port[2].output_len == sizeof text);
    CHECK(memcmp(host->port[2].output, text, sizeof text) == 0);
}

TEST(output_is_sent_again_after_a_reset)
{
    struct console *c = begin();

    host->is_stuck = true;
    write_beside(c);
    fake_need_reset(host->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(!is_written);
    host->is_stuck = false;
    fake_console_take(host);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(is_written && has_output(2, "a line\n"));
    type(2, "back");
    CHECK(reads(c, "back"));
    CHECK(host->opened == 2);
}

TEST(a_device_may_have_fewer_ports_after_a_reset)
{
    struct console *c = begin();
    uint32_t ports = 1;

    memcpy(host->fake->config + 4, &ports, sizeof ports);
    host->port[1].is_there = host->port[2].is_there = false;
    fake_need_reset(host->fake);
    write_beside(c);
    CHECK(!is_written);
    host->fake->features = PLAIN; /* and without MULTIPORT */
    fake_need_reset(host->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(host->fake->device.is_running && !is_written);
    virtio_broken(&host->fake->device, "is not needed");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(is_written);
}

TEST(output_to_a_device_that_is_gone_is_lost)
{
    struct console *c = begin();
    char data[4];
    size_t got;

    host->is_stuck = true;
    write_beside(c);
    virtio_broken(&host->fake->device, "lies");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(is_written);
    console_log(c, "more");
    CHECK(console_read(c, data, sizeof data, &got) == ERR_IO);
}

/* ---- Input ---- */

TEST(input_waits_in_the_device_until_it_is_read_in_order)
{
    struct console *c = begin();
    static char text[20000], data[700];
    size_t sent = 0, at = 0, got;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 11 / 7);
    while (at < sizeof text) {
        sent += fake_console_type(host, 2, text + sent, sizeof text - sent);
        CHECK(sent - at <= (size_t)PORT_CHUNK * PORT_CHUNKS);
        CHECK(console_read(c, data, sizeof data, &got) == OK);
        CHECK(memcmp(data, text + at, got) == 0);
        at += got;
    }
    CHECK(at == sizeof text);
}

TEST(a_host_that_closes_the_port_ends_the_input_once)
{
    struct console *c = begin();
    char data[10];
    size_t got;

    type(2, "last");
    fake_console_open(host, 2, false);
    CHECK(time_sleep(MILLISECOND) == OK);
    fake_console_open(host, 2, true);
    type(2, "first");
    CHECK(reads(c, "last"));
    CHECK(console_read(c, data, sizeof data, &got) == ERR_EOF);
    CHECK(reads(c, "first"));
}

TEST(a_port_that_is_unplugged_ends_and_goes_on_when_it_is_back)
{
    struct console *c = begin();
    char data[10];
    size_t got;

    CHECK(fake_console_control(host, 2, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL,
                               0));
    CHECK(console_read(c, data, sizeof data, &got) == ERR_EOF);
    host->port[2].name = "stranger";
    CHECK(fake_console_control(host, 2, VIRTIO_CONSOLE_PORT_ADD, 1, NULL, 0));
    write_beside(c);
    CHECK(!is_written);
    CHECK(fake_console_control(host, 2, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL,
                               0));
    host->port[2].name = "agent";
    CHECK(fake_console_control(host, 2, VIRTIO_CONSOLE_PORT_ADD, 1, NULL, 0));
    CHECK(time_sleep(SECOND) == OK);
    CHECK(is_written && has_output(2, "a line\n"));
}

TEST(a_device_that_sends_nothing_again_and_again_does_not_stop_the_image)
{
    struct console *c = begin();
    static struct fake_buffer b;

    for (unsigned i = 0; i < PORT_CHUNKS; i++) {
        CHECK(fake_take(host->fake, 6, &b));
        fake_give(host->fake, 6, &b, 0);
    }
    CHECK(time_sleep(SECOND) == OK);
    /* Only a reader gives buffers back. */
    CHECK(fake_console_type(host, 2, "x", 1) == 0);
    CHECK(c != NULL);
}

/* ---- Console "0" ---- */

static struct console *connect_first(void)
{
    struct console *c = NULL;

    CHECK(console_virtio_connect("0", &c) == OK);
    CHECK(time_sleep(MILLISECOND) == OK);
    return c;
}

TEST(console_0_is_the_serial_port_if_there_is_one)
{
    forget();
    add(PLAIN, false);
    has_serial = true;
    CHECK(connect_first() == &serial_console);
    CHECK(host->fake->device.driver == NULL);
}

TEST(console_0_goes_nowhere_without_any_device)
{
    forget();
    CHECK(connect_first() == &serial_console);
    add(MANY, false);
    set_port(1, "other");
    CHECK(connect_first() == &serial_console);
}

static void talk_first(uint64_t features, bool is_legacy)
{
    struct console *c;

    forget();
    add(features, is_legacy);
    set_port(0, NULL);
    host->port[0].is_console = true;
    c = connect_first();
    console_log(c, "hello");
    CHECK(has_output(0, "hello\r\n"));
    type(0, "Dave\r");
    CHECK(reads(c, "Dave\n"));
    CHECK(console_input(&serial_console) == c);
}

TEST(console_0_is_port_0_with_line_ends_as_a_terminal_needs_them)
{
    talk_first(PLAIN, false);
    talk_first(MANY, false);
    CHECK(host->port[0].is_image_open);
    talk_first(PLAIN | PACKED, false);
    talk_first(0, true);
}

TEST(every_console_port_is_opened_as_the_specification_demands)
{
    forget();
    add(MANY, false);
    set_port(3, "screen");
    host->port[3].is_console = true;
    set_port(2, "agent");
    (void)connect("agent");
    CHECK(host->port[3].is_image_open);
}

TEST(the_log_goes_by_the_emergency_write_where_there_is_no_serial_port)
{
    talk_first(PLAIN | EMERGENCY, false);
    console_put("a\nb", 3);
    CHECK(host->emergency_len == 4);
    CHECK(memcmp(host->emergency, "a\r\nb", 4) == 0);
    talk_first(PLAIN, false);
    console_put("a\nb", 3);
    CHECK(host->emergency_len == 0);
}

/* ---- Lies ---- */

static bool is_gone(void)
{
    CHECK(time_sleep(SECOND) == OK);
    return host->fake->device.is_gone;
}

TEST(a_control_message_that_is_too_short_ends_the_device)
{
    begin();
    CHECK(fake_console_raw(host, "\0\0\0\0\6\0\1", 7, 7));
    CHECK(is_gone());
    begin();
    CHECK(fake_console_raw(host, "", 0, 0));
    CHECK(is_gone());
}

TEST(a_control_message_longer_than_its_buffer_ends_the_device)
{
    static char name[1000];

    begin();
    CHECK(fake_console_control(host, 1, VIRTIO_CONSOLE_PORT_NAME, 1, name,
                               sizeof name));
    CHECK(is_gone());
}

TEST(a_message_of_a_port_that_the_device_cannot_have_ends_it)
{
    begin();
    CHECK(fake_console_control(host, 31, VIRTIO_CONSOLE_PORT_ADD, 1, NULL,
                               0));
    CHECK(is_gone());
    begin();
    CHECK(fake_console_control(host, VIRTIO_CONSOLE_BAD_ID,
                               VIRTIO_CONSOLE_PORT_OPEN, 1, NULL, 0));
    CHECK(is_gone());
}

TEST(messages_that_mean_nothing_to_us_are_ignored)
{
    static const char name[200] = "long";
    struct console *c = begin();

    CHECK(fake_console_control(host, 2, VIRTIO_CONSOLE_RESIZE, 1, "abcd", 4));
    CHECK(fake_console_control(host, 2, 77, 1, NULL, 0));
    CHECK(fake_console_control(host, 30, VIRTIO_CONSOLE_PORT_ADD, 1, NULL,
                               0));
    CHECK(fake_console_control(host, 5, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL,
                               0));
    CHECK(fake_console_control(host, 5, VIRTIO_CONSOLE_PORT_NAME, 1, name,
                               sizeof name));
    CHECK(fake_console_control(host, 1, VIRTIO_CONSOLE_PORT_NAME, 1, name,
                               sizeof name));
    CHECK(!is_gone());
    talk(c);
}

TEST(input_longer_than_its_buffer_ends_the_device)
{
    struct console *c = begin();
    static struct fake_buffer b;
    char data[10];
    size_t got;

    CHECK(fake_take(host->fake, 6, &b));
    fake_give(host->fake, 6, &b, PORT_CHUNK + 1);
    CHECK(console_read(c, data, sizeof data, &got) == ERR_IO);
    CHECK(is_gone());
}

TEST(a_device_with_no_ports_or_with_very_many_is_refused_or_used)
{
    struct console *c;
    uint32_t ports = 0;

    forget();
    add(MANY, false);
    set_port(2, "agent");
    memcpy(host->fake->config + 4, &ports, sizeof ports);
    CHECK(console_port_connect("agent", &c) == ERR_NOT_FOUND);
    forget();
    add(MANY, false);
    set_port(2, "agent");
    ports = UINT32_MAX;
    memcpy(host->fake->config + 4, &ports, sizeof ports);
    talk(connect("agent"));
}

static void flood(struct fake *f, unsigned index)
{
    static struct fake_buffer b;
    static unsigned count;

    (void)index;
    while (count < 100000 && fake_take(f, 2, &b)) {
        struct virtio_console_control m = {count % 7,
                                           VIRTIO_CONSOLE_PORT_OPEN,
                                           (count + 1) % 2};

        count++;
        memcpy(b.piece[0].data, &m, sizeof m);
        fake_give(f, 2, &b, sizeof m);
    }
}

TEST(control_messages_without_end_leave_other_fibers_their_turn)
{
    nanoseconds before;

    begin();
    before = time_now();
    host->fake->notified = flood;
    flood(host->fake, 2);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(time_now() - before < SECOND);
}

/* ---- More of the same ---- */

TEST(control_messages_have_buffers_however_many_there_were)
{
    begin();
    for (unsigned i = 0; i < 100; i++) {
        host->port[1].is_ready = false;
        CHECK(fake_console_control(host, 1, VIRTIO_CONSOLE_PORT_REMOVE, 1,
                                   NULL, 0));
        CHECK(fake_console_control(host, 1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL,
                                   0));
        CHECK(time_sleep(MILLISECOND) == OK);
        CHECK(host->port[1].is_ready);
    }
}

TEST(messages_that_a_reset_took_back_leave_their_buffers)
{
    struct console *c = begin();
    void (*notified)(struct fake *, unsigned) = host->fake->notified;

    host->fake->notified = NULL;
    for (unsigned i = 0; i < 40; i++) {
        fake_need_reset(host->fake);
        CHECK(time_sleep(10 * SECOND) == OK);
    }
    host->fake->notified = notified;
    fake_need_reset(host->fake);
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(host->is_ready);
    talk(c);
}

TEST(ports_beyond_those_that_we_use_are_ignored)
{
    struct console *c = begin();

    CHECK(fake_console_control(host, PORTS, VIRTIO_CONSOLE_PORT_ADD, 1, NULL,
                               0));
    CHECK(fake_console_control(host, 30, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL,
                               0));
    CHECK(!is_gone());
    talk(c);
}

TEST(a_port_of_a_device_that_is_gone_is_not_found)
{
    struct console *c;

    (void)begin();
    virtio_broken(&host->fake->device, "is tested");
    CHECK(console_port_connect("agent", &c) == ERR_NOT_FOUND);
}

TEST(input_is_read_in_pieces_of_any_size)
{
    struct console *c = begin();
    char data[2];
    size_t got;

    type(2, "abcde");
    for (const char *at = "abcde"; *at; at += got) {
        CHECK(console_read(c, data, sizeof data, &got) == OK);
        CHECK(got > 0 && memcmp(data, at, got) == 0);
        if (got == 0)
            break;
    }
}

TEST(input_that_is_being_read_stays_over_a_reset)
{
    struct console *c = begin();
    char data[2];
    size_t got;

    type(2, "abcde");
    CHECK(console_read(c, data, sizeof data, &got) == OK && got == 2);
    fake_need_reset(host->fake);
    CHECK(time_sleep(3 * SECOND) == OK);
    for (unsigned i = 0; i < PORT_CHUNKS - 1; i++)
        type(2, "xxxxx");
    CHECK(reads(c, "cde"));
}

TEST(all_input_before_the_end_is_read_before_it)
{
    struct console *c = begin();
    char data[10];
    size_t got;

    for (unsigned i = 0; i < PORT_CHUNKS; i++)
        type(2, "x");
    fake_console_open(host, 2, false);
    CHECK(time_sleep(MILLISECOND) == OK);
    for (unsigned i = 0; i < PORT_CHUNKS; i++)
        CHECK(reads(c, "x"));
    CHECK(console_read(c, data, sizeof data, &got) == ERR_EOF);
}

TEST(a_line_that_ends_with_its_buffer_stays_whole)
{
    static char text[PORT_CHUNK * 10];
    struct console *c;
    const char *at;

    forget();
    add(PLAIN, false);
    set_port(0, NULL);
    c = connect_first();
    memset(text, 'a', sizeof text);
    for (size_t i = PORT_CHUNK - 1; i < sizeof text; i += PORT_CHUNK)
        text[i] = '\n';
    console_write(c, text, sizeof text);
    at = host->port[0].output;
    CHECK(host->port[0].output_len == sizeof text + 10);
    for (size_t i = 0; i < sizeof text; i++) {
        if (text[i] == '\n')
            CHECK(*at++ == '\r');
        CHECK(*at++ == text[i]);
    }
}
