/* SPDX-License-Identifier: ISC */
/* The driver of the serial port, on a model of the 16550. */
#include <arch/cpu.h>
#define inb  tested_inb
#define outb tested_outb

#include <stdint.h>

static uint8_t tested_inb(uint16_t port);
static void tested_outb(uint16_t port, uint8_t value);

#include "serial.c"
#include "check.h"

/* The port. A transmitter without FIFO has room for one byte. */
static bool is_absent, has_fifo, is_connected;
static uint8_t interrupts, line;
static char received[100];
static size_t first, count;
static char sent[200];
static size_t sent_count, held; /* held: in the transmitter */
static unsigned lost; /* bytes that came when there was no room */
static unsigned polls; /* of the line status, until the transmitter is empty */

static uint8_t tested_inb(uint16_t port)
{
    uint8_t status = 0;

    CHECK(port == 0x3f8 || port == 0x3fd);
    if (is_absent)
        return 0xff;
    if (port == 0x3f8)
        return first < count ? (uint8_t)received[first++] : 0;
    if (held > 0 && polls++ % 3 == 2)
        held = 0;
    if (first < count)
        status |= 1;
    return held == 0 ? status | 0x20 : status;
}

static void tested_outb(uint16_t port, uint8_t value)
{
    switch (port) {
    case 0x3f8:
        if (held == (has_fifo ? 16 : 1)) {
            lost++;
            return;
        }
        held++;
        sent[sent_count++ % sizeof sent] = (char)value;
        break;
    case 0x3f9: interrupts = value; break;
    case 0x3fa:
        has_fifo = value & 1;
        first = count; /* what has arrived is lost */
        break;
    case 0x3fb: line = value; break;
    case 0x3fc: is_connected = (value & 0x0b) == 0x0b; break;
    default: CHECK(false);
    }
}

static void begin(const char *input)
{
    is_absent = has_fifo = is_connected = false;
    interrupts = 1;
    line = 0;
    first = 0;
    count = strlen(input);
    strcpy(received, input);
    sent_count = held = lost = polls = 0;
    room = 1;
    left = 0;
}

TEST(the_port_starts_with_8_bits_fifos_and_no_interrupts)
{
    begin("");
    serial_start();
    CHECK(line == 3 && is_connected && has_fifo && interrupts == 0);
    serial_enable_interrupt();
    CHECK(interrupts == 1);
}

TEST(input_that_has_arrived_before_the_start_is_kept)
{
    char data[8];

    begin("ab");
    serial_start();
    CHECK(!has_fifo);
    CHECK(serial_read(data, sizeof data) == 2 && memcmp(data, "ab", 2) == 0);
}

static bool is_sent(const char *text)
{
    return lost == 0 && sent_count == strlen(text) &&
           memcmp(sent, text, sent_count) == 0;
}

TEST(each_line_end_is_sent_as_carriage_return_and_line_feed)
{
    begin("");
    serial_start();
    serial_write("one\n\ntwo", 8);
    CHECK(is_sent("one\r\n\r\ntwo"));
}

TEST(no_byte_is_sent_to_a_transmitter_that_is_full)
{
    char text[101];

    memset(text, 'x', 100);
    text[100] = '\0';
    begin("");
    serial_start();
    serial_write(text, 90);
    serial_write(text, 10);
    CHECK(is_sent(text));
    CHECK(polls <= 3 * 7); /* 16 bytes at a time */
}

TEST(without_fifos_each_byte_waits_for_the_transmitter)
{
    char data[8];

    begin("i");
    serial_start();
    serial_write("several bytes", 13);
    CHECK(is_sent("several bytes"));
    CHECK(serial_read(data, sizeof data) == 1 && data[0] == 'i');
}

TEST(no_more_is_read_than_there_is_room_for)
{
    char data[4] = "....";

    begin("abcde");
    CHECK(serial_read(data, 3) == 3 && memcmp(data, "abc.", 4) == 0);
    CHECK(serial_read(data, 3) == 2 && memcmp(data, "dec.", 4) == 0);
    CHECK(serial_read(data, 3) == 0);
    CHECK(serial_read(data, 0) == 0);
}

TEST(a_port_that_is_not_there_has_no_input)
{
    char data[4];

    begin("");
    CHECK(serial_exists());
    is_absent = true;
    CHECK(!serial_exists());
    CHECK(serial_read(data, sizeof data) == 0);
}
