/* SPDX-License-Identifier: ISC */
/*
 * A PV guest. Its memory has guest frame numbers, which start at 0, and machine
 * frame numbers, which page tables contain. Xen has mapped the first few MiB at
 * virtual addresses that equal guest-physical ones, and we map the rest
 * likewise, when it is first allocated, because each page is an entry that Xen
 * checks.
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

#define BATCH    64 /* page table updates in one hypercall */
#define MOST     ((uint64_t)1 << 40) /* bytes of memory (pages.h) */
#define CHUNK    ((uint64_t)1 << LARGE_SHIFT) /* mapped at a time */
#define SPARES   4 /* page tables that a chunk can need */
#define NO_FRAME (~(uint64_t)0)
#define PLACED   (1 + GRANT_PAGES) /* pages replaced by Xen's */
#define LIST     ((uintptr_t)1 << 41) /* where the toolstack finds frames */

#define PV_TRAPS      20 /* exceptions that Xen forwards */
#define PV_TRAP_ENTRY 8 /* bytes of code for each, in pv_traps.S */

struct spare {
    struct spare *next;
};

extern char image_text[], image_end[];
extern const char pv_trap_entries[PV_TRAPS][PV_TRAP_ENTRY];

/* A page of ours that one of Xen's replaces. */
struct placed {
    void *page;
    uint64_t own; /* its machine frame, for later */
};

static struct start_info *loader_info;
static uint64_t *frames; /* machine frame numbers by guest frame number */
static uint64_t frame_count;
static bool frames_are_published;
static uint64_t *top_table;
static struct placed placed[PLACED];
static unsigned placed_count;
static struct mmu_update batch[BATCH];
static unsigned batched;
static struct region fresh; /* not mapped yet */
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

/* Xen requires page tables to be mapped read-only. */
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

/* PV guests have no large pages: a table of small ones is used instead. */
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
 * During pages_map_more tables come from the reserve, since an allocation could
 * call it again. (In a PVH guest all memory is mapped, and mapping is never
 * set.)
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

/* Fills the reserve of pages for tables up to count. False: no memory. */
static bool reserve_spares(size_t count)
{
    while (spare_count < count) {
        struct spare *page = pages_alloc(1);

        if (!page)
            return false;
        page->next = spares;
        spares = page;
        spare_count++;
    }
    return true;
}

/* Maps and releases size bytes of fresh memory, or all that is left. */
static bool map_fresh(uint64_t size)
{
    uint64_t from = fresh.base;

    size = size < fresh.size ? size : fresh.size;
    if (size == 0 || !bare_map(from, from, size, READ_WRITE))
        return false;
    fresh.base += size;
    fresh.size -= size;
    pages_release((void *)from, size / BARE_PAGE);
    return true;
}

size_t pages_unmapped_count(void)
{
    return fresh.size / BARE_PAGE;
}

static void release_spares(size_t keep)
{
    while (spare_count > keep) {
        struct spare *page = spares;

        spares = page->next;
        spare_count--;
        pages_release(page, 1);
    }
}

bool pages_map_more(size_t count)
{
    uint64_t size;
    bool good;

    if (mapping || fresh.size == 0 ||
        count > pages_free_count() + pages_unmapped_count())
        return false;
    mapping = true;
    size = (count * BARE_PAGE + CHUNK - 1) / CHUNK * CHUNK;
    /* The tables for a large piece must exist before it is mapped. */
    while (size > CHUNK &&
           !reserve_spares(size / CHUNK + size / (512 * CHUNK) + SPARES))
        if (!map_fresh(CHUNK))
            break;
    good = map_fresh(size);
    release_spares(SPARES);
    (void)reserve_spares(SPARES);
    mapping = false;
    return good;
}

/* Finds the end of the memory that Xen has mapped at the start. */
static void find_end(void *ctx, uintptr_t address, size_t size, bool writable,
                     bool executable)
{
    uintptr_t *end = ctx;

    (void)writable;
    (void)executable;
    if (address == *end)
        *end += size;
}

/* Of mapped memory, whose tables exist. */
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

    bare_visit_pages(find_end, &end);
    if (end > total)
        end = total;
    start_add_region(s, 0, (uintptr_t)image_text);
    start_add_region(s, info->pt_base + tables, end - info->pt_base - tables);
    fresh = (struct region){end, total - end};
    /* Start info and frame list, which Xen's builder has placed in between. */
    set_access((uintptr_t)image_end, info->pt_base, READ_WRITE);
    set_access(info->pt_base, info->pt_base + tables, READ_ONLY);
    set_access(0, BARE_PAGE, NO_ACCESS);
}

/* Returns our page in this machine frame. */
static void *page_of_frame(uint64_t frame)
{
    return pv_table(frame << PAGE_SHIFT);
}

/* A line that Xen's builder truncated cannot be told from one that just fits.
 * */
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
    /* From now on Xen's frame is that of this page, for any mapping. */
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
    require(pv_place(shared_page, loader_info->shared_info >> PAGE_SHIFT));
}

/* Puts our own frames back: a saved guest may contain none of Xen's pages. */
static void remove_placed(void)
{
    while (placed_count > 0) {
        struct placed *p = &placed[--placed_count];

        require(map_one(p->page, 0));
        frames[(uintptr_t)p->page >> PAGE_SHIFT] = p->own;
    }
}

/*
 * Publishes the list of frames for the toolstack, which saves it and rewrites
 * it on restore: as a range of virtual memory (xen/arch-x86/xen.h, struct
 * arch_shared_info) that starts a page table, since the toolstack counts from
 * there. It is read before the guest is told to suspend.
 */
static void publish_frames(void)
{
    size_t size = (frame_count * sizeof *frames + BARE_PAGE - 1) / BARE_PAGE *
                  BARE_PAGE;
    volatile struct arch_shared_info *arch = &guest_shared()->arch;

    frames_are_published = bare_map(LIST, (uintptr_t)frames, size, READ_ONLY);
    if (!frames_are_published)
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
    more = pages_alloc((count * sizeof *more + BARE_PAGE - 1) / BARE_PAGE);
    if (!more)
        return (struct region){0, 0};
    memcpy(more, frames, first * sizeof *more);
    for (uint64_t i = first; i < count; i++)
        more[i] = NO_FRAME;
    guest_shared()->arch.p2m_generation++;
    frames = more;
    frame_count = count;
    publish_frames();
    guest_shared()->arch.p2m_generation++;
    return (struct region){first * BARE_PAGE, (count - first) * BARE_PAGE};
}

static unsigned long frame_number(const void *page)
{
    return (uintptr_t)page >> PAGE_SHIFT;
}

/*
 * The toolstack converts frame numbers in the start info from guest to machine
 * frames and back (xen/xen.h, start_info; xen/sched.h, SCHEDOP_shutdown). The
 * third argument is the frame of the start info.
 */
bool pv_suspend(bool (*is_moved)(void))
{
    struct sched_shutdown request = {.reason = SHUTDOWN_suspend};

    if (!frames_are_published)
        return false;
    loader_info->store_mfn = frame_number(xen.store.page);
    loader_info->console.domU.mfn = (uint32_t)frame_number(xen.console.page);
    remove_placed();
    (void)HYPERCALL(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &request,
                    pv_frame(loader_info), 0);
    place_shared_page();
    publish_frames();
    if (is_moved()) {
        xen.store.port = loader_info->store_evtchn;
        xen.console.port = loader_info->console.domU.evtchn;
    }
    return true;
}

static void set_traps(void)
{
    static trap_info_t traps[PV_TRAPS + 1]; /* the last: zeros */

    for (unsigned i = 0; i < PV_TRAPS; i++)
        traps[i] = (trap_info_t){
            .vector = (uint8_t)i,
            .flags = i == 3 || i == 4 ? 3 : 0, /* int3, into: ring 3 too */
            .cs = FLAT_KERNEL_CS,
            .address = (uintptr_t)pv_trap_entries[i],
        };
    HYPERCALL2_SURELY(__HYPERVISOR_set_trap_table, traps, 0);
}

struct start *pv_init(struct start_info *info)
{
    static struct start start;

    xen.is_pv = true;
    loader_info = info;
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
    paging_set(&pv_paging, top_table);
    find_memory(info, &start);
    pages_start(start.region, start.regions);
    require(reserve_spares(SPARES));
    publish_frames();
    return &start;
}
