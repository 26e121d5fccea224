/* SPDX-License-Identifier: ISC */
/* The console of a PC, on a serial port of the test. */
#include <mirage/platform.h>
/* The test's process has its own. */
#define platform_put    tested_put
#define platform_answer tested_answer
void platform_put(const char *text, size_t len);
void platform_answer(const char *text, size_t len);
#include "console.c"
#undef platform_put
#undef platform_answer
#include "check.h"
#include <mirage/panic.h>

static char written[100];
static const char *input = "";
static struct interrupt *listening;
static unsigned enabled; /* times */

void serial_write(const char *text, size_t len)
{
    strncat(written, text, len);
}

size_t serial_read(char *data, size_t len)
{
    size_t n = strnlen(input, len);

    memcpy(data, input, n);
    input += n;
    return n;
}

void serial_enable_interrupt(void)
{
    CHECK(!listening); /* it would be lost */
    enabled++;
}

void interrupt_listen(struct interrupt *i)
{
    listening = i;
}

static void type(void *text)
{
    for (int i = 0; i < 10 && !listening; i++)
        (void)fiber_yield();
    require(listening);
    listening->on_interrupt(listening->ctx); /* another device's */
    (void)fiber_yield();
    input = text;
    listening->on_interrupt(listening->ctx);
}

TEST(log_and_answers_go_to_the_serial_port)
{
    written[0] = '\0';
    tested_put("one, more", 4);
    tested_answer("two", 3);
    CHECK_TEXT(written, "one,two");
}

TEST(reading_waits_for_an_interrupt_of_the_serial_port)
{
    char data[100];
    static char text[] = "abc\rdef\n";
    size_t got = 0;

    CHECK(!listening);
    CHECK(fiber_start(type, text) == OK);
    CHECK(platform_input(data, sizeof data, &got) == OK);
    CHECK(listening->line == SERIAL_LINE && enabled == 1);
    CHECK(got == 8 && memcmp(data, "abc\ndef\n", 8) == 0);
}

TEST(what_has_arrived_is_read_at_once_in_parts)
{
    char data[100] = "";
    size_t got = 0;

    input = "\rab";
    CHECK(platform_input(data, 2, &got) == OK && got == 2);
    CHECK(memcmp(data, "\na\0", 3) == 0);
    CHECK(platform_input(data, 2, &got) == OK && got == 1);
    CHECK(data[0] == 'b' && enabled <= 1);
}

static enum status ended;

static void read_until_cancelled(void *ctx)
{
    char data[4];
    size_t got;

    (void)ctx;
    ended = platform_input(data, sizeof data, &got);
}

TEST(a_reader_that_is_cancelled_ends)
{
    struct fiber *f;

    ended = OK;
    CHECK(fiber_spawn(NULL, read_until_cancelled, NULL, &f) == OK);
    for (int i = 0; i < 3; i++)
        (void)fiber_yield(); /* it waits for an interrupt */
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(ended == ERR_CANCELLED);
}

TEST(the_console_is_number_0)
{
    struct console *c = NULL;

    CHECK(console_serial_connect("1", &c) == ERR_NOT_FOUND && !c);
    CHECK(console_serial_connect("0", &c) == OK && c == &serial);
    written[0] = '\0';
    c->ops->write(c, "line\n", 5);
    CHECK_TEXT(written, "line\n");
}
