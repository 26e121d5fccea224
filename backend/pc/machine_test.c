/* SPDX-License-Identifier: ISC */
/* The entries of a PC, and idling, on a machine whose parts note their calls.
 * */
#include <arch/cpu.h>
#include <mirage/platform.h>
#define wait_for_interrupt() tested_halt()
#define accept_interrupts()  note("accept ")
#define platform_now         tested_now
#define clock_start          tested_start

static void tested_halt(void);
static void note(const char *what);
nanoseconds tested_now(void);

#include "machine.c"
#include "check.h"
#include <setjmp.h>
#include <stdio.h>

volatile uint32_t interrupts_taken, interrupts_open;

static char notes[300];
static uint32_t taken_in_halt; /* what interrupts a halt */
static nanoseconds next_reading;
static jmp_buf out;
static const void *read_from;

static void note(const char *what)
{
    strncat(notes, what, sizeof notes - strlen(notes) - 1);
}

static void tested_halt(void)
{
    note("halt ");
    interrupts_taken |= taken_in_halt;
}

nanoseconds tested_now(void)
{
    note("now ");
    return 1;
}

void tested_start(void)
{
    note("clock ");
}

void serial_start(void)
{
    note("serial ");
}

void traps_init(void)
{
    note("traps ");
}

void start_read_pvh(struct start *s, const struct hvm_start_info *info)
{
    CHECK(s == &machine_start);
    read_from = info;
    note("pvh ");
}

void start_read_linux(struct start *s, const struct boot_params *params)
{
    CHECK(s == &machine_start);
    read_from = params;
    note("linux ");
}

void target_start(struct start *s)
{
    CHECK(s == &machine_start);
    note("target ");
    longjmp(out, 1);
}

bool interrupts_start(void)
{
    note("interrupts ");
    return true;
}

void alarm_start(void)
{
    note("alarm ");
}

void clock_report(void)
{
    note("report ");
}

void power_start(void)
{
    note("power ");
}

nanoseconds clock_next_reading(void)
{
    return next_reading;
}

void alarm_set(nanoseconds deadline)
{
    char text[40];

    snprintf(text, sizeof text, "alarm=%llu ", (unsigned long long)deadline);
    note(text);
}

void alarm_ended(void)
{
    note("ended ");
}

void interrupts_deliver(void)
{
    note("deliver ");
    interrupts_taken = 0;
}

static const char *waits(nanoseconds deadline)
{
    notes[0] = '\0';
    machine_wait(deadline);
    return notes;
}

TEST(clock_port_and_exceptions_start_before_the_loader_s_words_are_read)
{
    if (setjmp(out) == 0)
        bare_start((const void *)notes);
    CHECK_TEXT(notes, "clock serial traps pvh target ");
    CHECK(read_from == notes);
    notes[0] = '\0';
    if (setjmp(out) == 0)
        linux_start((const void *)&out);
    CHECK_TEXT(notes, "clock serial traps linux target ");
    CHECK(read_from == &out);
}

TEST(the_timer_starts_after_the_controller)
{
    notes[0] = '\0';
    machine_start_interrupts();
    CHECK_TEXT(notes, "interrupts alarm report power ");
}

TEST(an_image_idles_until_its_deadline)
{
    next_reading = FOREVER;
    taken_in_halt = 1u << TIMER_LINE;
    CHECK_TEXT(waits(500), "alarm=500 halt ended deliver ");
    taken_in_halt = 1u << 4;
    CHECK_TEXT(waits(500), "alarm=500 halt deliver ");
}

TEST(without_a_deadline_the_timer_is_not_set)
{
    next_reading = FOREVER;
    taken_in_halt = 1u << 4;
    CHECK_TEXT(waits(FOREVER), "halt deliver ");
}

TEST(a_deadline_that_has_passed_lets_interrupts_in_without_a_halt)
{
    next_reading = 5;
    CHECK_TEXT(waits(0), "accept deliver ");
    interrupts_taken = 1u << TIMER_LINE;
    CHECK_TEXT(waits(0), "accept ended deliver ");
}

TEST(a_clock_that_must_be_read_wakes_the_image)
{
    next_reading = 300;
    taken_in_halt = 1u << TIMER_LINE;
    CHECK_TEXT(waits(500), "alarm=300 halt now ended deliver ");
    CHECK_TEXT(waits(FOREVER), "alarm=300 halt now ended deliver ");
    CHECK_TEXT(waits(200), "alarm=200 halt now ended deliver ");
}
