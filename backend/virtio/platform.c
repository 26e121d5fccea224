/* SPDX-License-Identifier: ISC */
/*
 * Target virtio: an image in a virtual machine of QEMU/KVM or the like, on the
 * machine of mirage/machine.h.
 */
#include "balloon_virtio.h"
#include "platform.h"
#include <arch/cpu.h>
#include <bare/start.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/machine.h>
#include <mirage/platform.h>

const struct start *platform_start_info;

void platform_wait(nanoseconds deadline)
{
    machine_wait(deadline);
}

/* The host sees all memory anyway, and zeroing the pool of a stack would take a
 * third of the time that an image needs to start. */
void *platform_buffers(size_t count)
{
    return pages_alloc(count);
}

__attribute__((weak)) bool balloon_take_back(size_t count)
{
    (void)count;
    return false;
}

__attribute__((weak)) size_t balloon_pages(void)
{
    return 0;
}

/* All memory is mapped at the start; the host may have some of it. */
bool pages_map_more(size_t count)
{
    return balloon_take_back(count);
}

size_t pages_unmapped_count(void)
{
    return balloon_pages();
}

void *bare_table_page(void)
{
    return platform_pages(1);
}

void target_start(struct start *s)
{
    platform_start_info = s;
    libc_start();
    set_thread_base(libc_thread_block);
    pages_start(s->region, s->regions);
    machine_start_interrupts();
    start_image(s);
}
