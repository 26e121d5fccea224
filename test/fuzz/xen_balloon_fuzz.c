/* SPDX-License-Identifier: ISC */
/*
 * The balloon on Xen, with any targets and an image that uses its memory: Xen
 * gets only pages that the image has allocated, each once; the image gets none
 * that Xen has, and none twice; and with enough memory, the target is reached.
 *
 * Xen itself does what it says, or less: only the targets, which a toolstack
 * writes to xenstore, can be anything.
 */
#include "platform.h"
#include <mirage/fiber.h>
#include <mirage/text.h>
#include <string.h>
#include <xen/hypercall.h>
#undef HYPERCALL2
#define HYPERCALL2(number, command, r) memory_op(command, r)

static long memory_op(unsigned command, void *argument);

#include <xen/balloon.c>

#define PAGES 1200u /* the guest's maximum: lists of several pages */
#define USED  64 /* pages that the image uses at once, at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where each page is. BORROWED: the image or the balloon has allocated it. */
static enum place { FREE,
                    BORROWED,
                    WITH_XEN,
                    UNUSABLE } place[PAGES];
static uint8_t *image; /* its memory */
static size_t pages_in[UNUSABLE + 1];
static void *used[USED];
static size_t used_count;
static unsigned reluctance; /* of Xen: how much less it does than asked */
static uint64_t limit, target; /* KiB */
static bool has_target;
static struct xenstore_watch *watched;
static struct fiber *balloon;

static void move(size_t n, enum place from, enum place to)
{
    check(n < PAGES && place[n] == from);
    place[n] = to;
    pages_in[from]--;
    pages_in[to]++;
}

static size_t number_of(const void *page)
{
    size_t at = (size_t)((const uint8_t *)page - image);

    check(at % BARE_PAGE == 0 && at / BARE_PAGE < PAGES);
    return at / BARE_PAGE;
}

size_t pages_free_count(void)
{
    return pages_in[FREE];
}

void *pages_alloc(size_t count)
{
    static size_t i; /* the search goes on where it ended */

    check(count == 1);
    if (pages_in[FREE] == 0)
        return NULL;
    while (place[i % PAGES] != FREE)
        i++;
    move(i % PAGES, FREE, BORROWED);
    return image + i % PAGES * BARE_PAGE;
}

void pages_release(void *page, size_t count)
{
    check(count == 1);
    move(number_of(page), BORROWED, FREE);
}

uint64_t guest_release(void *page)
{
    check(place[number_of(page)] == BORROWED);
    return (uintptr_t)page / BARE_PAGE;
}

bool guest_restore(void *page, uint64_t frame)
{
    check(frame == (uintptr_t)page / BARE_PAGE);
    check(place[number_of(page)] == BORROWED);
    if (reluctance % 8 != 7 || fuzz_left == 0)
        return true;
    move(number_of(page), BORROWED, UNUSABLE);
    return false;
}

struct region guest_extend(uint64_t count)
{
    size_t now = PAGES - pages_in[WITH_XEN];

    return (struct region){(uintptr_t)image + now * BARE_PAGE,
                           count > now ? (PAGES - now) * BARE_PAGE : 0};
}

static long memory_op(unsigned command, void *argument)
{
    const struct xen_memory_reservation *r = argument;
    const bool gives = command == XENMEM_populate_physmap;
    const xen_pfn_t *frames;
    size_t count = r->nr_extents;

    check(gives || command == XENMEM_decrease_reservation);
    check(r->extent_order == 0 && r->domid == DOMID_SELF && count <= BATCH);
    memcpy(&frames, &r->extent_start, sizeof frames);
    if (gives && fuzz_left > 0) {
        if (reluctance % 4 == 3)
            return -12;
        count -= reluctance % (count + 1);
    }
    for (size_t i = 0; i < count; i++)
        move(number_of((void *)(uintptr_t)(frames[i] * BARE_PAGE)),
             gives ? WITH_XEN : BORROWED, gives ? BORROWED : WITH_XEN);
    return (long)count;
}

enum status xenstore_number(const char *path, uint64_t *number)
{
    bool is_limit = strcmp(path, "memory/static-max") == 0;

    check(is_limit || strcmp(path, "memory/target") == 0);
    *number = is_limit ? limit : target;
    return is_limit || has_target ? OK : ERR_FORMAT;
}

enum status xenstore_watch(struct xenstore_watch *w)
{
    watched = w;
    w->changed = true;
    return OK;
}

enum status xenstore_wait(struct xenstore_watch *w, nanoseconds deadline)
{
    while (!w->changed) {
        enum status s = wait_until(&w->waiters, deadline);

        if (s != OK)
            return s;
    }
    w->changed = false;
    return OK;
}

static void set_target(uint64_t to)
{
    target = to;
    watched->changed = true;
    wake_all(&watched->waiters);
}

static uint64_t any_target(void)
{
    uint8_t what = next_byte();

    return what < 224  ? what * (PAGES * KIB / 200)
           : what & 16 ? UINT64_MAX >> what % 16
           : what & 8  ? limit + what % 8 - 4
                       : what % 8;
}

static void step(void)
{
    uint8_t what = next_byte();

    switch (what % 8) {
    case 0:
    case 1:
        has_target = what != 0xf8;
        set_target(any_target());
        break;
    case 2:
        for (unsigned n = what / 8; n > 0 && used_count < USED; n--)
            if ((used[used_count] = pages_alloc(1)) != NULL)
                used_count++;
        break;
    case 3:
        for (unsigned n = what / 8; n > 0 && used_count > 0; n--)
            pages_release(used[--used_count], 1);
        break;
    case 4:
        reluctance = what / 8;
        break;
    case 5:
        (void)fiber_yield();
        break;
    default:
        (void)time_sleep(what / 8 * 100 * MILLISECOND);
    }
    check(pages_in[WITH_XEN] == absent());
}

/* The image starts with `there` pages; the others are with Xen. */
static void begin(size_t there)
{
    notes = NULL;
    noted = 0;
    beyond = (struct region){0, 0};
    memset(pages_in, 0, sizeof pages_in);
    pages_in[FREE] = there;
    pages_in[WITH_XEN] = PAGES - there;
    for (size_t i = 0; i < PAGES; i++)
        place[i] = i < there ? FREE : WITH_XEN;
    used_count = 0;
    reluctance = 0;
    has_target = true;
    limit = PAGES * KIB;
    target = there * KIB;
}

/* Xen has all the memory that is wanted. */
static void end(void)
{
    fuzz_left = 0;
    while (used_count > 0)
        pages_release(used[--used_count], 1);
    has_target = true;
    set_target(limit);
    for (int i = 0; i < 1000 && absent() > 0; i++)
        (void)time_sleep(SECOND);
    check(absent() == 0 && !notes && pages_in[WITH_XEN] == 0);
    check(pages_in[BORROWED] == 0);
    fiber_cancel(balloon);
    check(fiber_join(balloon, FOREVER) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!image)
        image = aligned_alloc(BARE_PAGE, PAGES * BARE_PAGE);
    check(image != NULL);
    begin_input(data, size);
    begin(PAGES - next_byte() * (next_byte() % 2 ? 4u : 0u));
    check(fiber_spawn(NULL, run, NULL, &balloon) == OK);
    (void)time_sleep(MILLISECOND);
    check(pages_in[WITH_XEN] == absent());
    while (fuzz_left > 0)
        step();
    end();
    return 0;
}
