/* SPDX-License-Identifier: ISC */
/*
 * A fake of xenconsoled: it reads the ring when it is notified, and notifies
 * the image when it has read. Input is typed at its terminal.
 */
#include "fake.h"
#include "daemons.h"
#include <string.h>

struct console_daemon consoled;

static bool is_notified, is_held_up; /* no room to type: until notified */
static nanoseconds read_at, type_at;

void console_init(void)
{
    consoled = (struct console_daemon){
        .ring = fake_ring_page(sizeof *consoled.ring),
        .reads = all_bytes,
        .types = all_bytes,
    };
}

void console_notify(void)
{
    consoled.notified++;
    is_notified = true;
    is_held_up = false;
}

static bool is_awake(void)
{
    return consoled.reads && fake.now >= consoled.asleep_until;
}

/* Impossible indices are ignored, as xenconsoled does. */
static size_t waiting(void)
{
    uint32_t size = consoled.ring->out_prod - consoled.ring->out_cons;

    return size > sizeof consoled.ring->out ? 0 : size;
}

static void read_some(void)
{
    uint32_t at = consoled.ring->out_cons;
    size_t n = consoled.reads(), there = waiting();

    for (; n > 0 && there > 0; n--, there--, at++) {
        if (consoled.len == sizeof consoled.text - 1)
            fake_fail("more output than the test can have");
        consoled.text[consoled.len++] =
            consoled.ring->out[MASK_XENCONS_IDX(at, consoled.ring->out)];
    }
    consoled.ring->out_cons = at;
    is_notified = there > 0;
    read_at = fake.now + consoled.every;
    fake_event(fake_port(CONSOLE_PORT));
}

static size_t room(void)
{
    uint32_t used = consoled.ring->in_prod - consoled.ring->in_cons;

    return used > sizeof consoled.ring->in ? 0
                                           : sizeof consoled.ring->in - used;
}

static bool can_type(void)
{
    return consoled.input_len > 0 && !is_held_up && room() > 0;
}

static void type_some(void)
{
    uint32_t at = consoled.ring->in_prod;
    size_t n = consoled.types(), space = room();

    for (; n > 0 && space > 0 && consoled.input_len > 0; n--, space--) {
        consoled.ring->in[MASK_XENCONS_IDX(at++, consoled.ring->in)] =
            *consoled.input++;
        consoled.input_len--;
    }
    consoled.ring->in_prod = at;
    is_held_up = room() == 0;
    type_at = fake.now + consoled.types_every;
    fake_event(fake_port(CONSOLE_PORT));
}

void console_act(void)
{
    if (is_notified && is_awake() && fake.now >= read_at) {
        if (waiting() > 0)
            read_some();
        else
            is_notified = false;
    }
    if (can_type() && fake.now >= type_at)
        type_some();
}

nanoseconds console_next(void)
{
    nanoseconds next = FOREVER;

    if (is_notified && consoled.reads && waiting() > 0)
        next = read_at > consoled.asleep_until ? read_at
                                               : consoled.asleep_until;
    if (can_type() && type_at < next)
        next = type_at;
    return next;
}

void console_type(const char *text)
{
    consoled.input = text;
    consoled.input_len = strlen(text);
}

const char *console_text(void)
{
    static char text[sizeof consoled.text];
    size_t len = 0;

    for (size_t i = 0; i < consoled.len; i++)
        if (consoled.text[i] != '\r')
            text[len++] = consoled.text[i];
    text[len] = '\0';
    return text;
}

void console_restore(void)
{
    memset((void *)(uintptr_t)consoled.ring, 0, sizeof *consoled.ring);
    consoled.asleep_until = read_at = type_at = 0;
    is_notified = is_held_up = false;
}
