/* SPDX-License-Identifier: ISC */
/*
 * Linux's boot parameters: any memory map and command line, and any list of
 * more, even one without an end.
 *
 * The first byte says how many entries the map claims to have, the next eight
 * what the list is made of, 64 more what its parts hold; then come the map and
 * the command line.
 */
#include <bare/start.c>
#include <pc/linux.c>
#include "platform.h"
#include <stdlib.h>
#include <sys/mman.h>

#define SLOTS     8
#define PART      256
#define PARTS_AT  0x10000000 /* within what entry.S maps */
#define HEAD_SIZE (1 + SLOTS + 64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void entropy_seed(const void *data, size_t len)
{
    uint8_t sum = 0;

    check(len <= PART - sizeof(struct setup_data));
    for (size_t i = 0; i < len; i++)
        sum ^= ((const uint8_t *)data)[i];
    __asm__ volatile("" ::"r"(sum)); /* it must be there to read */
}

static struct setup_data *part(unsigned i)
{
    static char *parts;

    if (!parts)
        parts = mmap((void *)PARTS_AT, SLOTS * PART, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(parts == (char *)PARTS_AT);
    return (void *)(parts + i * PART);
}

/* Each part leads to any other, to nowhere, or beyond what is mapped. */
static uint64_t make_list(const uint8_t *shape, const uint8_t *bytes)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct setup_data *d = part(i);
        unsigned next = shape[i] & 0xf;

        d->next = next < SLOTS    ? (uintptr_t)part(next)
                  : next == SLOTS ? MAPPED
                                  : 0;
        d->type = shape[i] & 0x10 ? SETUP_RNG_SEED : shape[i] >> 5;
        d->len = bytes[i * 8] % (PART - sizeof *d + 1);
        memcpy(d->data, bytes + i * 8, 8);
    }
    return (uintptr_t)part(0);
}

static void check_start(const struct start *s)
{
    check(s->regions <= START_REGIONS);
    for (size_t i = 0; i < s->regions; i++)
        check(s->region[i].base + s->region[i].size <= ADDRESSES);
    check(memchr(s->command_line, '\0', START_LINE) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boot_params *p = calloc(1, sizeof *p);
    struct start *s = calloc(1, sizeof *s);
    char *line = (char *)part(SLOTS - 1);
    size_t map_size;

    if (size >= HEAD_SIZE) {
        p->e820_entries = data[0];
        p->hdr.setup_data = make_list(data + 1, data + 1 + SLOTS);
        data += HEAD_SIZE;
        size -= HEAD_SIZE;
        map_size = size < sizeof p->e820_table ? size : sizeof p->e820_table;
        memcpy(p->e820_table, data, map_size);
        line[PART - 1] = '\0';
        p->hdr.cmd_line_ptr = (uint32_t)(uintptr_t)line;
        unused_regions = 0;
        if (setjmp(fuzz_exit) == 0) {
            start_read_linux(s, p);
            check_start(s);
        }
    }
    free(p);
    free(s);
    return 0;
}
