/* SPDX-License-Identifier: ISC */
/* Reads the boot parameters of the Linux boot protocol (Linux's
 * Documentation/arch/x86/boot.rst and zero-page.rst). */
#include "linux.h"
#include <bare/entropy.h>
#include <stdint.h>
#include <string.h>
#include <asm/bootparam.h>

#define RAM      1 /* type of an E820 entry */
#define MAPPED   ((uint64_t)1 << 30) /* bytes that entry.S has mapped */
#define MAP_MOST E820_MAX_ENTRIES_ZEROPAGE
#define PARTS    64 /* limit of the list, which may be a cycle */

/* Walks the list of setup_data, up to the first entry that is not mapped. The
 * entropy seed is erased after its use. */
static void read_setup_data(uint64_t at)
{
    for (int i = 0; i < PARTS && at != 0 && at < MAPPED; i++) {
        struct setup_data *d = (void *)(uintptr_t)at;

        if (d->type == SETUP_RNG_SEED) {
            entropy_seed(d->data, d->len);
            memset(d->data, 0, d->len);
            d->len = 0;
        }
        at = d->next;
    }
}

void start_read_linux(struct start *s, const struct boot_params *p)
{
    for (unsigned i = 0; i < p->e820_entries && i < MAP_MOST; i++)
        if (p->e820_table[i].type == RAM)
            start_add_region(s, p->e820_table[i].addr, p->e820_table[i].size);
    start_set_line(s, (const char *)(uintptr_t)p->hdr.cmd_line_ptr,
                   START_LINE);
    s->rsdp = p->acpi_rsdp_addr;
    read_setup_data(p->hdr.setup_data);
}
