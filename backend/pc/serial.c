/* SPDX-License-Identifier: ISC */
/* The 16550 (National Semiconductor's data sheet of the PC16550D). */
#include "serial.h"
#include <arch/cpu.h>

/* Its registers, by their ports. */
#define DATA         0x3f8
#define INTERRUPTS   0x3f9
#define FIFO_CONTROL 0x3fa
#define LINE_CONTROL 0x3fb
#define MODEM        0x3fc
#define LINE_STATUS  0x3fd

#define FIFO   16 /* bytes that fit in an empty one */
#define READY  0x01 /* of the line status: a byte has arrived */
#define EMPTY  0x20 /* the transmitter's FIFO */
#define ABSENT 0xff /* the line status of a port that is not there */

static unsigned room = 1; /* bytes that an empty transmitter takes at once */
static unsigned left; /* those of them that it still takes */

/*
 * Enabling the FIFOs discards input that has arrived, and to read it first does
 * not help: the next byte follows at once. So they stay off if there is input.
 */
void serial_start(void)
{
    outb(INTERRUPTS, 0);
    outb(LINE_CONTROL, 3); /* 8 bits, no parity, one stop bit */
    outb(MODEM, 0x0b); /* DTR, RTS, and OUT2, which connects the line */
    if (!(inb(LINE_STATUS) & READY)) {
        outb(FIFO_CONTROL, 0x01);
        room = FIFO;
    }
}

/* Waits for an empty transmitter once for as many bytes as it takes then. */
static void put(char c)
{
    if (left == 0) {
        while (!(inb(LINE_STATUS) & EMPTY))
            ;
        left = room;
    }
    left--;
    outb(DATA, (uint8_t)c);
}

void serial_write(const char *text, size_t len)
{
    for (; len > 0; len--, text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}

bool serial_exists(void)
{
    return inb(LINE_STATUS) != ABSENT;
}

size_t serial_read(char *data, size_t len)
{
    size_t n = 0;
    uint8_t status;

    while (n < len && (status = inb(LINE_STATUS)) & READY && status != ABSENT)
        data[n++] = (char)inb(DATA);
    return n;
}

void serial_enable_interrupt(void)
{
    outb(INTERRUPTS, 1); /* of received data */
}
