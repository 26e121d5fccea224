/* SPDX-License-Identifier: ISC */
/* The 16550 (National Semiconductor's PC16550D data sheet), and the console
 * on it. */
#include "interrupts.h"
#include "serial.h"
#include <arch/cpu.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/platform.h>
#include <string.h>

#define PORT  0x3f8
#define FIFO  16 /* bytes that it takes when it is empty */
#define READY 0x01 /* of the line status: a byte has arrived */
#define EMPTY 0x20 /* the transmitter's FIFO */

static struct waiters readers;
static size_t room = 1; /* bytes at once, when it is empty */

/*
 * To switch the FIFOs on loses what has arrived; so does reading that first,
 * since the next byte comes at once. With input there already we do without.
 */
void serial_start(void)
{
    outb(PORT + 1, 0); /* no interrupts */
    outb(PORT + 3, 3); /* 8 bits, no parity, one stop bit */
    outb(PORT + 4, 0x0b); /* ready, and interrupts let through */
    if (!(inb(PORT + 5) & READY)) {
        outb(PORT + 2, 0x01);
        room = FIFO;
    }
}

static void put(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (i % room == 0 && !(inb(PORT + 5) & EMPTY))
            ;
        outb(PORT, (uint8_t)bytes[i]);
    }
}

void serial_write(const char *text, size_t len)
{
    char piece[FIFO];
    size_t n = 0;

    for (; len > 0; len--, text++) {
        if (n + 2 > FIFO) {
            put(piece, n);
            n = 0;
        }
        if (*text == '\n')
            piece[n++] = '\r';
        piece[n++] = *text;
    }
    if (n > 0)
        put(piece, n);
}

size_t serial_read(char *data, size_t len)
{
    size_t n = 0;

    while (n < len && inb(PORT + 5) & READY)
        data[n++] = (char)inb(PORT);
    return n;
}

void serial_listen(void)
{
    outb(PORT + 1, 1);
    interrupt_enable(SERIAL_LINE);
}

void serial_wake(void)
{
    wake_all(&readers);
}

static void console_write_serial(struct console *c, const char *text,
                                 size_t len)
{
    (void)c;
    serial_write(text, len);
}

static enum status console_read_serial(struct console *c, void *data,
                                       size_t len, size_t *got)
{
    (void)c;
    serial_listen();
    while ((*got = serial_read(data, len)) == 0) {
        enum status s = wait_until(&readers, FOREVER);

        if (s != OK)
            return s;
    }
    /* A terminal's Enter is a carriage return. */
    for (size_t i = 0; i < *got; i++)
        if (((char *)data)[i] == '\r')
            ((char *)data)[i] = '\n';
    return OK;
}

static const struct console_ops serial_ops = {
    .write = console_write_serial,
    .read = console_read_serial,
};

static struct console serial = {.ops = &serial_ops};

enum status platform_input(void *data, size_t len, size_t *got)
{
    return console_read(&serial, data, len, got);
}

enum status console_serial_connect(const char *name, struct console **console)
{
    if (strcmp(name, "0") != 0)
        return ERR_NOT_FOUND;
    *console = &serial;
    return OK;
}
