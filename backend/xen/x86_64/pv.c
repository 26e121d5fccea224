/* SPDX-License-Identifier: ISC */
/*
 * A PV guest. Its memory has two sorts of numbers: physical ones, which are
 * its own and go from 0, and the machine's, which page tables hold. At start
 * Xen has mapped the first few MiB at their physical addresses, and we go on
 * in that way, so that physical and virtual are the same; the rest is mapped
 * when it is first taken, because each page costs an entry.
 */
#include "kinds.h"
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/events.h>
#include <xen/hypercall.h>
#include <arch/cpu.h>
#include <arch/paging.h>
#include <bare/start.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>
#include <xen/sched.h>

#define BATCH    64 /* changes in one hypercall */
#define MOST     ((uint64_t)1 << 40) /* of memory; see pages.h */
#define CHUNK    ((uint64_t)1 << LARGE_SHIFT) /* mapped at a time */
#define SPARES   4 /* tables that a chunk can need */
#define NO_FRAME (~(uint64_t)0)
#define PLACED   (1 + GRANT_PAGES) /* pages that stand for Xen's */
#define LIST     ((uintptr_t)1 << 41) /* where Xen's tools see frames */

#define PV_TRAPS      20 /* exceptions that Xen hands on */
#define PV_TRAP_ENTRY 8 /* bytes of code for each, in entry.S */

struct spare {
    struct spare *next;
};

extern char image_text[], image_end[];
extern const char pv_trap_entries[PV_TRAPS][PV_TRAP_ENTRY];

/* A page of ours in whose place is one of Xen's. */
struct placed {
    void *page;
    uint64_t own; /* its frame */
};

static struct start_info *told;
static uint64_t *frames; /* machine frame numbers, by our own */
static uint64_t frame_count;
static bool frames_are_shown;
static uint64_t *top_table;
static struct placed placed[PLACED];
static unsigned placed_count;
static struct mmu_update batch[BATCH];
static unsigned batched;
static struct region fresh; /* never mapped yet */
static struct spare *spares;
static size_t spare_count;
static bool mapping;

static uint64_t machine_address(uint64_t physical)
{
    return frames[physical >> PAGE_SHIFT] << PAGE_SHIFT |
           (physical & (BARE_PAGE - 1));
}

static void send_batch(void)
{
    unsigned n = batched;

    batched = 0;
    if (n > 0)
        HYPERCALL_SURELY(__HYPERVISOR_mmu_update, batch, n, NULL, DOMID_SELF);
}

static void update(uint64_t *entry, uint64_t value)
{
    if (batched == BATCH)
        send_batch();
    batch[batched++] = (struct mmu_update){
        machine_address((uintptr_t)entry) | MMU_NORMAL_PT_UPDATE, value};
}

static int pv_largest(void)
{
    return LARGE_SHIFT;
}

static uint64_t *pv_table(uint64_t entry)
{
    const unsigned long *own = machine_to_phys_mapping;

    return (uint64_t *)(own[(entry & ENTRY_ADDRESS) >> PAGE_SHIFT]
                        << PAGE_SHIFT);
}

/* Xen wants tables to be read-only for us. */
static bool pv_link(uint64_t *entry, uint64_t *table)
{
    if (!bare_map((uintptr_t)table, (uintptr_t)table, BARE_PAGE, READ_ONLY))
        return false;
    update(entry, machine_address((uintptr_t)table) | ENTRY_PRESENT |
                      ENTRY_WRITABLE | ENTRY_USER);
    send_batch();
    return true;
}

static uint64_t page_entry(uint64_t physical, uint64_t flags)
{
    return flags ? machine_address(physical) | flags | ENTRY_USER : 0;
}

/* There are no large pages: a table of small ones stands for one. */
static bool pv_leaf(uint64_t *entry, int shift, uint64_t physical,
                    uint64_t flags)
{
    uint64_t *table;

    if (shift == PAGE_SHIFT) {
        update(entry, page_entry(physical, flags));
        return true;
    }
    if (!flags)
        return true;
    table = bare_table_page();
    if (!table)
        return false;
    for (uint64_t i = 0; i < 512; i++)
        table[i] = page_entry(physical + (i << PAGE_SHIFT), flags);
    return pv_link(entry, table);
}

static void pv_changed(uintptr_t address, size_t size)
{
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

    (void)address;
    (void)size;
    send_batch();
    HYPERCALL_SURELY(__HYPERVISOR_mmuext_op, &flush, 1, NULL, DOMID_SELF);
}

static const struct paging pv_paging = {pv_largest, pv_table, pv_link, pv_leaf,
                                        pv_changed};

/*
 * While we map, tables come from those set aside: nothing else is sure. (In a
 * PVH guest mapping is never set, since all its memory is mapped.)
 */
void *bare_table_page(void)
{
    struct spare *page = spares;

    if (!mapping)
        return platform_pages(1);
    if (!page)
        return NULL;
    spares = page->next;
    spare_count--;
    return memset(page, 0, BARE_PAGE);
}

/* Has so many pages set aside for tables, if there are so many. */
static bool set_aside(size_t count)
{
    while (spare_count < count) {
        struct spare *page = pages_take(1);

        if (!page)
            return false;
        page->next = spares;
        spares = page;
        spare_count++;
    }
    return true;
}

/* Maps size bytes of fresh memory, or all there is, and gives them. */
static bool map_fresh(uint64_t size)
{
    uint64_t from = fresh.base;

    size = size < fresh.size ? size : fresh.size;
    if (size == 0 || !bare_map(from, from, size, READ_WRITE))
        return false;
    fresh.base += size;
    fresh.size -= size;
    pages_give((void *)from, size / BARE_PAGE);
    return true;
}

size_t pages_unmapped(void)
{
    return fresh.size / BARE_PAGE;
}

static void give_back(size_t keep)
{
    while (spare_count > keep) {
        struct spare *page = spares;

        spares = page->next;
        spare_count--;
        pages_give(page, 1);
    }
}

bool pages_more(size_t count)
{
    uint64_t size;
    bool good;

    if (mapping || fresh.size == 0 ||
        count > pages_free() + pages_unmapped())
        return false;
    mapping = true;
    size = (count * BARE_PAGE + CHUNK - 1) / CHUNK * CHUNK;
    /* Tables for a large piece are taken from before it, not out of it. */
    while (size > CHUNK &&
           !set_aside(size / CHUNK + size / (512 * CHUNK) + SPARES))
        if (!map_fresh(CHUNK))
            break;
    good = map_fresh(size);
    give_back(SPARES);
    (void)set_aside(SPARES);
    mapping = false;
    return good;
}

/* Where what Xen has mapped at the start ends. */
static void find_end(void *ctx, uintptr_t address, size_t size, bool writable,
                     bool executable)
{
    uintptr_t *end = ctx;

    (void)writable;
    (void)executable;
    if (address == *end)
        *end += size;
}

/* Of what is mapped, so that its tables are there. */
static void set_access(uintptr_t from, uintptr_t to, enum access access)
{
    require(bare_map(from, from, to - from, access));
}

static void find_memory(const struct start_info *info, struct start *s)
{
    uint64_t total = info->nr_pages < MOST / BARE_PAGE
                         ? info->nr_pages * BARE_PAGE
                         : MOST;
    uint64_t tables = info->nr_pt_frames * BARE_PAGE;
    uintptr_t end = 0;

    bare_see_pages(find_end, &end);
    if (end > total)
        end = total;
    start_add_region(s, 0, (uintptr_t)image_text);
    start_add_region(s, info->pt_base + tables, end - info->pt_base - tables);
    fresh = (struct region){end, total - end};
    /* What lies between is Xen's gift, and stays as it is. */
    set_access((uintptr_t)image_end, info->pt_base, READ_WRITE);
    set_access(info->pt_base, info->pt_base + tables, READ_ONLY);
    set_access(0, BARE_PAGE, NO_ACCESS);
}

/* A page of ours that has the machine's frame number. */
static void *page_of_frame(uint64_t frame)
{
    return pv_table(frame << PAGE_SHIFT);
}

/* What Xen's builder has cut cannot be told from what just fits. */
static void read_command_line(struct start *s, const char *line)
{
    if (strnlen(line, MAX_GUEST_CMDLINE) >= MAX_GUEST_CMDLINE - 1) {
        image_say("the command line is too long: a PV guest gets at most %d "
                  "bytes of it\n",
                  MAX_GUEST_CMDLINE - 2);
        platform_exit(64);
    }
    start_set_line(s, line, MAX_GUEST_CMDLINE);
}

uint64_t pv_frame(const void *page)
{
    return frames[(uintptr_t)page >> PAGE_SHIFT];
}

static bool map_one(void *page, uint64_t flags)
{
    return HYPERCALL(__HYPERVISOR_update_va_mapping, page,
                     page_entry((uintptr_t)page, flags),
                     UVMF_INVLPG | UVMF_LOCAL, 0) == 0;
}

bool pv_place(void *page, uint64_t frame)
{
    uint64_t *at = &frames[(uintptr_t)page >> PAGE_SHIFT];

    require(placed_count < PLACED);
    placed[placed_count++] = (struct placed){page, *at};
    /* By its number it is one of ours from now on, however it is mapped. */
    *at = frame;
    return map_one(page, ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_NO_EXECUTE);
}

uint64_t guest_release(void *page)
{
    uint64_t *at = &frames[(uintptr_t)page >> PAGE_SHIFT], frame;

    if (!xen.is_pv)
        return (uintptr_t)page >> PAGE_SHIFT;
    frame = *at;
    set_access((uintptr_t)page, (uintptr_t)page + BARE_PAGE, NO_ACCESS);
    *at = NO_FRAME;
    return frame;
}

bool guest_restore(void *page, uint64_t frame)
{
    if (!xen.is_pv)
        return true;
    frames[(uintptr_t)page >> PAGE_SHIFT] = frame;
    return bare_map((uintptr_t)page, (uintptr_t)page, BARE_PAGE, READ_WRITE);
}

static void place_shared_page(void)
{
    require(pv_place(shared_page, told->shared_info >> PAGE_SHIFT));
}

/* Takes Xen's pages out of ours: what is saved must be the guest's alone. */
static void take_out_placed(void)
{
    while (placed_count > 0) {
        struct placed *p = &placed[--placed_count];

        require(map_one(p->page, 0));
        frames[(uintptr_t)p->page >> PAGE_SHIFT] = p->own;
    }
}

/*
 * Has Xen's tools find the list of frames, to save it and to write it anew: as
 * a piece of virtual memory (xen/arch-x86/xen.h, arch_shared_info), whose
 * tables begin with it, since the tools count from there. They look for it
 * before the guest hears of being saved.
 */
static void show_frames(void)
{
    size_t size = (frame_count * sizeof *frames + BARE_PAGE - 1) / BARE_PAGE *
                  BARE_PAGE;
    volatile struct arch_shared_info *arch = &guest_shared()->arch;

    frames_are_shown = bare_map(LIST, (uintptr_t)frames, size, READ_ONLY);
    if (!frames_are_shown)
        return;
    arch->max_pfn = frame_count;
    arch->p2m_vaddr = LIST;
    arch->p2m_cr3 = machine_address((uintptr_t)top_table);
}

/* The memory map of a PVH guest has all memory that it can have. */
struct region guest_extend(uint64_t count)
{
    uint64_t first = frame_count;
    uint64_t *more;

    if (count > MOST / BARE_PAGE)
        count = MOST / BARE_PAGE;
    if (!xen.is_pv || count <= first)
        return (struct region){0, 0};
    more = pages_take((count * sizeof *more + BARE_PAGE - 1) / BARE_PAGE);
    if (!more)
        return (struct region){0, 0};
    memcpy(more, frames, first * sizeof *more);
    for (uint64_t i = first; i < count; i++)
        more[i] = NO_FRAME;
    guest_shared()->arch.p2m_generation++;
    frames = more;
    frame_count = count;
    show_frames();
    guest_shared()->arch.p2m_generation++;
    return (struct region){first * BARE_PAGE, (count - first) * BARE_PAGE};
}

static unsigned long frame_number(const void *page)
{
    return (uintptr_t)page >> PAGE_SHIFT;
}

/*
 * The tools put a machine's number where the start info has one of ours, and
 * back (xen/xen.h, start_info; xen/sched.h, SCHEDOP_shutdown). They find the
 * start info by the third argument.
 */
bool pv_suspend(bool (*is_moved)(void))
{
    struct sched_shutdown request = {.reason = SHUTDOWN_suspend};

    if (!frames_are_shown)
        return false;
    told->store_mfn = frame_number(xen.store.page);
    told->console.domU.mfn = (uint32_t)frame_number(xen.console.page);
    take_out_placed();
    (void)HYPERCALL(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &request,
                    pv_frame(told), 0);
    place_shared_page();
    show_frames();
    if (is_moved()) {
        xen.store.port = told->store_evtchn;
        xen.console.port = told->console.domU.evtchn;
    }
    return true;
}

static void set_traps(void)
{
    static trap_info_t traps[PV_TRAPS + 1]; /* the last: zeros */

    for (unsigned i = 0; i < PV_TRAPS; i++)
        traps[i] = (trap_info_t){
            .vector = (uint8_t)i,
            .flags = i == 3 || i == 4 ? 3 : 0, /* int3 and into may */
            .cs = FLAT_KERNEL_CS,
            .address = (uintptr_t)pv_trap_entries[i],
        };
    HYPERCALL2_SURELY(__HYPERVISOR_set_trap_table, traps, 0);
}

struct start *pv_init(struct start_info *info)
{
    static struct start start;

    xen.is_pv = true;
    told = info;
    top_table = (uint64_t *)info->pt_base;
    frames = (uint64_t *)info->mfn_list;
    frame_count = info->nr_pages;
    set_traps();
    place_shared_page();
    events_mask();
    clock_start();
    xen.console = (struct ring_place){page_of_frame(info->console.domU.mfn),
                                      info->console.domU.evtchn};
    xen.store = (struct ring_place){page_of_frame(info->store_mfn),
                                    info->store_evtchn};
    console_start();
    libc_start();
    HYPERCALL2_SURELY(__HYPERVISOR_set_segment_base, SEGBASE_FS,
                      libc_thread_block);
    read_command_line(&start, (const char *)info->cmd_line);
    paging_take(&pv_paging, top_table);
    find_memory(info, &start);
    pages_start(start.region, start.regions);
    require(set_aside(SPARES));
    show_frames();
    return &start;
}
