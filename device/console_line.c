/* SPDX-License-Identifier: ISC */
/*
 * Console input by lines: console_read_line. It has a file of its own so that
 * images without it need no heap.
 */
#include "console.h"
#include <mirage/panic.h>
#include <stdlib.h>
#include <string.h>

/*
 * Reads more input into the buffer, which has room. Yields, since input without
 * end, such as a line without an end, would keep other fibers waiting.
 */
static enum status read_more(struct console *c)
{
    size_t got;
    enum status s = fiber_yield();

    if (s)
        return s;

    memmove(c->input, c->input + c->input_from, c->input_len);
    c->input_from = 0;
    s = c->ops->read(c, c->input + c->input_len, CONSOLE_LINE - c->input_len,
                     &got);
    if (s == OK)
        c->input_len += got;
    return s;
}

/* Removes len bytes at the front of the buffer. */
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
        size_t len = end ? (size_t)(end - text) : c->input_len;
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
            text = c->input; /* read_more may have moved it */
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
    if ((s = console_begin_reading(c)) != OK)
        return s;
    if (!c->input && !(c->input = malloc(CONSOLE_LINE)))
        s = ERR_NO_MEMORY;
    else
        s = read_line(c, line, size);
    fiber_unlock(&c->reading);
    return s;
}
