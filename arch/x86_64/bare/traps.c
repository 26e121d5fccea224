/* SPDX-License-Identifier: ISC */
/*
 * The descriptor tables (GDT, IDT, TSS; Intel's manual, volume 3, 6.10 and
 * 7.2), and the report of an exception. Exceptions run on a stack of their own
 * (IST 1), since a stack overflow is one of their causes.
 */
#include <arch/traps.h>
#include <arch/cpu.h>
#include <mirage/bare.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <stddef.h>
#include <string.h>

#define VECTORS        (EXCEPTIONS + INTERRUPTS)
#define EXCEPTION_SIZE 8192

/* As traps.S pushes them, after what the processor has pushed. */
struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13,
        r14, r15;
    uint64_t number, code;
    uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

struct __attribute__((packed)) task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t stack[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map;
};

extern const char trap_entries[EXCEPTIONS][TRAP_ENTRY];

static struct gate gates[VECTORS];
static struct task_state task;
static uint64_t segments[5];
static _Alignas(16) uint8_t exception_stack[EXCEPTION_SIZE];

/* The names of the vectors from 0 on, one after the other. */
static const char names[] = "division by zero\0"
                            "debug\0"
                            "non-maskable interrupt\0"
                            "breakpoint\0"
                            "overflow\0"
                            "bound\0"
                            "illegal instruction\0"
                            "no floating-point unit\0"
                            "double fault\0"
                            "exception\0"
                            "invalid task state\0"
                            "segment not present\0"
                            "stack segment fault\0"
                            "general protection fault\0"
                            "page fault\0"
                            "exception\0"
                            "floating-point fault\0"
                            "alignment fault\0"
                            "machine check\0"
                            "floating-point fault\0"
                            "exception";

#define NAMES 21 /* the last is that of all further vectors */

static const char *name_of(uint64_t number)
{
    const char *name = names;

    for (number = min(number, (uint64_t)NAMES - 1); number > 0; number--)
        name += strlen(name) + 1;
    return name;
}

static void say_page_fault(const struct registers *r)
{
    struct stack stack = image_fiber_stack();
    uint64_t address = read_cr2();
    uint64_t low = (uintptr_t)stack.low;

    if (address < low && address >= low - BARE_PAGE) {
        image_say("stack overflow in fiber \"%s\": its %zu KiB are used up\n",
                  image_fiber_name(), stack.size / 1024);
        return;
    }
    image_say("page fault: %s address 0x%llx%s%s, in fiber \"%s\"\n",
              r->code & 16 ? "execution at" : r->code & 2 ? "write to"
                                                          : "read of",
              (unsigned long long)address,
              address < BARE_PAGE ? " (a null pointer)" : "",
              r->code & 1 ? ", which is protected" : "", image_fiber_name());
}

static void say_registers(const struct registers *r)
{
    static const char register_names[][4] = {
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
        "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    const uint64_t *value = &r->rax;

    for (size_t i = 0; i < 15; i++)
        image_say("%4s %016llx%s", register_names[i],
                  (unsigned long long)value[i], i % 3 == 2 ? "\n" : " ");
    image_say(" rip %016llx  rsp %016llx flags %08llx code %llx\n",
              (unsigned long long)r->rip, (unsigned long long)r->rsp,
              (unsigned long long)r->rflags, (unsigned long long)r->code);
}

static bool crashing;

void trap_exception(const struct registers *r);

void trap_exception(const struct registers *r)
{
    if (crashing) {
        image_say("\nthe report of the crash has crashed at 0x%llx\n",
                  (unsigned long long)r->rip);
        bare_leave(CRASH_EXIT);
    }
    crashing = true;
    image_say("\n%s crashed: ", image_name());
    if (r->number == 14)
        say_page_fault(r);
    else
        image_say("%s, in fiber \"%s\"\n", name_of(r->number),
                  image_fiber_name());
    say_registers(r);
    bare_crash(r->rip, r->rbp, r->rsp);
}

void trap_gate(unsigned vector, uint64_t at)
{
    gates[vector] = (struct gate){
        .offset_low = (uint16_t)at,
        .selector = 8,
        .stack = vector < EXCEPTIONS ? 1 : 0,
        .type = 0x8e, /* present, an interrupt gate */
        .offset_middle = (uint16_t)(at >> 16),
        .offset_high = (uint32_t)(at >> 32),
    };
}

static void set_segments(void)
{
    uint64_t base = (uintptr_t)&task;
    struct table_pointer pointer = {sizeof segments - 1, (uintptr_t)segments};

    segments[1] = 0x00af9a000000ffff; /* code, as in entry.S */
    segments[2] = 0x00cf92000000ffff; /* data */
    segments[3] = (sizeof task - 1) | (base & 0xffffff) << 16 |
                  (uint64_t)0x89 << 40 | (base >> 24 & 0xff) << 56;
    segments[4] = base >> 32;
    load_gdt_and_tr(&pointer, 24);
}

void traps_init(void)
{
    struct table_pointer pointer = {sizeof gates - 1, (uintptr_t)gates};

    task.stack[0] = (uintptr_t)exception_stack + EXCEPTION_SIZE;
    task.io_map = sizeof task;
    set_segments();
    for (unsigned v = 0; v < EXCEPTIONS; v++)
        trap_gate(v, (uintptr_t)trap_entries[v]);
    load_idt(&pointer);
}
