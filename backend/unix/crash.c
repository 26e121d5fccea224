/* SPDX-License-Identifier: ISC */
/*
 * The crash report of a Unix process, and the faults that lead to it.
 *
 * Handlers run on a stack of their own, since the usual cause of a fault that
 * is hard to find is that the fiber's stack is used up.
 */
#define _GNU_SOURCE
#include "crash.h"
#include "stack.h"
#include "symbols.h"
#include <mirage/arch.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define FRAMES       32
#define REPORT_LIMIT 10 /* seconds that a report may take */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void put(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    platform_put(text, len);
}

static void say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vprint(put, NULL, fmt, args);
    va_end(args);
}

/* Prints where the running fiber stands: at pc (0: unknown), called from
 * frame. Then the log, then the end by the signal, so that a core is left. */
static void report(uintptr_t pc, uintptr_t frame, int number)
    __attribute__((noreturn));

static void report(uintptr_t pc, uintptr_t frame, int number)
{
    struct stack stack = image_fiber_stack();
    uintptr_t    low = (uintptr_t)stack.low;
    uintptr_t    addresses[FRAMES];
    size_t       count = 0;

    /* A report that itself hangs or faults ends the process. */
    alarm(REPORT_LIMIT);
    signal(SIGALRM, SIG_DFL);
    for (const int *s = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0};
         *s; s++)
        signal(*s, SIG_DFL);

    if (pc)
        addresses[count++] = pc;
    count += arch_backtrace(frame, low, low + stack.size, addresses + count,
                            FRAMES - count);
    if (count > 0) {
        say("backtrace of fiber \"%s\":\n", image_fiber_name());
        symbols_print(addresses, count);
    }
    say("the last lines of the log:\n");
    log_dump();
    raise(number);
    _exit(128 + number);
}

void platform_crash(uintptr_t frame)
{
    report(0, frame, SIGABRT);
}

static const char *fault_name(int number)
{
    switch (number) {
    case SIGSEGV: return "segmentation fault";
    case SIGBUS: return "bus error";
    case SIGFPE: return "arithmetic fault";
    case SIGILL: return "illegal instruction";
    default: return "abort";
    }
}

static bool is_in_guard(uintptr_t address)
{
    struct stack stack = image_fiber_stack();
    uintptr_t    low = (uintptr_t)stack.low;

    return stack.guarded && address < low &&
           address >= low - stack_guard_size();
}

static void say_cause(int number, uintptr_t address)
{
    const char *fiber = image_fiber_name();

    say("\n%s crashed: ", image_name());
    if (number == SIGSEGV && is_in_guard(address))
        say("stack overflow in fiber \"%s\": its %zu KiB are used up\n", fiber,
            image_fiber_stack().size / 1024);
    else if (number == SIGSEGV || number == SIGBUS)
        say("%s at address 0x%zx%s, in fiber \"%s\"\n", fault_name(number),
            (size_t)address, address < 4096 ? " (a null pointer)" : "", fiber);
    else
        say("%s, in fiber \"%s\"\n", fault_name(number), fiber);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    uintptr_t         pc = 0, frame = 0;

#if defined(__linux__) && defined(__x86_64__)
    pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    frame = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
#elif defined(__linux__) && defined(__aarch64__)
    pc = u->uc_mcontext.pc;
    frame = u->uc_mcontext.regs[29];
#else
    (void)u;
#endif
    say_cause(number, (uintptr_t)info->si_addr);
    report(pc, frame, number);
}

void crash_catch(void)
{
    static _Alignas(16) char stack[64 * 1024];
    stack_t                  alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction         fault = {.sa_sigaction = on_fault,
                                      .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGFPE, &fault, NULL);
    sigaction(SIGILL, &fault, NULL);
    sigaction(SIGABRT, &fault, NULL);
}
