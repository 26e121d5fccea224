/* SPDX-License-Identifier: ISC */
/*
 * An image for the tests of a runtime: it performs the act that --act names.
 * The same source runs on every target.
 */
#include <mirage.h>
#include <mirage/drivers.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

BOOT_STRING(act, "nothing", "what to do");
BOOT_NUMBER(count, 10, 0, 1000000, "how many lines or fibers");
BOOT_STRING(text, "hello", "what to say");
BOOT_FLAG(loud, "say it loudly");

LOG_SOURCE(odd);

/* Unknown to the compiler, so that it does not warn of errors by intent. */
static volatile uintptr_t nowhere;
static volatile int zero;
static unsigned char data_bytes[16] = {0xc3};

static void say_text(struct console *c)
{
    console_log(c, "%s%s %d", text, loud ? "!" : "", (int)count);
}

struct writer {
    struct console *console;
    int number;
};

static void write_lines(void *ctx)
{
    const struct writer *w = ctx;

    for (int i = 0; i < count; i++)
        console_log(w->console, "writer %d line %06d %0100d", w->number, i, 0);
}

/* Four fibers write count lines each. */
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

/* Writes lines while another fiber ticks. */
static void lines_and_ticks(struct console *c)
{
    require(fiber_start(tick, NULL) == OK);
    lines(c);
}

static void echo(struct console *c)
{
    char line[80];
    enum status s;

    while ((s = console_read_line(c, line, sizeof line)) == OK ||
           s == ERR_RANGE)
        console_log(c, "got: %s", s == OK ? line : "too much");
    console_log(c, "%s", status_text(s));
}

/* Echoes while another fiber ticks. */
static void echo_and_ticks(struct console *c)
{
    require(fiber_start(tick, NULL) == OK);
    echo(c);
}

/* Echoes by the C library, whose calls block this fiber only. */
static void echo_stdin(struct console *c)
{
    char line[80];
    int next;

    require(fiber_start(tick, NULL) == OK);
    while (fgets(line, sizeof line, stdin) && strcmp(line, "end\n") != 0)
        console_log(c, "got: %.*s", (int)strcspn(line, "\n"), line);
    next = getchar();
    console_log(c, "then: %c", ungetc(next, stdin));
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

/* Allocates blocks of a MiB until there is no memory, at most count. */
static void fill_heap(struct console *c)
{
    void **all = NULL, **more;
    int n = 0;

    while (n < count && (more = malloc((size_t)1 << 20))) {
        *more = all;
        all = more;
        n++;
    }
    console_log(c, "%d MiB%s", n, n < count ? ", and no more" : "");
    while (all) {
        more = *all;
        free(all);
        all = more;
    }
    all = malloc((size_t)n << 20);
    console_log(c, all ? "as much in one piece" : "not in one piece");
    free(all);
}

/* Allocates a block of count MiB, and writes to both ends. */
static void large_block(struct console *c)
{
    size_t size = (size_t)count << 20;
    volatile char *block = malloc(size);

    require(block);
    block[0] = 1;
    block[size - 1] = 2;
    require(block[0] == 1 && block[size - 1] == 2);
    console_log(c, "%d MiB in one piece", (int)count);
    free((void *)(uintptr_t)block);
}

/* Checks the page tables of a virtual machine; a process has none. */
typedef void page_seen(void *ctx, uintptr_t address, size_t size,
                       bool writable, bool executable);
extern void mirage__bare_visit_pages(page_seen *seen, void *ctx)
    __attribute__((weak));
extern char image_text[] __attribute__((weak));
extern char image_constants[] __attribute__((weak));
extern char image_data[] __attribute__((weak));

struct sums {
    size_t writable, executable, constant, wrong; /* bytes */
    struct console *console;
};

static void add_page(void *ctx, uintptr_t address, size_t size, bool writable,
                     bool executable)
{
    struct sums *s = ctx;
    uintptr_t code = (uintptr_t)image_text;
    uintptr_t constants = (uintptr_t)image_constants;
    uintptr_t data = (uintptr_t)image_data;
    bool is_text = address >= code && address < constants;
    bool is_constant = address >= constants && address < data;

    s->writable += writable ? size : 0;
    s->executable += executable ? size : 0;
    s->constant += is_constant ? size : 0;
    if ((writable && executable) || address < 4096 ||
        executable != is_text || (writable && is_constant) ||
        (!is_text && !is_constant && address + size > code && address < data)) {
        s->wrong += size;
        console_log(s->console, "0x%zx: %zu KiB%s%s", (size_t)address,
                    size / 1024, writable ? ", writable" : "",
                    executable ? ", executable" : "");
    }
}

static void see_pages(struct console *c)
{
    struct sums s = {.console = c};

    if (!mirage__bare_visit_pages)
        panic("there are no page tables to see");
    mirage__bare_visit_pages(add_page, &s);
    console_log(c, "%zu KiB writable, %zu executable, %zu constant, %zu wrong",
                s.writable / 1024, s.executable / 1024, s.constant / 1024,
                s.wrong / 1024);
    require(s.wrong == 0);
    require(s.executable == (size_t)(image_constants - image_text));
    require(s.constant == (size_t)(image_data - image_constants));
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

static void exit_with(struct console *c)
{
    (void)c;
    exit((int)count);
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

/* Closes the flow of a tcp_handler, which a handler must not. */
static void close_handlers_flow(struct console *c)
{
    static struct flow flow = {.is_handlers = true};

    (void)c;
    flow_close(&flow);
}

/* Writes past the end of an array, and over the canary after it. */
static int __attribute__((noinline)) fill_name(const char *from)
{
    volatile char name[16];

    for (int i = 0; i < 16 + 48 + zero; i++)
        name[i] = from[i % 4];
    return name[3];
}

static void smash(struct console *c)
{
    log_debug(&odd, "the last thing we did");
    console_log(c, "%d", fill_name("AAAA"));
}

/* Overflows a buffer of known size by a call of the C library. */
static void copy_too_much(struct console *c)
{
    char name[16];

    memcpy(name, text, sizeof name + 1 + (size_t)zero);
    console_log(c, "%s", name);
}

/* A file system whose driver writes past the end of its output. */
static enum status stat_too_much(struct fs *fs, const char *path,
                                 struct fs_stat *st)
{
    volatile char *at = (volatile char *)st;

    (void)fs;
    (void)path;
    for (size_t i = 0; i < sizeof *st + 48; i++)
        at[i] = 'B';
    return OK;
}

/* Overwrites the stack of of_fs_size in store/. */
static void smash_store(struct console *c)
{
    static const struct fs_ops ops = {.stat = stat_too_much};
    struct fs fs = {.ops = &ops};
    struct kv_ro *kv;
    uint64_t size = 0;

    require(kv_ro_fs_connect(&fs, &kv) == OK);
    require(kv_ro_size(kv, "name", &size) == OK);
    console_log(c, "%d", (int)size);
}

extern uintptr_t libc_thread_block[] __attribute__((weak));

static void show_canary(struct console *c)
{
    require(libc_thread_block != NULL);
    console_log(c, "canary %016llx", (unsigned long long)libc_thread_block[5]);
}

static void random_numbers(struct console *c)
{
    uint8_t data[64] = {0};
    size_t zeros = 0;

    random_bytes(data, sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        zeros += data[i] == 0;
    console_log(c, zeros < 32 ? "random" : "not random");
}

/* Computes for count milliseconds of processor time without yielding, three
 * times if loud, while another fiber is ready. */
static void hog(struct console *c)
{
    require(fiber_start(tick, NULL) == OK);
    for (int i = 0; i < (loud ? 3 : 1); i++) {
        clock_t end = clock() + count * (CLOCKS_PER_SEC / 1000);

        while (clock() < end)
            ;
        (void)time_sleep(30 * MILLISECOND);
    }
    console_log(c, "done");
}

/* hog among busy fibers: at first the fiber at fault is unknown. */
static void busy(void *ctx)
{
    (void)ctx;
    while (fiber_yield() == OK)
        ;
}

static void hog_among_many(struct console *c)
{
    for (int i = 0; i < 20; i++)
        require(fiber_start(busy, NULL) == OK);
    hog(c);
}

static void nothing(struct console *c)
{
    (void)c;
}

/* Until the image is asked to stop. */
static void draw_numbers(struct console *c)
{
    uint32_t drawn[2];

    do {
        random_bytes(drawn, sizeof drawn);
        console_log(c, "drawn: %08x%08x", (unsigned)drawn[0],
                    (unsigned)drawn[1]);
    } while (time_sleep(100 * MILLISECOND) == OK);
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
        {"echo-ticks", echo_and_ticks},
        {"stdin", echo_stdin},
        {"log", log_all},
        {"null", null_pointer},
        {"divide", divide},
        {"overflow", overflow},
        {"write-code", write_code},
        {"run-data", run_data},
        {"no-memory", no_memory},
        {"heap", fill_heap},
        {"large", large_block},
        {"pages", see_pages},
        {"require", broken_promise},
        {"abort", aborted},
        {"flow-close", close_handlers_flow},
        {"smash", smash},
        {"smash-store", smash_store},
        {"copy", copy_too_much},
        {"canary", show_canary},
        {"exit", exit_with},
        {"sleep", sleep_until_stopped},
        {"deaf", deaf},
        {"spin", spin},
        {"chatter", chatter},
        {"hog", hog},
        {"hog-among-many", hog_among_many},
        {"random", random_numbers},
        {"draw", draw_numbers},
    };

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, act) == 0) {
            acts[i].run(c);
            return;
        }
    panic("no act %s", act);
}
