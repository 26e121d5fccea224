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
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define REPORT_LIMIT 10 /* seconds that a report may take */

/* The registers of a fault, as far as a backtrace needs them. */
struct fault {
    bool      has_pc; /* it is a fault, and not a panic */
    uintptr_t pc;
    uintptr_t frame;
    uintptr_t link; /* where the function at pc returns to, if it has no frame
                       of its own, as small ones do; else anything */
};

/* Prints where the running fiber stands, and the log, and ends the image by
 * the signal, so that a core is left. */
static void report(const struct fault *fault, int number)
    __attribute__((noreturn));

static void report(const struct fault *fault, int number)
{
    struct stack stack = image_fiber_stack();
    uintptr_t    low = (uintptr_t)stack.low;
    struct trace trace = {.pc = fault->pc, .has_pc = fault->has_pc};
    sigset_t     only;
    size_t       max = sizeof trace.returns / sizeof trace.returns[0];

    /* A report that itself hangs or faults ends the process. */
    alarm(REPORT_LIMIT);
    signal(SIGALRM, SIG_DFL);
    for (const int *s = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0};
         *s; s++)
        signal(*s, SIG_DFL);

    if (fault->has_pc && arch_is_return_address(fault->link, symbols_is_code))
        trace.returns[trace.count++] = fault->link;
    trace.count += arch_backtrace(fault->frame, low, low + stack.size,
                                  trace.returns + trace.count,
                                  max - trace.count);
    image_say("backtrace of fiber \"%s\":\n", image_fiber_name());
    symbols_print(&trace);
    image_say("the last lines of the log:\n");
    log_dump();
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL); /* its handler has blocked it */
    raise(number);
    _exit(128 + number);
}

#ifdef __x86_64__
/* The word at sp if that lies on the running fiber's stack, else 0. */
static uintptr_t word_on_stack(uintptr_t sp)
{
    struct stack stack = image_fiber_stack();
    uintptr_t    word = 0;

    if (stack.size > 0 && sp - (uintptr_t)stack.low < stack.size - sizeof word)
        memcpy(&word, (const void *)sp, sizeof word);
    return word;
}

/* The caller's frame pointer may have been pushed already, but no more. */
static uintptr_t link_of(uintptr_t sp, uintptr_t frame)
{
    uintptr_t word = word_on_stack(sp);

    return word == frame ? word_on_stack(sp + sizeof word) : word;
}
#endif

void platform_crash(uintptr_t frame)
{
    report(&(struct fault){.frame = frame}, SIGABRT);
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

/* What a memory fault says of its address, if it says something. */
static void say_address(const siginfo_t *info)
{
    uintptr_t address = (uintptr_t)info->si_addr;

    if (info->si_code <= 0)
        image_say(", sent by process %d", (int)info->si_pid);
    else if (info->si_code == SI_KERNEL)
        image_say(" at an address that cannot exist");
    else
        image_say(" at address 0x%zx%s", (size_t)address,
                  address < 4096 ? " (a null pointer)" : "");
}

static void say_cause(int number, const siginfo_t *info)
{
    const char *fiber = image_fiber_name();

    image_say("\n%s crashed: ", image_name());
    if (number == SIGSEGV && info->si_code > 0 &&
        is_in_guard((uintptr_t)info->si_addr)) {
        image_say("stack overflow in fiber \"%s\": its %zu KiB are used up\n",
                  fiber, image_fiber_stack().size / 1024);
        return;
    }
    image_say("%s", fault_name(number));
    if (number == SIGSEGV || number == SIGBUS)
        say_address(info);
    image_say(", in fiber \"%s\"\n", fiber);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    struct fault      fault = {0};

    say_cause(number, info);
    fault.has_pc = true;
#if defined(__linux__) && defined(__x86_64__)
    fault.pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    fault.frame = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
    fault.link = link_of((uintptr_t)u->uc_mcontext.gregs[REG_RSP], fault.frame);
#elif defined(__linux__) && defined(__aarch64__)
    fault.pc = u->uc_mcontext.pc;
    fault.frame = u->uc_mcontext.regs[29];
    fault.link = u->uc_mcontext.regs[30];
#else
    (void)u;
#endif
    report(&fault, number);
}

void crash_catch(void)
{
    static _Alignas(16) char stack[64 * 1024];
    stack_t                  alternate = {.ss_sp = stack,
                                          .ss_size = sizeof stack};
    struct sigaction         fault = {.sa_sigaction = on_fault,
                                      .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGFPE, &fault, NULL);
    sigaction(SIGILL, &fault, NULL);
    sigaction(SIGABRT, &fault, NULL);
}
