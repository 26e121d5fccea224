/* SPDX-License-Identifier: ISC */
/* Reads the start information of PVH (xen/arch-x86/hvm/start_info.h). */
#include <arch/pvh.h>
#include <mirage/machine.h>
#include <mirage/platform.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

void start_read_pvh(struct start *s, const struct hvm_start_info *info)
{
    const struct hvm_memmap_table_entry *map =
        (const void *)(uintptr_t)info->memmap_paddr;

    if (info->version < 1 || !map) {
        image_say("the loader gives no memory map\n");
        platform_exit(1);
    }
    for (uint32_t i = 0; i < info->memmap_entries; i++)
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
            start_add_region(s, map[i].addr, map[i].size);
    start_set_rsdp(s, info->rsdp_paddr);
    start_set_line(s, (const char *)(uintptr_t)info->cmdline_paddr,
                   START_LINE);
}
