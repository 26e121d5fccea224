/* SPDX-License-Identifier: ISC */
/* Start information of PVH, valid and not. */
#include <mirage/platform.h>
/* The host's would end the test. */
#define platform_exit tested_exit
void platform_exit(int code) __attribute__((noreturn));
#include "pvh.c"
#include <bare/start.h>
#undef platform_exit
#include "check.h"
#include <setjmp.h>
#include <string.h>

static jmp_buf out;
static int exit_code;
static struct start start;

void tested_exit(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

void start_add_region(struct start *s, uint64_t base, uint64_t size)
{
    s->region[s->regions++] = (struct region){base, size};
}

void start_set_rsdp(struct start *s, uint64_t address)
{
    s->rsdp = address;
}

void start_set_line(struct start *s, const char *text, size_t max)
{
    CHECK(max == START_LINE);
    strncpy(s->command_line, text ? text : "", START_LINE - 1);
}

static void begin(void)
{
    memset(&start, 0, sizeof start);
    exit_code = 0;
}

static bool reads(const struct hvm_start_info *info)
{
    begin();
    if (setjmp(out) != 0)
        return false;
    start_read_pvh(&start, info);
    return true;
}

TEST(only_ram_of_the_memory_map_is_used)
{
    static const struct hvm_memmap_table_entry map[] = {
        {.addr = 0, .size = 0x9fc00, .type = XEN_HVM_MEMMAP_TYPE_RAM},
        {.addr = 0xf0000,
         .size = 0x10000,
         .type = XEN_HVM_MEMMAP_TYPE_RESERVED},
        {.addr = 0x100000, .size = 0x700000, .type = XEN_HVM_MEMMAP_TYPE_RAM},
    };
    struct hvm_start_info info = {.version = 1,
                                  .memmap_paddr = (uintptr_t)map,
                                  .memmap_entries = 3,
                                  .rsdp_paddr = 0xf5a00,
                                  .cmdline_paddr = (uintptr_t) "a line"};

    CHECK(reads(&info));
    CHECK(start.regions == 2);
    CHECK(start.region[1].base == 0x100000);
    CHECK_TEXT(start.command_line, "a line");
    CHECK(start.rsdp == 0xf5a00);
    info.cmdline_paddr = 0;
    CHECK(reads(&info));
    CHECK_TEXT(start.command_line, "");
    info.version = 0;
    CHECK(!reads(&info));
    CHECK(exit_code == 1);
}
