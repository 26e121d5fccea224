/* SPDX-License-Identifier: ISC */
/*
 * The front of every console: formatting, whole lines, and input by line.
 *
 * A line is formatted into a buffer on the stack; one that does not fit is
 * passed on in pieces, under a lock, so that it stays whole all the same.
 */
#include <mirage/console.h>
#include <mirage/panic.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 256

struct line {
    struct console *console;
    size_t          len;
    char            piece[PIECE];
};

/* A cancelled fiber still writes whole lines, so the lock shields it. */
static void lock(struct fiber_mutex *m)
{
    fiber_shield();
    while (fiber_lock(m, FOREVER) != OK)
        ;
}

/* A console that always has room must not keep the others from running. */
static void unlock(struct fiber_mutex *m)
{
    fiber_unlock(m);
    fiber_unshield();
    (void)fiber_yield();
}

static void flush(struct line *l)
{
    if (l->len > 0)
        l->console->ops->write(l->console, l->piece, l->len);
    l->len = 0;
}

static void add(void *ctx, const char *text, size_t len)
{
    struct line *l = ctx;

    if (len > PIECE - l->len)
        flush(l);
    if (len > PIECE) {
        l->console->ops->write(l->console, text, len);
        return;
    }
    memcpy(l->piece + l->len, text, len);
    l->len += len;
}

void console_log(struct console *c, const char *fmt, ...)
{
    struct line l = {.console = c};
    va_list     args;

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
    if (len > 0)
        c->ops->write(c, text, len);
    unlock(&c->writing);
}

/* Nor must input that is always there; it ends for a cancelled fiber. */
static enum status begin_reading(struct console *c)
{
    enum status s = fiber_yield();

    return s ? s : fiber_lock(&c->reading, FOREVER);
}

/* Takes what was read but not yet asked for; false: nothing was. */
static bool take_input(struct console *c, void *data, size_t len, size_t *got)
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
    if ((s = begin_reading(c)) != OK)
        return s;
    if (!take_input(c, data, len, got))
        s = c->ops->read(c, data, len, got);
    fiber_unlock(&c->reading);
    return s;
}

/* Reads more behind what is there; the buffer has room. */
static enum status read_more(struct console *c)
{
    size_t      got;
    enum status s;

    memmove(c->input, c->input + c->input_from, c->input_len);
    c->input_from = 0;
    s = c->ops->read(c, c->input + c->input_len, CONSOLE_LINE - c->input_len,
                     &got);
    if (s == OK)
        c->input_len += got;
    return s;
}

/* Forgets len bytes at the front of the input. */
static void skip_input(struct console *c, size_t len)
{
    c->input_from += len;
    c->input_len -= len;
}

static enum status read_line(struct console *c, char *line, size_t size)
{
    bool too_long = false;

    for (;;) {
        const char *text = c->input + c->input_from;
        const char *end = memchr(text, '\n', c->input_len);
        size_t      len = end ? (size_t)(end - text) : c->input_len;
        enum status s = OK;

        if (!end && len == CONSOLE_LINE) {
            too_long = true;
            skip_input(c, len);
            continue;
        }
        if (!end) {
            s = read_more(c);
            if (s == OK)
                continue;
            if (s != ERR_EOF || (len == 0 && !too_long))
                return s;
            text = c->input; /* read_more has moved it */
        }
        skip_input(c, end ? len + 1 : len);
        if (len > 0 && text[len - 1] == '\r')
            len--;
        if (too_long || len >= size)
            return ERR_RANGE;
        memcpy(line, text, len);
        line[len] = '\0';
        return OK;
    }
}

enum status console_read_line(struct console *c, char *line, size_t size)
{
    enum status s;

    require(size > 0);
    if ((s = begin_reading(c)) != OK)
        return s;
    if (!c->input && !(c->input = malloc(CONSOLE_LINE)))
        s = ERR_NO_MEMORY;
    else
        s = read_line(c, line, size);
    fiber_unlock(&c->reading);
    return s;
}
