/* SPDX-License-Identifier: ISC */
/* The front of consoles: whole lines, input by lines, fairness. */
#include "panics.h"
#include <stdlib.h>
#define malloc(len) tested_malloc(len)
static void *tested_malloc(size_t len);
#include "console_line.c"
#undef malloc
#include "console.c"
#include "check.h"

static bool no_memory;

static void *tested_malloc(size_t len)
{
    return no_memory ? NULL : malloc(len);
}

/* A console that yields within each write and gives input in given pieces. */
static char written[100000];
static size_t written_len;
static const char **pieces;

static void fake_write(struct console *c, const char *text, size_t len)
{
    (void)c;
    for (size_t i = 0; i < len; i++) {
        written[written_len++] = text[i];
        if (i % 50 == 0)
            fiber_yield();
    }
    written[written_len] = '\0';
}

static enum status fake_read(struct console *c, void *data, size_t len,
                             size_t *got)
{
    (void)c;
    if (!*pieces)
        return ERR_EOF;
    *got = strlen(*pieces) < len ? strlen(*pieces) : len;
    memcpy(data, *pieces, *got);
    *pieces += *got;
    if (!**pieces)
        pieces++;
    return OK;
}

static const struct console_ops fake_ops = {fake_write, fake_read};
static struct console fake = {.ops = &fake_ops};

static void input(const char **p)
{
    pieces = p;
    fake.input_len = fake.input_from = 0;
}

TEST(a_line_is_written_with_its_end)
{
    written_len = 0;
    console_log(&fake, "%d green %s", 10, "bottles");
    console_log(&fake, "%s", "");
    CHECK_TEXT(written, "10 green bottles\n\n");
}

TEST(a_line_of_any_length_is_written_whole)
{
    static char text[5001];

    written_len = 0;
    memset(text, 'x', 5000);
    console_log(&fake, "a%sb%0300d", text, 7);
    CHECK(written_len == 1 + 5000 + 1 + 300 + 1);
    CHECK(memcmp(written, "axx", 3) == 0);
    CHECK_TEXT(written + written_len - 4, "007\n");
}

static void log_many(void *ctx)
{
    static char text[1000];

    memset(text, 'y', 999);
    for (int i = 0; i < 10; i++)
        console_log(&fake, "%s%s", (const char *)ctx, text);
}

TEST(lines_of_many_fibers_never_mix_even_when_cancelled)
{
    struct fiber *f[4];

    written_len = 0;
    for (int i = 0; i < 4; i++)
        if (fiber_spawn(NULL, log_many, &"a\0b\0c\0d"[2 * i], &f[i]) != OK)
            panic("no fiber");
    fiber_yield();
    fiber_cancel(f[1]);
    fiber_cancel(f[2]);
    for (int i = 0; i < 4; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    CHECK(written_len == 40 * 1001);
    for (size_t i = 0; i < 40; i++) {
        CHECK(written[i * 1001] >= 'a' && written[i * 1001] <= 'd');
        CHECK(written[i * 1001 + 1] == 'y' && written[i * 1001 + 1000] == '\n');
    }
}

TEST(input_comes_by_line_however_it_arrives)
{
    char line[32];

    input((const char *[]){"one\ntw", "o\n", "\n", "three\r\nfo", "ur", NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "one");
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "two");
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "");
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "three");
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "four");
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_EOF);
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_EOF);
}

TEST(a_line_that_does_not_fit_is_skipped_whole)
{
    static char big[10001];
    char line[5];

    memset(big, 'z', 10000);
    input((const char *[]){big, "\nnext\n12345\nend\n", big, NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "next");
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "end");
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_EOF);
}

TEST(a_line_of_more_than_the_longest_is_skipped_though_its_rest_would_fit)
{
    static char big[CONSOLE_LINE + 3];
    char line[CONSOLE_LINE + 1];

    memset(big, 'z', CONSOLE_LINE + 2);
    input((const char *[]){big, "\nnext\n", NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "next");
    big[CONSOLE_LINE] = '\0';
    input((const char *[]){big, NULL}); /* and the end, without a line end */
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_EOF);
    big[CONSOLE_LINE - 1] = '\n';
    input((const char *[]){big, "after", NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK(strlen(line) == CONSOLE_LINE - 1 && line[0] == 'z');
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "after");
}

TEST(input_is_read_into_at_least_one_byte_and_lines_need_memory)
{
    char line[8];
    size_t got;

    input((const char *[]){"text\n", NULL});
    CHECK(PANICS((void)!console_read(&fake, line, 0, &got)));
    CHECK(PANICS((void)!console_read_line(&fake, line, 0)));
    free(fake.input);
    fake.input = NULL;
    no_memory = true;
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_NO_MEMORY);
    no_memory = false;
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "text");
}

TEST(a_long_text_is_written_in_its_order)
{
    static char text[20001];

    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + (i / 7 + i / 4096) % 26);
    written_len = 0;
    console_write(&fake, text, sizeof text - 1);
    CHECK_TEXT(written, text);
    written_len = 0;
    console_log(&fake, "%s", text);
    CHECK(written_len == 20001 && memcmp(written, text, 20000) == 0);
}

TEST(a_carriage_return_takes_no_room)
{
    char line[4];

    input((const char *[]){"abc\r\nabcd\r\nabc\n", NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK_TEXT(line, "abc");
    CHECK(console_read_line(&fake, line, sizeof line) == ERR_RANGE);
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
}

static void read_for_ever(void *ctx)
{
    char byte;
    size_t got;

    while (console_read(&fake, &byte, 1, &got) == OK)
        fake.input_from = 0, fake.input_len = 10; /* it never ends */
    *(bool *)ctx = true;
}

TEST(input_without_end_lets_others_run_and_is_cancelled)
{
    static char endless[10];
    bool ended = false;
    struct fiber *f;

    input((const char *[]){NULL});
    fake.input = endless;
    fake.input_len = sizeof endless;
    CHECK(fiber_spawn(NULL, read_for_ever, &ended, &f) == OK);
    for (int i = 0; i < 100; i++)
        fiber_yield();
    CHECK(!ended);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(ended);
    fake.input = NULL;
    fake.input_len = fake.input_from = 0;
}

static enum status read_zeros(struct console *c, void *data, size_t len,
                              size_t *got)
{
    (void)c;
    memset(data, 0, len);
    *got = len;
    return OK;
}

static void read_line_for_ever(void *ctx)
{
    static const struct console_ops ops = {.read = read_zeros};
    static struct console zeros = {.ops = &ops};
    char line[8];

    *(enum status *)ctx = console_read_line(&zeros, line, sizeof line);
}

TEST(a_line_without_end_lets_others_run_and_is_cancelled)
{
    enum status s = OK;
    struct fiber *f;

    CHECK(fiber_spawn(NULL, read_line_for_ever, &s, &f) == OK);
    for (int i = 0; i < 100; i++)
        fiber_yield();
    CHECK(s == OK);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(s == ERR_CANCELLED);
}

static size_t in_one_piece;

static void write_at_once(struct console *c, const char *text, size_t len)
{
    (void)c, (void)text;
    in_one_piece = len > in_one_piece ? len : in_one_piece;
}

static void count_turns(void *ctx)
{
    while (fiber_yield() == OK)
        ++*(int *)ctx;
}

TEST(a_long_text_lets_others_run_though_the_console_takes_it_at_once)
{
    static const struct console_ops ops = {.write = write_at_once};
    static struct console quick = {.ops = &ops};
    static char text[1000000];
    int turns = 0;
    struct fiber *f;

    CHECK(fiber_spawn(NULL, count_turns, &turns, &f) == OK);
    console_write(&quick, text, sizeof text);
    CHECK(turns >= 100 && in_one_piece <= 4096);
    memset(text, 'x', sizeof text - 1);
    turns = 0;
    console_log(&quick, "%s", text);
    CHECK(turns >= 100 && in_one_piece <= 4096);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
}

TEST(console_read_gives_first_what_a_line_left_over)
{
    char line[8], data[8];
    size_t got;

    input((const char *[]){"ab\ncdef", "gh", NULL});
    CHECK(console_read_line(&fake, line, sizeof line) == OK);
    CHECK(console_read(&fake, data, 3, &got) == OK && got == 3);
    CHECK(memcmp(data, "cde", 3) == 0);
    CHECK(console_read(&fake, data, 8, &got) == OK && got == 1);
    CHECK(data[0] == 'f');
    CHECK(console_read(&fake, data, 8, &got) == OK && got == 2);
    CHECK(memcmp(data, "gh", 2) == 0);
    CHECK(console_read(&fake, data, 8, &got) == ERR_EOF);
}
