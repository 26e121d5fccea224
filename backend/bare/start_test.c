/* SPDX-License-Identifier: ISC */
/* Memory regions and command lines, valid and not, and the start with them. */
#include "said.h"
#include <mirage/platform.h>
/* The host's would end the test. */
#define platform_exit    tested_exit
#define platform_started tested_started
#define image_start      tested_start
void platform_exit(int code) __attribute__((noreturn));
void platform_started(void);
void image_start(const char *name, const char *const *words, size_t count,
                 bool foreign) __attribute__((noreturn));
#include "start.c"
#undef platform_exit
#undef image_start
#include "check.h"
#include <setjmp.h>
#include <stdlib.h>

static jmp_buf out;
static int exit_code;
static char order[8]; /* constructors, the start and the stop, as they come */
static char started_with[200];
static int reports;

/* Three constructors. */
__asm__(".pushsection .data.rel.ro, \"aw\"\n"
        ".balign 8\n"
        ".globl image_init_first, image_init_last\n"
        "image_init_first: .quad construct_a, construct_b, construct_c\n"
        "image_init_last: .quad 0\n"
        ".popsection\n");
void construct_a(void);
void construct_b(void);
void construct_c(void);

void construct_a(void)
{
    strcat(order, "a");
}

void construct_b(void)
{
    strcat(order, "b");
}

void construct_c(void)
{
    strcat(order, "c");
}

void libc_stop(void)
{
    strcat(order, "!");
}

void tested_start(const char *name, const char *const *words, size_t count,
                  bool foreign)
{
    CHECK(foreign && name == mirage_name);
    strcat(order, "S");
    for (size_t i = 0; i < count; i++)
        snprintf(started_with + strlen(started_with),
                 sizeof started_with - strlen(started_with), "[%s]", words[i]);
    longjmp(out, 1);
}

void bare_leave(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

void entropy_report(void)
{
    reports++;
}

size_t pages_free_count(void)
{
    return 3;
}

size_t pages_unmapped_count(void)
{
    return 2;
}

static struct start start;

static void begin(void)
{
    memset(&start, 0, sizeof start);
    unused_regions = 0;
    exit_code = 0;
    order[0] = started_with[0] = '\0';
    said_len = 0;
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
    CHECK_TEXT(said_since(), "the command line has more than 2047 bytes\n");
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

static void start_with(const char *line)
{
    begin();
    strcpy(start.command_line, line);
    if (setjmp(out) == 0)
        start_image(&start);
}

TEST(constructors_run_in_their_order_before_the_image)
{
    start_with("--key=value 'a word' other");
    CHECK_TEXT(order, "abcS");
    CHECK_TEXT(started_with, "[--key=value][a word][other]");
    CHECK_TEXT(said_since(), "debug: 20 KiB are free\n");
    start_with("");
    CHECK_TEXT(started_with, "");
}

TEST(memory_that_cannot_be_noted_is_told)
{
    begin();
    unused_regions = 5;
    if (setjmp(out) == 0)
        start_image(&start);
    CHECK_TEXT(said_since(), "debug: 20 KiB are free\n"
                             "warning: 5 more pieces of memory than we can "
                             "note are left unused\n");
}

TEST(a_command_line_that_is_no_list_of_words_ends_the_image)
{
    char many[2 * MOST_WORDS + 3] = "";

    start_with("a 'quote");
    CHECK(exit_code == 64);
    CHECK_TEXT(order, "abc!");
    CHECK_TEXT(said_since(),
               "test: the command line: a quote or a backslash is open\n");
    for (int i = 0; i < MOST_WORDS; i++)
        strcat(many, "w ");
    start_with(many);
    CHECK(exit_code == 0);
    strcat(many, "w");
    start_with(many);
    CHECK(exit_code == 64);
    CHECK_TEXT(said_since(), "test: the command line: too many words\n");
}

TEST(the_c_library_is_stopped_before_the_machine)
{
    begin();
    if (setjmp(out) == 0)
        tested_exit(7);
    CHECK(exit_code == 7);
    CHECK_TEXT(order, "!");
}

TEST(sources_of_entropy_are_reported_unless_a_device_reports_later)
{
    reports = 0;
    tested_started();
    CHECK(reports == 1);
}

/* 0x80000000 is the address of a device. */
TEST(memory_is_what_a_region_covers_and_page_zero)
{
    begin();
    start_add_region(&start, 0x100000, 0x1000);
    start_add_region(&start, 0x200000, 0x2000);
    CHECK(start_is_memory(&start, 0x100000, 0x100001));
    CHECK(start_is_memory(&start, 0x100fff, 0x101000));
    CHECK(start_is_memory(&start, 0xff000, 0x100001));
    CHECK(!start_is_memory(&start, 0xff000, 0x100000));
    CHECK(!start_is_memory(&start, 0x101000, 0x200000));
    CHECK(start_is_memory(&start, 0x201fff, 0x80000000));
    CHECK(!start_is_memory(&start, 0x202000, 0x80000000));
    CHECK(start_is_memory(&start, 0, 1));
    CHECK(start_is_memory(&start, BARE_PAGE - 1, BARE_PAGE));
    CHECK(!start_is_memory(&start, BARE_PAGE, BARE_PAGE + 1));
}

TEST(the_address_of_the_rsdp_is_kept)
{
    begin();
    start_set_rsdp(&start, 0xf0000);
    CHECK(start.rsdp == 0xf0000);
}
