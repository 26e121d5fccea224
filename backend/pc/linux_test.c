/* SPDX-License-Identifier: ISC */
/* Boot parameters of the Linux boot protocol, valid and not. */
#include "linux.c"
#include "check.h"
#include <sys/mman.h>

#define LOW ((uint8_t *)0x20000000) /* memory that entry.S maps */

static struct start start;
static const uint8_t *seeded; /* the last seed, and its first byte */
static size_t seeded_len;
static uint8_t seeded_first;
static unsigned seeds;

void start_add_region(struct start *s, uint64_t base, uint64_t size)
{
    s->region[s->regions++ % START_REGIONS] = (struct region){base, size};
}

void start_set_line(struct start *s, const char *text, size_t max)
{
    CHECK(max == START_LINE);
    strncpy(s->command_line, text ? text : "none", START_LINE - 1);
}

void entropy_seed(const void *data, size_t len)
{
    seeded = data;
    seeded_len = len;
    seeded_first = seeded[0];
    seeds++;
}

static void begin(void)
{
    memset(&start, 0, sizeof start);
    seeds = 0;
    seeded = NULL;
}

TEST(only_ram_of_the_memory_map_is_used)
{
    static struct boot_params p;

    begin();
    p.e820_entries = 3;
    p.e820_table[0] = (struct boot_e820_entry){0, 0x9fc00, 1};
    p.e820_table[1] = (struct boot_e820_entry){0xf0000, 0x10000, 2};
    p.e820_table[2] = (struct boot_e820_entry){0x100000, 0x700000, 1};
    p.e820_table[3] = (struct boot_e820_entry){0x900000, 0x1000, 1};
    p.acpi_rsdp_addr = 0xe0000;
    start_read_linux(&start, &p);
    CHECK(start.regions == 2 && start.rsdp == 0xe0000);
    CHECK(start.region[0].base == 0 && start.region[0].size == 0x9fc00);
    CHECK(start.region[1].base == 0x100000);
    CHECK_TEXT(start.command_line, "none");
    CHECK(seeds == 0);
}

TEST(a_memory_map_has_no_more_entries_than_there_is_room_for)
{
    static struct boot_params p;

    begin();
    p.e820_entries = 255;
    for (unsigned i = 0; i < E820_MAX_ENTRIES_ZEROPAGE; i++)
        p.e820_table[i] = (struct boot_e820_entry){i << 20, 0x1000, 1};
    start_read_linux(&start, &p);
    CHECK(start.regions == E820_MAX_ENTRIES_ZEROPAGE);
}

/* In memory below 4 GiB, since addresses of the header have 32 bits. */
static struct boot_params *low_parameters(void)
{
    static uint8_t *low;

    if (!low)
        low = mmap(LOW, 0x10000, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(low == LOW);
    memset(low, 0, 0x10000);
    begin();
    return (void *)low;
}

static struct setup_data *data_at(size_t offset, uint32_t type, uint32_t len,
                                  uint64_t next)
{
    struct setup_data *d = (void *)(LOW + offset);

    *d = (struct setup_data){.next = next, .type = type, .len = len};
    memset(d->data, 0xa5, len);
    return d;
}

TEST(the_command_line_is_where_the_header_says)
{
    struct boot_params *p = low_parameters();

    strcpy((char *)LOW + 0x2000, "--key=value");
    p->hdr.cmd_line_ptr = (uint32_t)(uintptr_t)LOW + 0x2000;
    start_read_linux(&start, p);
    CHECK_TEXT(start.command_line, "--key=value");
}

TEST(a_seed_is_mixed_and_erased)
{
    struct boot_params *p = low_parameters();
    struct setup_data *other = data_at(0x3000, SETUP_E820_EXT, 40,
                                       (uintptr_t)LOW + 0x4000);
    struct setup_data *seed = data_at(0x4000, SETUP_RNG_SEED, 32, 0);

    p->hdr.setup_data = (uintptr_t)other;
    start_read_linux(&start, p);
    CHECK(seeds == 1 && seeded == seed->data && seeded_len == 32);
    CHECK(seeded_first == 0xa5);
    for (int i = 0; i < 32; i++)
        CHECK(seed->data[i] == 0);
    CHECK(seed->len == 0 && other->len == 40 && other->data[0] == 0xa5);
}

TEST(a_list_that_is_a_cycle_is_walked_to_a_limit)
{
    struct boot_params *p = low_parameters();
    struct setup_data *seed = data_at(0x4000, SETUP_RNG_SEED, 32,
                                      (uintptr_t)LOW + 0x4000);

    p->hdr.setup_data = (uintptr_t)seed;
    start_read_linux(&start, p);
    CHECK(seeds == 64);
}

TEST(data_that_is_not_mapped_is_not_read)
{
    struct boot_params *p = low_parameters();

    p->hdr.setup_data = (uint64_t)1 << 30;
    start_read_linux(&start, p);
    p->hdr.setup_data = UINT64_MAX;
    start_read_linux(&start, p);
    CHECK(seeds == 0);
}
