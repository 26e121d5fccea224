/* SPDX-License-Identifier: ISC */
/*
 * The balloon (virtio 1.2, 5.5). Free pages are given to the host until it has
 * as many as it wants (num_pages); further ones when they are freed. Their
 * addresses are kept in lists of 510. A request of each direction can be in
 * flight; after a reset of the device it is made again.
 */
#include "balloon_virtio.h"
#include "platform.h"
#include "virtio.h"
#include <bare/page_notes.h>
#include <bare/start.h>
#include <linux/virtio_balloon.h>
#include <mirage/bare.h>
#include <mirage/buf.h>
#include <mirage/machine.h>
#include <mirage/macros.h>
#include <mirage/platform.h>

#define BIT(feature) (UINT64_C(1) << (feature))

#define KIB   (BARE_PAGE / 1024)
#define BATCH 256u /* pages in one request */
#define SPARE 128u /* pages that stay free in the image */
#define RETRY SECOND /* while the target is not reached */
#define STACK 16384
#define LIMIT (100 * MILLISECOND) /* balloon_take_back */

LOG_SOURCE(memory);

struct request {
    struct virtqueue *queue;
    uint32_t *frames; /* what the device reads */
    unsigned count; /* pages in it; 0: it is not in flight */
};

static struct virtio_device *device; /* NULL: there is none */
static struct request inflate, deflate;
static struct note *notes;
static size_t inside; /* pages that the host has */
static bool is_allocating;
static struct waiters work;

/* ---- The pages that the host has ---- */

/* Takes a page from the lists. NULL: there is none. The first list stays while
 * it has room for a request in flight. */
static void *take_note(void)
{
    struct note *n = notes;

    if (n && n->count == 0 && inflate.count == 0) {
        notes = n->next;
        pages_release(n, 1);
        n = notes;
    }
    return n && n->count > 0 ? n->page[--n->count] : NULL;
}

static void *page_of(uint32_t frame)
{
    return (void *)((uintptr_t)frame << VIRTIO_BALLOON_PFN_SHIFT);
}

static void add_page(struct request *r, const void *page)
{
    r->frames[r->count++] =
        (uint32_t)((uintptr_t)page >> VIRTIO_BALLOON_PFN_SHIFT);
}

/* ---- Requests ---- */

static bool is_running(void)
{
    return device && device->is_running && !device->is_gone;
}

static void send(struct request *r)
{
    struct virtio_piece piece = {r->frames, r->count * sizeof r->frames[0]};

    if (r->count > 0 && virtqueue_add(r->queue, &piece, 1, 0, r))
        virtqueue_kick(r->queue);
}

static void write_actual(void)
{
    uint32_t actual = (uint32_t)inside;

    virtio_config_write(device,
                        offsetof(struct virtio_balloon_config, actual),
                        &actual, sizeof actual);
}

/* Frees the pages of a request. */
static void keep(struct request *r)
{
    for (unsigned i = 0; i < r->count; i++)
        pages_release(page_of(r->frames[i]), 1);
    r->count = 0;
}

/* Ends the requests that the device has answered. */
static void finish(void)
{
    uint32_t written;

    if (!is_running())
        return;
    if (virtqueue_used(inflate.queue, &written)) {
        for (unsigned i = 0; i < inflate.count; i++)
            notes->page[notes->count++] = page_of(inflate.frames[i]);
        inside += inflate.count;
        inflate.count = 0;
        write_actual();
    }
    if (virtqueue_used(deflate.queue, &written)) {
        inside -= deflate.count;
        keep(&deflate);
        write_actual();
    }
}

/* Has the device interrupt when it answers. False: it has. */
static bool is_quiet(const struct request *r)
{
    return r->count == 0 || virtqueue_enable(r->queue);
}

/* Gives at most `most` free pages to the host. False: there are too few. */
static bool give(size_t most)
{
    struct note *n;

    is_allocating = true; /* nothing is taken back for this */
    n = open_note(&notes);
    while (n && inflate.count < min(most, (size_t)BATCH) &&
           n->count + inflate.count < NOTED && pages_free_count() > SPARE) {
        void *page = pages_alloc(1);

        if (!page)
            break;
        add_page(&inflate, page);
    }
    is_allocating = false;
    send(&inflate);
    return inflate.count > 0;
}

/* Asks for at most `most` pages back. False: the host has none. */
static bool take(size_t most)
{
    void *page;

    while (deflate.count < min(most, (size_t)BATCH) &&
           (page = take_note()) != NULL)
        add_page(&deflate, page);
    send(&deflate);
    return deflate.count > 0;
}

bool balloon_take_back(size_t count)
{
    nanoseconds deadline = platform_now() + LIMIT;
    size_t before = pages_free_count();

    if (balloon_pages() == 0 || is_allocating)
        return false;
    for (finish(); pages_free_count() == before; finish()) {
        if (deflate.count == 0 && !take(max(count, (size_t)SPARE)) &&
            inflate.count == 0)
            return false;
        if (!is_running() || platform_now() >= deadline)
            return false;
        if (is_quiet(&inflate) && is_quiet(&deflate))
            machine_wait(deadline);
    }
    return true;
}

size_t balloon_pages(void)
{
    return is_running() && virtio_has(device, VIRTIO_BALLOON_F_DEFLATE_ON_OOM)
               ? inside
               : 0;
}

/* ---- Following the target ---- */

static size_t all_memory(void)
{
    uint64_t size = 0;

    for (size_t i = 0; i < platform_start_info->regions; i++)
        size += platform_start_info->region[i].size;
    return size / BARE_PAGE;
}

static void log_size(size_t target, bool is_there)
{
    size_t all = all_memory();

    if (is_there)
        log_info(&memory, "has %zu KiB, as is wanted", (all - inside) * KIB);
    else
        log_warning(&memory, "is to have %zu KiB, and has %zu: the rest is in "
                             "use",
                    (all - target) * KIB, (all - inside) * KIB);
}

/* Reads how many pages the host wants; an impossible number changes nothing. */
static void read_target(size_t *target)
{
    uint32_t wanted;

    if (virtio_config(device, offsetof(struct virtio_balloon_config, num_pages),
                      &wanted, sizeof wanted) &&
        wanted <= all_memory())
        *target = wanted;
}

/* Goes on towards the target. Returns until when nothing more can be done. */
static nanoseconds approach(size_t target)
{
    static size_t logged;
    bool can = true;

    finish();
    if (inflate.count > 0 || deflate.count > 0)
        return FOREVER;
    if (inside < target)
        can = give(target - inside);
    else if (inside > target)
        can = take(inside - target);
    if ((inside == target || !can) && logged != target) {
        logged = target;
        log_size(target, can);
    }
    return can ? FOREVER : time_after(RETRY);
}

static void run(void *ctx)
{
    size_t target = 0;
    enum status s = OK;

    (void)ctx;
    while (s != ERR_CANCELLED) {
        nanoseconds deadline = FOREVER;

        if (is_running()) {
            read_target(&target);
            deadline = approach(target);
        }
        if (is_running() && !(is_quiet(&inflate) && is_quiet(&deflate)))
            s = fiber_yield();
        else
            s = wait_until(&work, deadline);
    }
}

/* ---- The life of the device ---- */

static void on_used(void *ctx)
{
    (void)ctx;
    wake_all(&work);
}

static enum status start(struct virtio_device *d, void *ctx)
{
    enum status s = virtqueue_create(d, 0, 8, 1, on_used, NULL,
                                     &inflate.queue);

    (void)ctx;
    return s ? s
             : virtqueue_create(d, 1, 8, 1, on_used, NULL, &deflate.queue);
}

static void started(struct virtio_device *d, void *ctx)
{
    (void)d;
    (void)ctx;
    write_actual();
    send(&inflate);
    send(&deflate);
    wake_all(&work);
}

static void config_changed(struct virtio_device *d, void *ctx)
{
    (void)d;
    (void)ctx;
    wake_all(&work);
}

/* Without a device, pages are the image's again, unless the host must be told
 * before. */
static void keep_all(void)
{
    void *page;

    keep(&inflate);
    keep(&deflate);
    while ((page = take_note()) != NULL)
        pages_release(page, 1);
    inside = 0;
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    (void)ctx;
    for (unsigned i = 0; i < 2; i++)
        while (d->queue[i] && virtqueue_reclaim(d->queue[i]))
            ;
    if (is_gone && !virtio_has(d, VIRTIO_BALLOON_F_MUST_TELL_HOST))
        keep_all();
}

/* Statistics, hints and reports of free pages, and poison are declined. */
static const struct virtio_driver driver = {
    .log = &memory,
    .features = BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST) |
                BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
    .start = start,
    .started = started,
    .config_changed = config_changed,
    .stopped = stopped,
};

void balloon_start(struct virtio_device *devices)
{
    static const struct fiber_options options = {"balloon", STACK};

    for (struct virtio_device *d = devices; d; d = d->next) {
        if (d->type != VIRTIO_ID_BALLOON || d->driver)
            continue;
        inflate.frames = page_alloc(1);
        if (!inflate.frames)
            return;
        deflate.frames = inflate.frames + BATCH;
        device = d;
        if (virtio_start(d, &driver, NULL) != OK ||
            fiber_start_with(&options, run, NULL) != OK)
            log_warning(&memory, "%s: the balloon is not used", d->place);
        return;
    }
}
