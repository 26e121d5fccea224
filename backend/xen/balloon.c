/* SPDX-License-Identifier: ISC */
/*
 * Every page that the guest can have (memory/static-max) has an address. Here
 * is kept which of them have no frame: pages that were given back, in lists of
 * 510, and the region beyond a PV guest's initial memory. (The memory map of a
 * PVH guest that starts with less has all of it; the guest must give the rest
 * back before it touches it: Xen's populate on demand.)
 */
#include "balloon.h"
#include "guest.h"
#include "hypercall.h"
#include "xenstore.h"
#include <bare/page_notes.h>
#include <mirage/bare.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <xen/memory.h>

#define KIB   (BARE_PAGE / 1024)
#define BATCH 64u /* pages in one hypercall */
#define SPARE 128u /* pages that stay free in the image */
#define RETRY SECOND /* while the target is not reached */
#define STACK 16384

LOG_SOURCE(memory);

static struct note *notes;
static size_t noted;
static struct region beyond;

static size_t absent(void)
{
    return noted + beyond.size / BARE_PAGE;
}

/* XENMEM_populate_physmap or XENMEM_decrease_reservation. Returns the number of
 * frames that Xen has given or taken, at most count. */
static unsigned reserve(unsigned command, xen_pfn_t *frames, unsigned count)
{
    struct xen_memory_reservation r = {.nr_extents = count,
                                       .domid = DOMID_SELF};
    long n;

    set_xen_guest_handle(r.extent_start, frames);
    n = HYPERCALL2(__HYPERVISOR_memory_op, command, &r);
    return n > 0 ? (unsigned)min(n, (long)count) : 0;
}

/* Gives at most `most` free pages back to Xen, and returns how many. */
static size_t release(size_t most)
{
    struct note *n = open_note(&notes);
    xen_pfn_t frames[BATCH];
    unsigned count = 0;

    if (!n)
        return 0;
    while (count < BATCH && count < most && n->count < NOTED &&
           pages_free_count() + pages_unmapped_count() > SPARE) {
        void *page = pages_alloc(1);

        if (!page)
            break;
        n->page[n->count++] = page;
        frames[count++] = guest_release(page);
    }
    if (count > 0 &&
        reserve(XENMEM_decrease_reservation, frames, count) != count)
        log_warning(&memory, "Xen does not take what it is given back");
    noted += count;
    return count;
}

/* The i-th of the absent pages, in the order in which they return. */
static void *next_absent(unsigned i)
{
    return notes ? notes->page[notes->count - 1 - i]
                 : (void *)(uintptr_t)(beyond.base + i * BARE_PAGE);
}

/* Removes the first count absent pages from the lists. */
static void note_present(unsigned count)
{
    if (!notes) {
        beyond.base += count * BARE_PAGE;
        beyond.size -= count * BARE_PAGE;
        return;
    }
    noted -= count;
    notes->count -= count;
    if (notes->count == 0) {
        struct note *empty = notes;

        notes = notes->next;
        pages_release(empty, 1);
    }
}

/* Gets at most `most` pages from Xen, and returns how many. */
static size_t populate(size_t most)
{
    size_t there = notes ? notes->count : beyond.size / BARE_PAGE;
    void *page[BATCH];
    xen_pfn_t frames[BATCH];
    unsigned count = 0, got;

    for (; count < BATCH && count < most && count < there; count++) {
        page[count] = next_absent(count);
        frames[count] = (uintptr_t)page[count] / BARE_PAGE;
    }
    got = reserve(XENMEM_populate_physmap, frames, count);
    note_present(got);
    for (unsigned i = 0; i < got; i++)
        if (guest_restore(page[i], frames[i]))
            pages_release(page[i], 1);
    return got;
}

/* Changes the number of absent pages. False: it could not go all the way. */
static bool resize(size_t wanted)
{
    while (absent() != wanted) {
        size_t count = absent() < wanted ? release(wanted - absent())
                                         : populate(absent() - wanted);

        if (count == 0 || fiber_yield() != OK)
            return false;
    }
    return true;
}

static void log_size(uint64_t most, uint64_t target, bool is_there)
{
    uint64_t has = most - absent() * KIB;

    if (is_there)
        log_info(&memory, "has %llu KiB, as is wanted",
                 (unsigned long long)has);
    else
        log_warning(&memory, "is to have %llu KiB, and has %llu: %s",
                    (unsigned long long)target, (unsigned long long)has,
                    has > target ? "the rest is in use"
                                 : "Xen has no more for it");
}

static void run(void *ctx)
{
    static struct xenstore_watch watch;
    uint64_t most, target, before = 0;
    bool is_there = true;
    enum status s;

    (void)ctx;
    /* Without a limit there are no targets. */
    if (xenstore_number("memory/static-max", &most) != OK)
        return;
    beyond = guest_extend(most / KIB);
    watch.path = "memory/target";
    s = xenstore_watch(&watch);
    while (s == OK || s == ERR_TIMEOUT) {
        s = xenstore_wait(&watch, is_there ? FOREVER : time_after(RETRY));
        if (xenstore_number(watch.path, &target) != OK || target > most)
            continue;
        is_there = resize((most - target) / KIB);
        if (target != before)
            log_size(most, target, is_there);
        before = target;
    }
}

void balloon_start(void)
{
    static const struct fiber_options options = {"balloon", STACK};
    static struct fiber *fiber;

    if (fiber_spawn(&options, run, NULL, &fiber) != OK)
        log_warning(&memory, "xl mem-set is not heard: there is no memory");
}
