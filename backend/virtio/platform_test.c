/* SPDX-License-Identifier: ISC */
/* The target's part of the machine: memory without a balloon, and the order of
 * the start. */
#define platform_wait       tested_wait
#define platform_buffers    tested_buffers
#define platform_start_info tested_start_info
#define balloon_take_back   tested_take_back
#define balloon_pages       tested_pages
#include <arch/cpu.h>

static void note_thread(const void *block);
/* It would be the test's own. */
#define set_thread_base(block) note_thread(block)
#include "platform.c"
#undef set_thread_base
#include "check.h"
#include <setjmp.h>

uintptr_t libc_thread_block[8];

static char steps[16];
static jmp_buf image;
static struct start *started, boot = {.region = {{0x1000, 0x2000}},
                                      .regions = 1};
static nanoseconds waited;
static size_t allocated;

static void note(char step)
{
    steps[strlen(steps)] = step;
}

static void note_thread(const void *block)
{
    CHECK(block == libc_thread_block);
    note('t');
}

void libc_start(void)
{
    note('l');
}

void pages_start(const struct region *regions, size_t count)
{
    CHECK(regions == boot.region && count == 1);
    CHECK(tested_start_info == &boot);
    note('p');
}

void machine_start_interrupts(void)
{
    note('i');
}

void start_image(struct start *s)
{
    started = s;
    note('s');
    longjmp(image, 1);
}

void machine_wait(nanoseconds deadline)
{
    waited = deadline;
}

void *pages_alloc(size_t count)
{
    allocated = count;
    return steps;
}

TEST(the_image_starts_when_all_of_the_machine_works)
{
    if (setjmp(image) == 0)
        target_start(&boot);
    CHECK_TEXT(steps, "ltpis");
    CHECK(started == &boot);
}

TEST(waits_and_buffers_are_those_of_the_machine)
{
    tested_wait(17);
    CHECK(waited == 17);
    CHECK(tested_buffers(5) == steps && allocated == 5);
}

TEST(without_a_balloon_no_more_memory_comes)
{
    CHECK(!pages_map_more(1));
    CHECK(pages_unmapped_count() == 0);
}
