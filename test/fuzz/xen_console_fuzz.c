/* SPDX-License-Identifier: ISC */
/*
 * The console ring of Xen: the reader takes and gives what it likes, changes
 * the indices, or does nothing. Nothing outside the ring is touched, and no
 * call waits for it beyond its patience. As long as the indices were right, it
 * gets the text that was written, and input is read as it was typed. At the end
 * the reader is honest: all writers end, and a last line arrives.
 *
 * Input: actions of the image and of the reader.
 */
#include "platform.h"
#include <mirage/fiber.h>
#include <string.h>
#include <xen/hypercall.h>
#undef HYPERCALL
#define HYPERCALL(number, a, b, c, d) \
    ((void)(a), (void)(b), (void)(c), (void)(d), 0)
#include <xen/console.c>

#define WRITERS 4
#define PORT    5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct xen xen;

static struct event *event_of_console;
static bool is_pending; /* an event */
static unsigned writers_running;
static bool is_ending;
static bool is_honest; /* the reader's indices were right until now */

/* How often each letter was written, and arrived: each writer has its own. What
 * was typed, and how much of it was read. */
static size_t written[256], taken[256], written_len;
static char typed[1 << 14];
static size_t typed_len, read_len;

void guest_debug_put(const char *text, size_t len)
{
    (void)text;
    (void)len;
    check(false); /* there is a ring */
}

void events_listen(struct event *e)
{
    event_of_console = e;
}

void event_rebind(struct event *e, uint32_t port)
{
    e->port = port;
}

void event_notify(uint32_t port)
{
    check(port == PORT);
}

void event_raise(uint32_t port)
{
    check(port == PORT);
    is_pending = true;
}

/* The reader takes n bytes, which must be the text that was written. */
static void take(uint32_t n)
{
    uint32_t at = ring->out_cons, there = ring->out_prod - at;

    if (there > sizeof ring->out)
        there = 0;
    for (n = n < there ? n : there; n > 0; n--, at++) {
        char c = ring->out[MASK_XENCONS_IDX(at, ring->out)];

        if (is_honest)
            check(taken[(uint8_t)c]++ < written[(uint8_t)c]);
    }
    ring->out_cons = at;
}

static void type(uint32_t n)
{
    for (; n > 0 && typed_len < sizeof typed &&
           ring->in_prod - ring->in_cons < sizeof ring->in;
         n--) {
        char c = (char)next_byte();

        ring->in[MASK_XENCONS_IDX(ring->in_prod, ring->in)] = c;
        typed[typed_len++] = c == '\r' ? '\n' : c;
        ring->in_prod++;
    }
}

static void act(void)
{
    static const uint32_t by[] = {1, 2, 1023, 1024, 1025, 2047, 2048, 2049,
                                  4096, 0x7fffffff, 0x80000000, 0xffffffff};
    volatile XENCONS_RING_IDX *const index[] = {
        &ring->out_cons, &ring->in_prod, &ring->out_prod, &ring->in_cons};
    uint8_t what = next_byte();

    switch (what % 8) {
    case 0:
    case 1:
        break;
    case 2:
    case 3:
        take(what / 8);
        break;
    case 4:
        take(2048);
        break;
    case 5:
    case 6:
        type(what / 8);
        break;
    default:
        if (what < 128)
            return;
        is_honest = false;
        what = next_byte();
        *index[what % 4] += by[what / 4 % (sizeof by / sizeof by[0])];
    }
    is_pending = true;
}

/* A turn of the reader. After the input it takes all that there is. */
static void turn(nanoseconds deadline)
{
    fuzz_now += 10 * MILLISECOND;
    if (fuzz_left > 0) {
        act();
    } else {
        if (is_ending && ring->out_prod - ring->out_cons > sizeof ring->out)
            ring->out_cons = ring->out_prod;
        take(2048);
        is_pending = true;
        if (deadline != FOREVER && deadline > fuzz_now)
            fuzz_now = deadline;
    }
}

void event_poll(uint32_t port, nanoseconds deadline)
{
    check(port == PORT);
    turn(deadline);
    is_pending = false;
}

void platform_wait(nanoseconds deadline)
{
    console_flush(false);
    turn(deadline);
    if (is_pending)
        event_of_console->on_event(event_of_console->ctx);
    is_pending = false;
}

static char text[WRITERS + 1][3000];

static void note_written(unsigned writer, size_t len)
{
    written[(uint8_t)text[writer][0]] += len;
    written_len += len;
}

static void write_text(void *ctx)
{
    unsigned writer = (uintptr_t)ctx & 7;
    size_t len = (uintptr_t)ctx >> 3;

    note_written(writer, len);
    console_write(&own, text[writer], len);
    writers_running--;
}

static void read_text(void *ctx)
{
    char data[64];
    size_t got;

    (void)ctx;
    while (console_read(&own, data, sizeof data, &got) == OK) {
        check(got > 0 && got <= sizeof data);
        for (size_t i = 0; i < got && is_honest; i++)
            check(read_len < typed_len && data[i] == typed[read_len++]);
    }
}

/* The log waits for the reader, but no longer than its patience for each part;
 * and then loses the rest. */
static void put_log(size_t len)
{
    nanoseconds before = fuzz_now;

    note_written(WRITERS, len);
    platform_put(text[WRITERS], len);
    check(fuzz_now - before < 6 * SECOND * (1 + len));
}

static void step(void)
{
    static unsigned writer;
    uint8_t what = next_byte();
    size_t len = what / 8 * (what & 4 ? 90u : 5u);

    switch (what % 4) {
    case 0:
        if (written_len > 1 << 17 || writers_running == WRITERS)
            return;
        writer = (writer + 1) % WRITERS;
        writers_running++;
        check(fiber_start(write_text, (void *)(len << 3 | writer)) == OK);
        break;
    case 1:
        if (written_len > 1 << 17)
            return;
        put_log(len);
        break;
    case 2:
        if (what & 0x80)
            console_resume();
        console_flush(what & 4);
        break;
    default:
        (void)time_sleep(MILLISECOND);
    }
}

static void begin(const uint8_t *data, size_t size)
{
    static struct xencons_interface *page;

    if (!page) {
        page = malloc(sizeof *page); /* its end is watched */
        for (unsigned i = 0; i <= WRITERS; i++)
            memset(text[i], (int)('a' + i), sizeof text[i]);
    }
    check(page != NULL);
    memset(page, 0, sizeof *page);
    page->in_prod = page->in_cons = next_byte() * 0x01010101u;
    page->out_prod = page->out_cons = next_byte() * 0x01010101u;
    begin_input(data, size);
    memset(written, 0, sizeof written);
    memset(taken, 0, sizeof taken);
    written_len = typed_len = read_len = 0;
    is_honest = true;
    is_ending = is_pending = false;
    xen.console = (struct ring_place){page, PORT};
    console_start();
}

static void end(struct fiber *reader)
{
    is_ending = true;
    while (fuzz_left > 0)
        (void)time_sleep(MILLISECOND);
    for (int i = 0; i < 100 && writers_running > 0; i++)
        (void)time_sleep(SECOND);
    check(writers_running == 0);
    fiber_cancel(reader);
    check(fiber_join(reader, FOREVER) == OK);
    (void)time_sleep(SECOND);
    take(2048);
    for (unsigned i = 0; i < WRITERS && is_honest; i++)
        check(taken['a' + i] == written['a' + i]);
    is_honest = false;
    console_write(&own, "!", 1);
    check(ring->out_prod - ring->out_cons == 1);
    check(ring->out[MASK_XENCONS_IDX(ring->out_cons, ring->out)] == '!');
    console_drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fiber *reader;

    begin(data, size);
    check(fiber_spawn(NULL, read_text, NULL, &reader) == OK);
    while (fuzz_left > 0)
        step();
    end(reader);
    return 0;
}
