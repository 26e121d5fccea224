/* SPDX-License-Identifier: ISC */
/*
 * The keyboard controller (IBM's PS/2 technical reference, "Keyboard and
 * Auxiliary Device Controller"). Firecracker's has only a few commands, and
 * none is needed.
 */
#include "i8042.h"
#include "power.h"
#include <arch/cpu.h>
#include <mirage/machine.h>
#include <stdbool.h>
#include <stdint.h>

#define LINE 1

#define DATA          0x60
#define STATUS        0x64 /* read */
#define STATUS_OUTPUT 1u /* a byte is there to be read */

#define BUFFER 64 /* more bytes than a controller has room for */

/* Precedes the codes of keys that early keyboards did not have: of the right
 * Ctrl and Alt, for example, which have the codes of the left ones. */
#define EXTENDED 0xe0

/*
 * Ctrl and Alt in any order, and Del, with nothing between but repetitions: in
 * scan code set 1, to which a PC's controller translates, or in set 2, which is
 * Firecracker's. A key that is released has another code there (set 1), or a
 * byte before its own (set 2).
 */
static void take(uint8_t code)
{
    static uint32_t last; /* three codes */

    if (code == EXTENDED || code == (uint8_t)last)
        return;
    last = (last << 8 | code) & 0xffffff;
    if (last == 0x1d3853 || last == 0x381d53 || last == 0x141171 ||
        last == 0x111471)
        power_asked(true);
}

/* Reads what is there; a bounded number, since a host can always have more. */
static void on_interrupt(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < BUFFER && inb(STATUS) & STATUS_OUTPUT; i++)
        take(inb(DATA));
}

/* Where there is no controller, the status reads as all ones. Its interrupt is
 * enabled when QEMU and Firecracker start, and by firmware. */
void i8042_start(void)
{
    static struct interrupt keyboard;

    if (inb(STATUS) == 0xff)
        return;
    keyboard.line = LINE;
    keyboard.on_interrupt = on_interrupt;
    interrupt_listen(&keyboard);
    on_interrupt(NULL);
}
