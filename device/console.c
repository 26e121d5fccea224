/* SPDX-License-Identifier: ISC */
/*
 * The front of console devices: formatting, whole lines, unbuffered input. A
 * line is formatted into a buffer on the stack. A longer one is written in
 * pieces, under a lock, so that other lines cannot get between them.
 */
#include "console.h"
#include <mirage/panic.h>
#include <mirage/text.h>
#include <string.h>

#define PIECE 256
#define WRITE ((size_t)4096) /* bytes between two yields */

struct line {
    struct console *console;
    size_t len;
    char piece[PIECE];
};

/* The fiber is shielded, so that a cancelled one also writes whole lines. */
static void lock(struct fiber_mutex *m)
{
    fiber_shield();
    while (fiber_lock(m, FOREVER) != OK)
        ;
}

/* Yields, since a console that never blocks would keep other fibers waiting. */
static void unlock(struct fiber_mutex *m)
{
    fiber_unlock(m);
    fiber_unshield();
    (void)fiber_yield();
}

/* Writes text of any length. The caller holds the lock. */
static void write_text(struct console *c, const char *text, size_t len)
{
    while (len > WRITE) {
        c->ops->write(c, text, WRITE);
        text += WRITE;
        len -= WRITE;
        (void)fiber_yield(); /* shielded: returns OK */
    }
    if (len > 0)
        c->ops->write(c, text, len);
}

static void flush(struct line *l)
{
    write_text(l->console, l->piece, l->len);
    l->len = 0;
}

static void add(void *ctx, const char *text, size_t len)
{
    struct line *l = ctx;

    if (len > PIECE - l->len)
        flush(l);
    if (len > PIECE) {
        write_text(l->console, text, len);
        return;
    }
    memcpy(l->piece + l->len, text, len);
    l->len += len;
}

void console_log(struct console *c, const char *fmt, ...)
{
    struct line l = {.console = c};
    va_list args;

    lock(&c->writing);
    va_start(args, fmt);
    text_vprint(add, &l, fmt, args);
    va_end(args);
    add(&l, "\n", 1);
    flush(&l);
    unlock(&c->writing);
}

void console_write(struct console *c, const char *text, size_t len)
{
    lock(&c->writing);
    write_text(c, text, len);
    unlock(&c->writing);
}

enum status console_begin_reading(struct console *c)
{
    enum status s = fiber_yield();

    return s ? s : fiber_lock(&c->reading, FOREVER);
}

/* Copies input that console_read_line has read ahead. False: there is none. */
static bool copy_buffered(struct console *c, void *data, size_t len,
                          size_t *got)
{
    size_t n = len < c->input_len ? len : c->input_len;

    if (n == 0)
        return false;
    memcpy(data, c->input + c->input_from, n);
    c->input_from += n;
    c->input_len -= n;
    *got = n;
    return true;
}

enum status console_read(struct console *c, void *data, size_t len,
                         size_t *got)
{
    enum status s;

    require(len > 0);
    if ((s = console_begin_reading(c)) != OK)
        return s;
    if (!copy_buffered(c, data, len, got))
        s = c->ops->read(c, data, len, got);
    fiber_unlock(&c->reading);
    return s;
}
