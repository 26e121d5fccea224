/* SPDX-License-Identifier: ISC */
/*
 * An image that does, one at a time, what images seldom do: --act says what.
 * The same source runs on every target.
 */
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

BOOT_STRING(act, "nothing", "what to do");
BOOT_NUMBER(count, 10, 0, 1000000, "how many lines or fibers");
BOOT_STRING(text, "hello", "what to say");
BOOT_FLAG(loud, "say it loudly");

LOG_SOURCE(odd);

/* Not known to the compiler, so that it lets us do what we should not. */
static volatile uintptr_t nowhere;
static volatile int       zero;
static unsigned char      data_bytes[16] = {0xc3};

static void say_text(struct console *c)
{
    console_log(c, "%s%s %d", text, loud ? "!" : "", (int)count);
}

struct writer {
    struct console *console;
    int             number;
};

static void write_lines(void *ctx)
{
    const struct writer *w = ctx;

    for (int i = 0; i < count; i++)
        console_log(w->console, "writer %d line %06d %0100d", w->number, i, 0);
}

/* Four fibers, each of which writes count lines. */
static void lines(struct console *c)
{
    struct fiber *f[4];
    struct writer w[4];

    for (int i = 0; i < 4; i++) {
        w[i] = (struct writer){c, i};
        require(fiber_spawn(NULL, write_lines, &w[i], &f[i]) == OK);
    }
    for (int i = 0; i < 4; i++)
        require(fiber_join(f[i], FOREVER) == OK);
}

static void tick(void *ctx)
{
    (void)ctx;
    while (time_sleep(20 * MILLISECOND) == OK)
        log_error(&odd, "tick");
}

/* Writes lines while another fiber must keep ticking. */
static void lines_and_ticks(struct console *c)
{
    require(fiber_start(tick, NULL) == OK);
    lines(c);
}

static void echo(struct console *c)
{
    char        line[80];
    enum status s;

    while ((s = console_read_line(c, line, sizeof line)) == OK ||
           s == ERR_RANGE)
        console_log(c, "got: %s", s == OK ? line : "too much");
    console_log(c, "%s", status_text(s));
}

static void log_all(struct console *c)
{
    (void)c;
    log_error(&odd, "an error");
    log_warning(&odd, "a warning");
    log_info(&odd, "information");
    log_debug(&odd, "debugging");
}

static void null_pointer(struct console *c)
{
    (void)c;
    *(volatile char *)nowhere = 1;
}

static void divide(struct console *c)
{
    console_log(c, "%d", 7 / zero);
}

static int __attribute__((noinline)) dig(int depth)
{
    volatile char hole[1000];

    hole[0] = (char)depth;
    return depth == zero - 1 ? 0 : dig(depth + 1) + hole[0];
}

static void overflow(struct console *c)
{
    console_log(c, "%d", dig(0));
}

static void write_code(struct console *c)
{
    (void)c;
    *(volatile char *)(uintptr_t)&divide = 0;
}

static void run_data(struct console *c)
{
    (void)c;
    ((void (*)(void))(uintptr_t)data_bytes)();
}

static void no_memory(struct console *c)
{
    console_log(c, "%p", require_memory((size_t)1 << 62));
}

static void broken_promise(struct console *c)
{
    (void)c;
    log_debug(&odd, "the last thing we did");
    require(zero == 1);
}

static void aborted(struct console *c)
{
    (void)c;
    abort();
}

static void chatter(struct console *c)
{
    while (!fiber_is_cancelled())
        console_log(c, "ready");
}

static void sleep_until_stopped(struct console *c)
{
    console_log(c, "ready");
    while (time_sleep(SECOND) == OK)
        ;
    console_log(c, "stopped");
}

static void deaf(struct console *c)
{
    console_log(c, "ready");
    for (;;)
        time_sleep(SECOND);
}

static void spin(struct console *c)
{
    console_log(c, "ready");
    while (!zero)
        ;
}

static void nothing(struct console *c)
{
    (void)c;
}

void start(struct console *c)
{
    static const struct {
        const char *name;
        void (*run)(struct console *c);
    } acts[] = {
        {"nothing", nothing},
        {"say", say_text},
        {"lines", lines},
        {"ticks", lines_and_ticks},
        {"echo", echo},
        {"log", log_all},
        {"null", null_pointer},
        {"divide", divide},
        {"overflow", overflow},
        {"write-code", write_code},
        {"run-data", run_data},
        {"no-memory", no_memory},
        {"require", broken_promise},
        {"abort", aborted},
        {"sleep", sleep_until_stopped},
        {"deaf", deaf},
        {"spin", spin},
        {"chatter", chatter},
    };

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, act) == 0) {
            acts[i].run(c);
            return;
        }
    panic("no act %s", act);
}
