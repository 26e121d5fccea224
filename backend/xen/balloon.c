/* SPDX-License-Identifier: ISC */
/*
 * The memory that a guest could have (memory/static-max) is all numbered. What
 * it has not lies here: pages that were given back, in notes of 510, and those
 * beyond the end of a PV guest's memory, which it never had. (A PVH guest that
 * is to have less than it could is told of all, and must give the rest back
 * before it touches that: Xen's populate on demand.)
 */
#include "balloon.h"
#include "guest.h"
#include "hypercall.h"
#include "xenstore.h"
#include <bare/pages.h>
#include <mirage/bare.h>
#include <mirage/log.h>
#include <xen/memory.h>

#define KIB   (BARE_PAGE / 1024)
#define BATCH 64u /* pages in one hypercall */
#define SPARE 128u /* free pages that the image keeps */
#define AGAIN SECOND /* when it did not go far enough */
#define NOTED (512u - 2u) /* pages that one page can note */
#define STACK 16384

LOG_SOURCE(memory);

struct note {
    struct note *next;
    size_t count;
    void *page[NOTED];
};

static struct note *notes;
static size_t noted;
static struct region beyond;

static size_t absent(void)
{
    return noted + beyond.size / BARE_PAGE;
}

/* Asks Xen for frames, or gives them back: how many of them. */
static unsigned reserve(unsigned command, xen_pfn_t *frames, unsigned count)
{
    struct xen_memory_reservation r = {.nr_extents = count,
                                       .domid = DOMID_SELF};
    long n;

    set_xen_guest_handle(r.extent_start, frames);
    n = HYPERCALL2(__HYPERVISOR_memory_op, command, &r);
    return n > 0 ? (unsigned)n : 0;
}

/* The note with room for more; NULL: there is no page for one. */
static struct note *open_note(void)
{
    struct note *n = notes;

    if (n && n->count < NOTED)
        return n;
    n = pages_take(1);
    if (!n)
        return NULL;
    n->next = notes;
    n->count = 0;
    return notes = n;
}

/* Gives pages back to Xen, at most so many: how many. */
static size_t give_back(size_t most)
{
    struct note *n = open_note();
    xen_pfn_t frames[BATCH];
    unsigned count = 0;

    if (!n)
        return 0;
    while (count < BATCH && count < most && n->count < NOTED &&
           pages_free() + pages_unmapped() > SPARE) {
        void *page = pages_take(1);

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

/* The next page that is absent. */
static void *next_absent(unsigned i)
{
    return notes ? notes->page[notes->count - 1 - i]
                 : (void *)(uintptr_t)(beyond.base + i * BARE_PAGE);
}

/* The first count of them are there. */
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
        pages_give(empty, 1);
    }
}

/* Gets pages from Xen, at most so many: how many. */
static size_t get(size_t most)
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
            pages_give(page[i], 1);
    return got;
}

/* False: it did not come so far that so many pages are absent. */
static bool go_to(size_t wanted)
{
    while (absent() != wanted) {
        size_t count = absent() < wanted ? give_back(wanted - absent())
                                         : get(absent() - wanted);

        if (count == 0 || fiber_yield() != OK)
            return false;
    }
    return true;
}

static void tell(uint64_t most, uint64_t target, bool is_there)
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

static void follow(void *ctx)
{
    static struct xenstore_watch watch;
    uint64_t most, target, before = 0;
    bool is_there = true;
    enum status s;

    (void)ctx;
    /* Where there is no limit, nobody wants anything. */
    if (xenstore_number("memory/static-max", &most) != OK)
        return;
    beyond = guest_extend(most / KIB);
    watch.path = "memory/target";
    s = xenstore_watch(&watch);
    while (s == OK || s == ERR_TIMEOUT) {
        s = xenstore_wait(&watch, is_there ? FOREVER : time_after(AGAIN));
        if (xenstore_number(watch.path, &target) != OK || target > most)
            continue;
        is_there = go_to((most - target) / KIB);
        if (target != before)
            tell(most, target, is_there);
        before = target;
    }
}

void balloon_start(void)
{
    static const struct fiber_options options = {"balloon", STACK};
    static struct fiber *fiber;

    if (fiber_spawn(&options, follow, NULL, &fiber) != OK)
        log_warning(&memory, "xl mem-set is not heard: there is no memory");
}
