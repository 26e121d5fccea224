/* SPDX-License-Identifier: ISC */
/* Exceptions, from their handlers in traps.S to their reports, and the
 * descriptor tables. */
#include "said.h"
#include <arch/cpu.h>
#include <mirage/bare.h>
#define read_cr2()               fault_address
#define load_gdt_and_tr(p, task) tested_segments(p, task)
#define load_idt(p)              tested_gates(p)
#define image_fiber_stack        tested_fiber_stack
#define image_fiber_name()       "job"
#define image_name()             "mir-test"

static uint64_t fault_address;

static void tested_segments(const struct table_pointer *p, uint16_t task);
static void tested_gates(const struct table_pointer *p);
static struct stack tested_fiber_stack(void);

#include "traps.c"
#include "check.h"
#include <setjmp.h>

static struct table_pointer segments_at, gates_at;
static uint16_t task_loaded;
static jmp_buf out;
static int exit_code;
static uintptr_t crash[3]; /* what bare_crash was given */

/* For the assembly below. */
uintptr_t enter_at;
bool enter_with_code;

static void tested_segments(const struct table_pointer *p, uint16_t t)
{
    segments_at = *p;
    task_loaded = t;
}

static void tested_gates(const struct table_pointer *p)
{
    gates_at = *p;
}

static struct stack tested_fiber_stack(void)
{
    return (struct stack){(uint8_t *)0x7000000, 0x10000, true};
}

void bare_crash(uintptr_t pc, uintptr_t frame, uintptr_t sp)
{
    crash[0] = pc;
    crash[1] = frame;
    crash[2] = sp;
    longjmp(out, 1);
}

void bare_leave(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

/* Pushes what the processor pushes, gives each register a value of its own, and
 * enters the handler. */
static void enter(void) __attribute__((noreturn, noinline));

static void enter(void)
{
    __asm__ volatile("andq $-16, %rsp\n\t"
                     "pushq $0x10\n\t" /* SS */
                     "pushq $0x5e55\n\t" /* RSP */
                     "pushq $0x246\n\t" /* RFLAGS */
                     "pushq $8\n\t" /* CS */
                     "pushq $0x1e15\n\t" /* RIP */
                     "cmpb $0, enter_with_code(%rip)\n\t"
                     "je 1f\n\t"
                     "pushq $0xc0de\n"
                     "1:\n\t"
                     "movq $0xa0, %rax\n\t"
                     "movq $0xb0, %rbx\n\t"
                     "movq $0xc0, %rcx\n\t"
                     "movq $0xd0, %rdx\n\t"
                     "movq $0x51, %rsi\n\t"
                     "movq $0xd1, %rdi\n\t"
                     "movq $0xb9, %rbp\n\t"
                     "movq $8, %r8\n\t"
                     "movq $9, %r9\n\t"
                     "movq $10, %r10\n\t"
                     "movq $11, %r11\n\t"
                     "movq $12, %r12\n\t"
                     "movq $13, %r13\n\t"
                     "movq $14, %r14\n\t"
                     "movq $15, %r15\n\t"
                     "std\n\t" /* as a function may have left it */
                     "jmp *enter_at(%rip)");
    __builtin_unreachable();
}

/* The report of an exception. */
static const char *report(unsigned vector, bool has_code)
{
    crashing = false;
    enter_at = (uintptr_t)trap_entries[vector];
    enter_with_code = has_code;
    memset(crash, 0, sizeof crash);
    if (setjmp(out) == 0)
        enter();
    CHECK(crashing); /* a second one would end the machine */
    return said_since();
}

TEST(a_report_has_the_exception_and_all_registers)
{
    CHECK_TEXT(report(13, true),
               "\nmir-test crashed: general protection fault, in fiber "
               "\"job\"\n"
               " rax 00000000000000a0  rbx 00000000000000b0  rcx "
               "00000000000000c0\n"
               " rdx 00000000000000d0  rsi 0000000000000051  rdi "
               "00000000000000d1\n"
               " rbp 00000000000000b9   r8 0000000000000008   r9 "
               "0000000000000009\n"
               " r10 000000000000000a  r11 000000000000000b  r12 "
               "000000000000000c\n"
               " r13 000000000000000d  r14 000000000000000e  r15 "
               "000000000000000f\n"
               " rip 0000000000001e15  rsp 0000000000005e55 flags 00000246 "
               "code c0de\n");
    CHECK(crash[0] == 0x1e15 && crash[1] == 0xb9 && crash[2] == 0x5e55);
}

/* Intel's manual, volume 3, table 6-1, and AMD's, volume 2, 8.2. */
TEST(each_exception_has_a_name_and_some_an_error_code)
{
    static const struct {
        const char *name;
        bool has_code;
    } known[EXCEPTIONS] = {
        [0] = {"division by zero", false},
        [1] = {"debug", false},
        [2] = {"non-maskable interrupt", false},
        [3] = {"breakpoint", false},
        [4] = {"overflow", false},
        [5] = {"bound", false},
        [6] = {"illegal instruction", false},
        [7] = {"no floating-point unit", false},
        [8] = {"double fault", true},
        [10] = {"invalid task state", true},
        [11] = {"segment not present", true},
        [12] = {"stack segment fault", true},
        [13] = {"general protection fault", true},
        [16] = {"floating-point fault", false},
        [17] = {"alignment fault", true},
        [18] = {"machine check", false},
        [19] = {"floating-point fault", false},
        [21] = {NULL, true},
        [29] = {NULL, true},
        [30] = {NULL, true}};

    for (unsigned v = 0; v < EXCEPTIONS; v++) {
        char wanted[100];
        const char *text;

        if (v == 14)
            continue;
        snprintf(wanted, sizeof wanted, "mir-test crashed: %s, in",
                 known[v].name ? known[v].name : "exception");
        text = report(v, known[v].has_code);
        CHECK(strstr(text, wanted) != NULL);
        CHECK(strstr(text, known[v].has_code ? " code c0de\n" : " code 0\n"));
        CHECK(crash[0] == 0x1e15);
    }
}

static const char *page_fault(uint64_t address, uint64_t code)
{
    struct registers r = {.number = 14, .code = code};
    static char line[200];

    crashing = false;
    fault_address = address;
    if (setjmp(out) == 0)
        trap_exception(&r);
    sscanf(said_since(), "\n%199[^\n]", line);
    return line + strlen("mir-test crashed: ");
}

TEST(a_page_fault_is_told_with_access_and_address)
{
    CHECK_TEXT(page_fault(0x12345000, 0),
               "page fault: read of address 0x12345000, in fiber \"job\"");
    CHECK_TEXT(page_fault(0x12345000, 2 | 1),
               "page fault: write to address 0x12345000, which is protected, "
               "in fiber \"job\"");
    CHECK_TEXT(page_fault(4095, 16),
               "page fault: execution at address 0xfff (a null pointer), in "
               "fiber \"job\"");
    CHECK_TEXT(page_fault(4096, 0),
               "page fault: read of address 0x1000, in fiber \"job\"");
    (void)report(14, true);
    CHECK(crash[0] == 0x1e15);
}

TEST(a_fault_in_the_page_below_the_stack_is_an_overflow)
{
    static const char wanted[] =
        "stack overflow in fiber \"job\": its 64 KiB are used up";

    CHECK_TEXT(page_fault(0x7000000 - 1, 2), wanted);
    CHECK_TEXT(page_fault(0x7000000 - 4096, 0), wanted);
    CHECK(strncmp(page_fault(0x7000000 - 4097, 2), "page fault", 10) == 0);
    CHECK(strncmp(page_fault(0x7000000, 2), "page fault", 10) == 0);
}

TEST(a_crash_of_the_report_ends_the_machine)
{
    struct registers r = {.number = 6, .rip = 0x77};

    crashing = true;
    exit_code = 0;
    if (setjmp(out) == 0)
        trap_exception(&r);
    CHECK(exit_code == CRASH_EXIT);
    CHECK_TEXT(said_since(),
               "\nthe report of the crash has crashed at 0x77\n");
}

static uint64_t offset_of(const struct gate *g)
{
    return g->offset_low | (uint64_t)g->offset_middle << 16 |
           (uint64_t)g->offset_high << 32;
}

/* Intel's manual, volume 3, figure 6-8: type 14 is an interrupt gate, bit 7 is
 * P. */
TEST(exceptions_have_gates_with_a_stack_of_their_own_and_interrupts_have_none)
{
    memset(gates, 0, sizeof gates);
    traps_init();
    CHECK(sizeof(struct gate) == 16);
    CHECK(gates_at.base == (uintptr_t)gates);
    CHECK(gates_at.limit == 64 * 16 - 1);
    for (unsigned v = 0; v < EXCEPTIONS; v++) {
        CHECK(offset_of(&gates[v]) == (uintptr_t)trap_entries[v]);
        CHECK(gates[v].selector == 8 && gates[v].type == 0x8e);
        CHECK(gates[v].stack == 1);
    }
    CHECK(gates[EXCEPTIONS].type == 0);
    trap_gate(EXCEPTIONS, 0x123456789abcdef0);
    CHECK(offset_of(&gates[EXCEPTIONS]) == 0x123456789abcdef0);
    CHECK(gates[EXCEPTIONS].stack == 0 && gates[EXCEPTIONS].type == 0x8e);
    CHECK(gates[EXCEPTIONS].selector == 8);
}

/* Figures 3-8, 5-1, 7-4 and 7-11. */
TEST(segments_are_flat_and_the_task_state_has_the_stack_of_exceptions)
{
    uint64_t base, at;

    traps_init();
    CHECK(segments_at.base == (uintptr_t)segments);
    CHECK(segments_at.limit == 5 * 8 - 1 && task_loaded == 24);
    CHECK(segments[0] == 0);
    CHECK(segments[1] == 0x00af9a000000ffff); /* P, code, L */
    CHECK(segments[2] == 0x00cf92000000ffff); /* P, data */
    base = (segments[3] >> 16 & 0xffffff) | segments[3] >> 56 << 24 |
           segments[4] << 32;
    CHECK(base == (uintptr_t)&task);
    CHECK((segments[3] & 0xffff) == 103); /* bytes - 1 */
    CHECK((segments[3] >> 40 & 0xffff) == 0x89); /* P, an available TSS */
    memcpy(&at, (const char *)&task + 36, sizeof at); /* IST1 */
    CHECK(at == (uintptr_t)exception_stack + EXCEPTION_SIZE);
    CHECK(at % 16 == 0);
    CHECK(task.io_map == 104);
}
