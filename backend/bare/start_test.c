/* SPDX-License-Identifier: ISC */
/* Memory regions and command lines, valid and not. */
#include <mirage/platform.h>
/* The host's would end the test. */
#define platform_exit tested_exit
void platform_exit(int code) __attribute__((noreturn));
#include "start.c"
#undef platform_exit
#include "check.h"
#include <setjmp.h>
#include <stdlib.h>

static jmp_buf out;
static int exit_code;

constructor *const image_init_first[1], *const image_init_last[1];

void libc_stop(void)
{
}

void bare_leave(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

void entropy_report(void)
{
}

size_t pages_free_count(void)
{
    return 0;
}

size_t pages_unmapped_count(void)
{
    return 0;
}

static struct start start;

static void begin(void)
{
    memset(&start, 0, sizeof start);
    unused_regions = 0;
    exit_code = 0;
}

TEST(regions_beyond_physical_addresses_are_ignored)
{
    begin();
    start_add_region(&start, 0xffffffffffffff00, 0xff);
    start_add_region(&start, 0x1000, UINT64_MAX);
    start_add_region(&start, ADDRESSES, 1);
    start_add_region(&start, ADDRESSES - 1, 2);
    CHECK(start.regions == 0);
    start_add_region(&start, ADDRESSES - 0x1000, 0x1000);
    start_add_region(&start, 0, 0x9fc00);
    CHECK(start.regions == 2);
    CHECK(start.region[1].size == 0x9fc00);
}

TEST(regions_beyond_the_limit_are_counted)
{
    begin();
    for (uint64_t i = 0; i < START_REGIONS + 5; i++)
        start_add_region(&start, i << 20, 1 << 20);
    CHECK(start.regions == START_REGIONS);
    CHECK(unused_regions == 5);
    CHECK(start.region[START_REGIONS - 1].base ==
          (uint64_t)(START_REGIONS - 1) << 20);
}

static bool takes_line(const char *text, size_t max)
{
    begin();
    if (setjmp(out) != 0)
        return false;
    start_set_line(&start, text, max);
    return true;
}

TEST(a_command_line_is_copied_whole_or_refused)
{
    char *line = malloc(START_LINE);

    memset(line, 'x', START_LINE);
    CHECK(!takes_line(line, START_LINE));
    CHECK(exit_code == 64);
    CHECK(takes_line(line, START_LINE - 1));
    CHECK(strlen(start.command_line) == START_LINE - 1);
    line[START_LINE - 1] = '\0';
    CHECK(takes_line(line, START_LINE));
    CHECK_TEXT(start.command_line, line);
    CHECK(takes_line("short", START_LINE));
    CHECK_TEXT(start.command_line, "short");
    CHECK(takes_line("", START_LINE));
    CHECK_TEXT(start.command_line, "");
    CHECK(takes_line(NULL, START_LINE));
    CHECK_TEXT(start.command_line, "");
    free(line);
}
