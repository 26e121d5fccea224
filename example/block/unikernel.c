/* SPDX-License-Identifier: ISC */
#include <mirage.h>
#include <stdio.h>
#include <string.h>

#define MOST 12 /* sectors at once */

static _Alignas(4096) char out[MOST * 4096], in[MOST * 4096];
static int started, passed, failed;

/* Each sector of a request repeats a line, with the sector's own number. */
static void fill(char *data, size_t count, size_t sector_size)
{
    for (size_t k = count; k > 0; k--) {
        char line[80];
        size_t len = (size_t)snprintf(
            line, sizeof line,
            "%zu: All work and no play makes Dave a dull boy.\n", k);

        for (size_t i = 0; i < sector_size; i++)
            *data++ = line[i % len];
    }
}

static void say_escaped(struct console *c, const char *data, size_t len)
{
    for (; len > 0; data++, len--)
        if (*data == '\n')
            console_write(c, "\\n", 2);
        else if (*data >= ' ' && *data <= '~')
            console_write(c, data, 1);
        else {
            char text[8];
            int n = snprintf(text, sizeof text, "\\%03d",
                             (unsigned char)*data);

            console_write(c, text, (size_t)n);
        }
    console_write(c, "\n", 1);
}

static bool is_same(struct console *c, size_t len)
{
    if (memcmp(out, in, len) == 0)
        return true;
    console_log(c, "Buffers are not equal:");
    console_log(c, "First buffer:");
    say_escaped(c, out, len);
    console_log(c, "Second buffer:");
    say_escaped(c, in, len);
    return false;
}

static void count_test(bool ok)
{
    started++;
    if (ok)
        passed++;
    else
        failed++;
}

static void write_and_read(struct console *c, struct block *b, size_t count,
                           uint64_t sector)
{
    size_t len = count * b->info.sector_size;
    enum status s;

    console_log(c, "writing %zu sectors at %llu", count,
                (unsigned long long)sector);
    fill(out, count, b->info.sector_size);
    memset(in, 0, sizeof in);
    s = block_write(b, sector, out, count);
    if (s == OK)
        s = block_read(b, sector, in, count);
    if (s != OK)
        console_log(c, "-- unexpected failure: %s", status_text(s));
    count_test(s == OK && is_same(c, len));
}

/* It must fail, and says so if it does not. */
static void must_fail(struct console *c, enum status s)
{
    if (s == OK)
        console_log(c, "-- expected failure; got success");
    count_test(s != OK);
}

static void write_past_end(struct console *c, struct block *b, size_t count,
                           uint64_t sector)
{
    console_log(c, "writing %zu sectors at %llu", count,
                (unsigned long long)sector);
    fill(out, count, b->info.sector_size);
    must_fail(c, block_write(b, sector, out, count));
}

static void read_past_end(struct console *c, struct block *b, size_t count,
                          uint64_t sector)
{
    console_log(c, "reading %zu sectors at %llu", count,
                (unsigned long long)sector);
    must_fail(c, block_read(b, sector, in, count));
}

void start(struct console *c, struct block *b)
{
    static const size_t counts[] = {1, 2, MOST};
    uint64_t end = b->info.sectors;

    console_log(c, "sectors = %llu", (unsigned long long)end);
    console_log(c, "read_write=%s", b->info.writable ? "true" : "false");
    console_log(c, "sector_size=%u", (unsigned)b->info.sector_size);

    for (size_t i = 0; i < 3; i++) {
        write_and_read(c, b, counts[i], 0);
        write_and_read(c, b, counts[i], end - counts[i]);
    }
    write_past_end(c, b, 1, end);
    write_past_end(c, b, MOST, end - MOST + 1);
    read_past_end(c, b, 1, end);
    read_past_end(c, b, MOST, end - MOST + 1);

    console_log(c, "Test sequence finished");
    console_log(c, "Total tests started: %d", started);
    console_log(c, "Total tests passed:  %d", passed);
    console_log(c, "Total tests failed:  %d", failed);
    (void)time_sleep(5 * SECOND);
}
