/* SPDX-License-Identifier: ISC */
/* The console of a PC: its first serial port. */
#include "console.h"
#include "serial.h"
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/machine.h>
#include <mirage/platform.h>
#include <string.h>

static struct waiters readers;

__attribute__((weak)) void console_put(const char *text, size_t len)
{
    serial_write(text, len);
}

__attribute__((weak)) struct console *console_input(struct console *port)
{
    return port;
}

void platform_put(const char *text, size_t len)
{
    console_put(text, len);
}

void platform_answer(const char *text, size_t len)
{
    console_put(text, len);
}

static void on_input(void *ctx)
{
    (void)ctx;
    wake_all(&readers);
}

static void listen(void)
{
    static struct interrupt input;

    if (input.on_interrupt)
        return;
    input.line = SERIAL_LINE;
    input.on_interrupt = on_input;
    serial_enable_interrupt();
    interrupt_listen(&input);
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
    listen();
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
    return console_read(console_input(&serial), data, len, got);
}

enum status console_serial_connect(const char *name, struct console **console)
{
    if (strcmp(name, "0") != 0)
        return ERR_NOT_FOUND;
    *console = &serial;
    return OK;
}
