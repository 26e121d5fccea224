/* SPDX-License-Identifier: ISC */
/*
 * Target virtio: an image in a virtual machine of QEMU/KVM or the like, on the
 * machine of mirage/machine.h.
 */
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

/* All memory is mapped at the start. */
bool pages_map_more(size_t count)
{
    (void)count;
    return false;
}

size_t pages_unmapped_count(void)
{
    return 0;
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
