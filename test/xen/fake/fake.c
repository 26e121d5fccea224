/* SPDX-License-Identifier: ISC */
/*
 * The fake hypervisor: hypercalls, event channels, time. Also the rest of a
 * platform, and the runner of tests.
 */
#include "fake.h"
#include "daemons.h"
#include "watch.h"
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/events.h>
#include <xen/guest.h>
#include <xen/hypercall.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/macros.h>
#include <mirage/buf.h>
#include <mirage/platform.h>
#include <bare/pages.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/xenstore.h>

#define BEGAN      (1234 * SECOND) /* Xen's time when the image starts */
#define WALL_BEGAN 1700000000 /* seconds of UTC when Xen started */
#define LIMIT      30 /* seconds of real time for a test */
#define ALARMS     8
#define FIRST_PORT 300 /* that the image allocates */
#define PORTS      600

struct fake fake;
bool fake_is_whole;

static struct alarm {
    nanoseconds at;
    void (*act)(void);
} alarms[ALARMS];

static const int *checks;

/* Prints where CHECK does. */
void fake_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static void set_time(nanoseconds now)
{
    volatile struct vcpu_time_info *t = &guest_shared()->vcpu_info[0].time;

    fake.now = now;
    t->version++;
    t->system_time = now; /* whatever the TSC says */
    t->tsc_to_system_mul = 0;
    t->version++;
}

void fake_work(nanoseconds length)
{
    set_time(fake.now + length);
}

void fake_after(nanoseconds length, void (*act)(void))
{
    for (int i = 0; i < ALARMS; i++)
        if (!alarms[i].act) {
            alarms[i] = (struct alarm){fake.now + length, act};
            return;
        }
    fake_fail("more alarms than the fake has");
}

void fake_event(unsigned port)
{
    guest_shared()->evtchn_pending[port / 64] |= 1ul << port % 64;
}

static void alarms_act(void)
{
    for (int i = 0; i < ALARMS; i++)
        if (alarms[i].act && alarms[i].at <= fake.now) {
            void (*act)(void) = alarms[i].act;

            alarms[i].act = NULL;
            act();
        }
}

static nanoseconds alarms_next(void)
{
    nanoseconds next = FOREVER;

    for (int i = 0; i < ALARMS; i++)
        if (alarms[i].act)
            next = min(next, alarms[i].at);
    return next;
}

static void act(void)
{
    if (fake.turn)
        fake.turn();
    alarms_act();
    console_act();
    store_act();
    backends_act();
}

static bool is_open[PORTS]; /* allocated by the image */
static unsigned to_itself; /* port of an IPI channel; 0: none */
static unsigned moves; /* how often the image became another domain */

static long send(const struct evtchn_send *send)
{
    if (send->port == fake_port(CONSOLE_PORT))
        console_notify();
    else if (send->port == fake_port(STORE_PORT))
        store_notify();
    else if (!(send->port < PORTS && is_open[send->port]))
        fake_fail("an event is sent to port %u", send->port);
    else
        (void)backends_on_event(send->port); /* or no backend is bound yet */
    if (fake.at_once)
        act();
    return 0;
}

static long open_port(struct evtchn_alloc_unbound *channel)
{
    for (unsigned port = FIRST_PORT; port < PORTS; port++)
        if (!is_open[port]) {
            is_open[port] = true;
            fake.channels++;
            channel->port = port;
            return 0;
        }
    return -28; /* ENOSPC */
}

static long open_to_itself(struct evtchn_bind_ipi *channel)
{
    struct evtchn_alloc_unbound other;

    if (open_port(&other) != 0)
        return -28; /* ENOSPC */
    to_itself = channel->port = other.port;
    return 0;
}

static long tell_status(struct evtchn_status *channel)
{
    channel->status = channel->port == to_itself ? EVTCHNSTAT_ipi
                      : is_open[channel->port]   ? EVTCHNSTAT_unbound
                                                 : EVTCHNSTAT_closed;
    return 0;
}

static long close_port(const struct evtchn_close *close)
{
    if (close->port >= PORTS || !is_open[close->port])
        fake_fail("port %u is closed, which is not open", close->port);
    is_open[close->port] = false;
    fake.channels--;
    if (close->port == to_itself)
        to_itself = 0;
    guest_shared()->evtchn_pending[close->port / 64] &=
        ~(1ul << close->port % 64);
    return 0;
}

static long event_channel(unsigned long command, void *argument)
{
    switch (command) {
    case EVTCHNOP_send:
        return send(argument);
    case EVTCHNOP_alloc_unbound:
        return open_port(argument);
    case EVTCHNOP_bind_ipi:
        return open_to_itself(argument);
    case EVTCHNOP_status:
        return tell_status(argument);
    case EVTCHNOP_close:
        return close_port(argument);
    }
    fake_fail("event_channel_op %lu", command);
}

static bool any_pending(const struct sched_poll *p)
{
    for (unsigned i = 0; i < p->nr_ports; i++) {
        unsigned port = p->ports.p[i];

        if (guest_shared()->evtchn_pending[port / 64] & 1ul << port % 64)
            return true;
    }
    return false;
}

static void on_stuck(void)
{
    if (!fake.stuck)
        fake_fail("the image waits for what never comes");
    fake.stuck();
}

static long poll(const struct sched_poll *p)
{
    nanoseconds end = p->timeout ? p->timeout : FOREVER;

    if (p->nr_ports > 128)
        return -22; /* EINVAL */
    while (!any_pending(p) && fake.now < end) {
        nanoseconds next;

        act();
        if (any_pending(p))
            break;
        next = min(min(end, alarms_next()),
                   min(min(console_next(), store_next()),
                       backends_next()));
        if (next == FOREVER)
            on_stuck();
        else if (next > fake.now)
            set_time(next);
    }
    return 0;
}

static void leave(unsigned reason)
{
    if (fake.ended)
        fake.ended(reason);
    else if (reason != SHUTDOWN_poweroff)
        fake_fail("the image has ended for reason %u", reason);
    fflush(stdout);
    _exit(*checks > 0);
}

unsigned fake_port(unsigned port)
{
    return port + moves;
}

void fake_restore(nanoseconds now, uint32_t wall)
{
    for (int i = 0; i < ALARMS; i++)
        alarms[i].at += now - fake.now;
    backends_restore();
    console_restore();
    store_restore();
    grants_restore();
    moves++;
    to_itself = 0;
    memset(is_open, 0, sizeof is_open);
    fake.channels = 0;
    memset(shared_page, 0, sizeof shared_page);
    guest_shared()->wc_sec = wall;
    set_time(now);
}

static long suspend(void)
{
    if (!fake.suspended)
        fake_fail("the image has suspended itself");
    fake.suspensions++;
    fake.suspended();
    return 0;
}

static long schedule(unsigned long command, const void *argument)
{
    const struct sched_shutdown *shutdown = argument;

    switch (command) {
    case SCHEDOP_poll:
        return poll(argument);
    case SCHEDOP_shutdown:
        if (shutdown->reason == SHUTDOWN_suspend)
            return suspend();
        leave(shutdown->reason);
    }
    fake_fail("sched_op %lu", command);
}

static long memory(unsigned long command,
                   const struct xen_memory_reservation *r)
{
    size_t count = r->nr_extents;

    if (r->domid != DOMID_SELF || r->extent_order != 0)
        fake_fail("memory_op %lu of domain %u", command, r->domid);
    switch (command) {
    case XENMEM_decrease_reservation:
        fake.given_back += count;
        return (long)count;
    case XENMEM_populate_physmap:
        if (count > fake.given_back)
            fake_fail("%zu pages are asked for, of %zu", count,
                      fake.given_back);
        if (count > fake.spare_pages)
            count = fake.spare_pages;
        fake.spare_pages -= count;
        fake.given_back -= count;
        return (long)count;
    }
    fake_fail("memory_op %lu", command);
}

static long call(unsigned long number, unsigned long a, unsigned long b)
{
    long result;

    if (++fake.hypercalls > fake.hypercalls_most)
        fake_fail("more than %u hypercalls", fake.hypercalls_most);
    fake_work(MICROSECOND);
    if (fake.on_hypercall &&
        fake.on_hypercall(number, a, (void *)b, &result))
        return result;
    switch (number) {
    case __HYPERVISOR_event_channel_op:
        return event_channel(a, (void *)b);
    case __HYPERVISOR_sched_op:
        return schedule(a, (const void *)b);
    case __HYPERVISOR_memory_op:
        return memory(a, (const void *)b);
    case __HYPERVISOR_xen_version:
        return 4 << 16 | 17;
    case __HYPERVISOR_console_io:
        return -1; /* EPERM, as on most builds of Xen */
    }
    fake_fail("hypercall %lu, %lu", number, a);
}

long fake_hypercall(unsigned long number, unsigned long a, unsigned long b,
                    unsigned long c, unsigned long d);

long fake_hypercall(unsigned long number, unsigned long a, unsigned long b,
                    unsigned long c, unsigned long d)
{
    long result;

    (void)c;
    (void)d;
    watch_suspend();
    result = call(number, a, b);
    watch_resume();
    return result;
}

void *fake_ring_page(size_t size)
{
    uint8_t *page = platform_pages(1);

    if (!page)
        fake_fail("no page for a ring");
    ASAN_POISON_MEMORY_REGION(page + size, PAGE_BYTES - size);
    return page;
}

size_t one_byte(void)
{
    return 1;
}

size_t odd_bytes(void)
{
    static const size_t sizes[] = {1, 7, 15, 2, 333, 16, 1, 17, 1023, 3, 64};
    static unsigned at;

    return sizes[at++ % (sizeof sizes / sizeof sizes[0])];
}

size_t all_bytes(void)
{
    return SIZE_MAX;
}

/* The rest of a platform. */

uintptr_t libc_thread_block[8];

void libc_start(void)
{
}

void entropy_report(void);

void entropy_report(void)
{
}

void libc_stop(void)
{
}

/* The same bytes in each run. */
void platform_entropy(void *data, size_t len)
{
    static uint32_t next = 1;
    uint8_t *to = data;

    fake.entropy += len;
    for (size_t i = 0; i < len; i++) {
        next = next * 1664525 + 1013904223;
        to[i] = (uint8_t)(next >> 24);
    }
}

void platform_crash(uintptr_t frame)
{
    (void)frame;
    fake_fail("the image has crashed; its console:\n%s", console_text());
}

void *platform_pages(size_t count)
{
    void *pages = aligned_alloc(PAGE_BYTES, count * PAGE_BYTES);

    if (pages)
        fake.pages += count;
    return pages ? memset(pages, 0, count * PAGE_BYTES) : NULL;
}

/* Memory that the image did not have at its start. */
static struct region extension;
static bool has_frame[4096]; /* pages of it */

static bool is_of_extension(const void *page)
{
    return (uintptr_t)page - extension.base < extension.size;
}

void platform_pages_free(void *pages, size_t count)
{
    if (!pages)
        return;
    grants_freed(pages, count);
    if (is_of_extension(pages))
        return;
    fake.pages -= count;
    free(pages);
}

size_t pages_free_count(void)
{
    return fake.free_pages;
}

void *pages_alloc(size_t count)
{
    if (count > fake.free_pages)
        return NULL;
    fake.free_pages -= count;
    return platform_pages(count);
}

void pages_release(void *pages, size_t count)
{
    fake.free_pages += count;
    platform_pages_free(pages, count);
}

/* A page of the extension gets a frame, or loses it. */
static void set_frame(const void *page, bool is_there)
{
    size_t at = ((uintptr_t)page - extension.base) / PAGE_BYTES;

    if (!is_of_extension(page))
        return;
    if (has_frame[at] == is_there)
        fake_fail("a page %s a frame already", is_there ? "has" : "lacks");
    has_frame[at] = is_there;
}

uint64_t guest_release(void *page)
{
    set_frame(page, false);
    return (uintptr_t)page / PAGE_BYTES;
}

bool guest_restore(void *page, uint64_t frame)
{
    (void)frame;
    set_frame(page, true);
    return true;
}

struct region guest_extend(uint64_t count)
{
    size_t size = fake.extension * PAGE_BYTES;

    fake.extended_to = count;
    fake.given_back += fake.extension; /* Xen has these frames */
    if (size > 0)
        extension = (struct region){
            (uintptr_t)aligned_alloc(PAGE_BYTES, size), size};
    return extension;
}

void guest_debug_put(const char *text, size_t len)
{
    (void)text;
    (void)len;
}

bool pages_map_more(size_t count)
{
    (void)count;
    return false;
}

size_t pages_unmapped_count(void)
{
    return 0;
}

bool guest_suspend(bool (*is_moved)(void))
{
    struct sched_shutdown request = {.reason = SHUTDOWN_suspend};

    if (fake.cannot_suspend)
        return false;
    (void)HYPERCALL(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &request, 0, 0);
    if (is_moved()) {
        xen.console.port = fake_port(CONSOLE_PORT);
        xen.store.port = fake_port(STORE_PORT);
    }
    return true;
}

/* Starts the image as x86_64/start.c does; if it is not a whole guest, tests
 * start the services. */
static void start(void)
{
    static struct start s;

    fake.hypercalls_most = 1000000;
    fake.free_pages = 1024;
    guest_shared()->wc_sec = WALL_BEGAN;
    set_time(BEGAN);
    events_mask();
    clock_start();
    console_init();
    store_init();
    xen.console = (struct ring_place){(void *)consoled.ring, CONSOLE_PORT};
    xen.store = (struct ring_place){(void *)stored.ring, STORE_PORT};
    console_start();
    if (fake_is_whole)
        guest_run(&s);
    xenstore_start();
    start_image(&s);
}

static void run_child(int output)
{
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    alarm(LIMIT);
    start();
}

/* Copies the child's output, and waits for its end. */
static int watch_child(pid_t child, int from, FILE *to)
{
    char text[4096];
    ssize_t n;
    int status;

    while ((n = read(from, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)n, to);
    if (waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

bool fake_run(const char *test, const int *failed)
{
    char *said = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&said, &len);
    int ends[2], status = -1;
    pid_t child;

    checks = failed;
    if (!f || pipe(ends) != 0 || (child = fork()) < 0)
        exit(2);
    if (child == 0)
        run_child(ends[1]);
    close(ends[1]);
    status = watch_child(child, ends[0], f);
    close(ends[0]);
    fclose(f);
    if (status != 0)
        printf("%s%s: failed%s\n", said, test,
               WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                   ? ": it goes on without end"
                   : "");
    free(said);
    fflush(stdout);
    return status == 0;
}
