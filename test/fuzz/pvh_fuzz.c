/* SPDX-License-Identifier: ISC */
/*
 * PVH's start information: any memory map and command line are noted as far
 * as they make sense, or refused.
 *
 * The first byte is the version, the second how many entries the map has, which
 * come next; the rest is the command line.
 */
#include <bare/start.c>
#include "platform.h"
#include <arch/pvh.h>
#include <stdlib.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of exactly the size, so that the sanitizer knows its end. */
static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size);

    return memcpy(copy, data, size);
}

/* As a loader has it, with a NUL, unless it is too long by far. */
static char *line_of(const uint8_t *data, size_t size)
{
    char *line = calloc(1, size >= START_LINE ? START_LINE : size + 1);

    memcpy(line, data, size >= START_LINE ? START_LINE : size);
    return line;
}

static void check_start(const struct start *s, size_t entries)
{
    check(s->regions <= START_REGIONS && s->regions <= entries);
    for (size_t i = 0; i < s->regions; i++)
        check(s->region[i].base + s->region[i].size <= ADDRESSES);
    check(memchr(s->command_line, '\0', START_LINE) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hvm_start_info info = {0};
    struct start *s = calloc(1, sizeof *s);
    size_t entries, map_size;
    void *map;
    char *line;

    if (size < 2) {
        free(s);
        return 0;
    }
    map_size = sizeof(struct hvm_memmap_table_entry);
    entries = data[1] < (size - 2) / map_size ? data[1]
                                              : (size - 2) / map_size;
    map_size *= entries;
    map = copy_of(data + 2, map_size);
    line = line_of(data + 2 + map_size, size - 2 - map_size);
    info.magic = XEN_HVM_START_MAGIC_VALUE;
    info.version = data[0];
    info.memmap_entries = (uint32_t)entries;
    info.memmap_paddr = (uintptr_t)map;
    info.cmdline_paddr = (uintptr_t)line;
    unused_regions = 0;
    if (setjmp(fuzz_exit) == 0) {
        start_read_pvh(s, &info);
        check_start(s, entries);
    }
    free(map);
    free(line);
    free(s);
    return 0;
}
