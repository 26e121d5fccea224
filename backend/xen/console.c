/* SPDX-License-Identifier: ISC */
/*
 * Console over Xen's ring (xen/io/console.h). xenconsoled limits how many
 * notifications a guest may send, so that it is notified when the ring is full
 * and when the image idles, and not for each line.
 */
#include "console.h"
#include "events.h"
#include "guest.h"
#include "hypercall.h"
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <string.h>
#include <xen/io/console.h>

#define WHOLE    ((size_t)512) /* bytes that log lines do not interrupt */
#define PATIENCE (5 * SECOND) /* with a reader that takes nothing */
#define LINGER   (200 * MILLISECOND) /* console_drain */
#define BUSY     (10 * MILLISECOND) /* between notifications, while busy */

static volatile struct xencons_interface *ring;
static struct waiters writers, readers;
static uint32_t notified; /* out_prod at the last notification */

static void on_event(void *ctx)
{
    (void)ctx;
    wake_all(&writers);
    wake_all(&readers);
}

static struct event event;

void console_start(void)
{
    ring = xen.console.page;
    notified = ring->out_prod;
    event.port = xen.console.port;
    event.on_event = on_event;
    events_listen(&event);
}

void console_resume(void)
{
    event_rebind(&event, xen.console.port);
    notified = ring->out_cons;
    wake_all(&writers); /* the ring may have been emptied */
    wake_all(&readers);
}

void console_flush(bool is_busy)
{
    static nanoseconds notified_at;

    if (!ring || notified == ring->out_prod ||
        (is_busy && platform_now() - notified_at < BUSY))
        return;
    notified = ring->out_prod;
    notified_at = platform_now();
    event_notify(xen.console.port);
}

/* Bytes in the ring. An impossible out_cons counts as all read. */
static uint32_t unread(void)
{
    uint32_t n = ring->out_prod - ring->out_cons;

    return n > sizeof ring->out ? 0 : n;
}

static bool is_full(void)
{
    return unread() > sizeof ring->out - 2;
}

static bool has_room(size_t n)
{
    return sizeof ring->out - unread() >= n;
}

static void put(char c)
{
    ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = c;
    __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
}

/* Puts as much as fits, each line end as carriage return and line feed. */
static size_t put_some(const char *text, size_t len)
{
    size_t n;

    for (n = 0; n < len && !is_full(); n++) {
        if (text[n] == '\n')
            put('\r');
        put(text[n]);
    }
    return n;
}

/*
 * Blocks the virtual machine until the reader has taken something. False: it
 * has not for PATIENCE; then no call waits for it until it reads again.
 */
static bool wait_for_reader(void)
{
    static bool gone;
    static uint32_t gone_at;
    uint32_t before = unread();
    nanoseconds end = time_after(PATIENCE);

    if (gone && ring->out_cons == gone_at)
        return false;
    console_flush(false);
    while (unread() >= before && platform_now() < end)
        event_poll(xen.console.port, end);
    event_raise(
        xen.console
            .port); /* event_poll may have consumed an event for fibers */
    gone = unread() >= before;
    gone_at = ring->out_cons;
    return !gone;
}

/*
 * The reader copies the output to a pseudo-terminal, which is closed as soon as
 * the guest has ended; xl loses what it has not read by then. So this lingers.
 */
void console_drain(void)
{
    nanoseconds end;

    while (ring && unread() > 0 && wait_for_reader())
        ;
    end = time_after(LINGER);
    while (ring && platform_now() < end)
        event_poll(xen.console.port, end);
}

/* Before there is a ring: the hypervisor's own console, which most builds of
 * Xen refuse to guests. */
static void put_emergency(const char *text, size_t len)
{
    if (HYPERCALL(__HYPERVISOR_console_io, CONSOLEIO_write, len, text, 0) < 0)
        guest_debug_put(text, len);
}

void platform_put(const char *text, size_t len)
{
    if (!ring) {
        put_emergency(text, len);
        return;
    }
    for (size_t n; len > 0; text += n, len -= n) {
        n = put_some(text, len);
        if (n == 0 && !wait_for_reader())
            return; /* the output is lost */
    }
}

void platform_answer(const char *text, size_t len)
{
    platform_put(text, len);
}

static void ring_write(struct console *c, const char *text, size_t len)
{
    (void)c;
    for (size_t n; len > 0; text += n, len -= n) {
        n = min(len, WHOLE);
        while (!has_room(2 * n)) { /* each may be a line end */
            console_flush(false);
            /* device/console.c shields the fiber from cancellation. */
            if (wait_until(&writers, FOREVER) != OK)
                continue;
        }
        n = put_some(text, n);
    }
}

static size_t read_some(char *data, size_t len)
{
    uint32_t end = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
    uint32_t at = ring->in_cons;
    size_t n = 0;

    if (end - at > sizeof ring->in) /* an impossible index */
        at = end;
    for (; n < len && at != end; n++, at++) {
        data[n] = ring->in[MASK_XENCONS_IDX(at, ring->in)];
        /* The Enter key of a terminal sends a carriage return. */
        if (data[n] == '\r')
            data[n] = '\n';
    }
    __atomic_store_n(&ring->in_cons, at, __ATOMIC_RELEASE);
    if (n > 0)
        event_notify(xen.console.port);
    return n;
}

static enum status ring_read(struct console *c, void *data, size_t len,
                             size_t *got)
{
    (void)c;
    while ((*got = read_some(data, len)) == 0) {
        enum status s = wait_until(&readers, FOREVER);

        if (s != OK)
            return s;
    }
    return OK;
}

static const struct console_ops ring_ops = {
    .write = ring_write,
    .read = ring_read,
};

static struct console own = {.ops = &ring_ops};

enum status platform_input(void *data, size_t len, size_t *got)
{
    return console_read(&own, data, len, got);
}

enum status console_xen_connect(const char *name, struct console **console)
{
    if (strcmp(name, "0") != 0)
        return ERR_NOT_FOUND;
    *console = &own;
    return OK;
}
