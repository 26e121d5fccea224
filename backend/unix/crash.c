/* SPDX-License-Identifier: ISC */
/*
 * Crash reports of a Unix process, for panics and fatal signals. A fault can
 * happen anywhere, for example in malloc with its lock held, and beside other
 * threads: nothing here takes a lock or allocates. Handlers have a stack of
 * their own, since the fault may be that the stack of the fiber has overflowed.
 */
#define _GNU_SOURCE
#include "crash.h"
#include "modules.h"
#include "stack.h"
#include "symbols.h"
#include "unwind.h"
#include <mirage/log.h>
#include <mirage/platform.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define REPORT_LIMIT 10 /* seconds that a report may take */

static long image_thread; /* the one that runs fibers */
static atomic_long reporter; /* 0: no thread has crashed */

static long this_thread(void)
{
#ifdef __linux__
    return syscall(SYS_gettid);
#else
    return 1;
#endif
}

/*
 * Finds the bounds of the stack of u: that of the running fiber, even if the
 * stack pointer is in the guard below it, or that of another thread.
 */
static void find_stack(struct unwind *u)
{
    struct stack stack = image_fiber_stack();
    bool has_sp = u->known >> UNWIND_STACK & 1;
    uintptr_t at = u->value[has_sp ? UNWIND_STACK : UNWIND_FRAME];

    u->low = (uintptr_t)stack.low;
    u->high = u->low + stack.size;
    if (at + stack_guard_size() < u->low || at >= u->high)
        (void)mapping_of(at, &u->low, &u->high);
}

/*
 * Prints the backtrace from u on, and the log, and ends the process by the
 * signal, so that it can leave a core dump.
 */
static void report(struct unwind *u, int number) __attribute__((noreturn));

static void report(struct unwind *u, int number)
{
    struct trace trace = {.pc = u->pc, .has_pc = !u->is_return};
    sigset_t only;

    /* If the report itself hangs, SIGALRM ends the process. */
    alarm(REPORT_LIMIT);
    signal(SIGALRM, SIG_DFL);
    modules_read();
    find_stack(u);
    if (u->is_return)
        trace.returns[trace.count++] = u->pc;
    while (trace.count < sizeof trace.returns / sizeof trace.returns[0] &&
           unwind_step(u))
        trace.returns[trace.count++] = u->pc;
    if (this_thread() == image_thread)
        image_say("backtrace of fiber \"%s\":\n", image_fiber_name());
    else
        image_say("backtrace of thread %ld:\n", this_thread());
    symbols_print(&trace);
    image_say("the last lines of the log:\n");
    log_dump();
    signal(number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL); /* blocked while its handler runs */
    raise(number);
    _exit(128 + number);
}

/*
 * Reserves the report for this thread. Another thread that crashes meanwhile
 * waits for the end of the process. False: the report itself has crashed.
 */
static bool begin_report(void)
{
    long none = 0, me = this_thread();

    if (atomic_compare_exchange_strong(&reporter, &none, me))
        return true;
    while (none != me)
        pause();
    return false;
}

/* Reports a crash that the function with this frame has found. */
static void crash_from(uintptr_t frame) __attribute__((noreturn));

static void crash_from(uintptr_t frame)
{
    struct unwind u = {.is_return = true};

    memcpy(&u.value[UNWIND_FRAME], (const void *)frame, sizeof frame);
    memcpy(&u.pc, (const void *)(frame + sizeof frame), sizeof u.pc);
    u.known = (uint64_t)1 << UNWIND_FRAME;
#ifdef __x86_64__
    u.value[UNWIND_STACK] = frame + 2 * sizeof frame;
    u.known |= (uint64_t)1 << UNWIND_STACK;
#endif
    report(&u, SIGABRT);
}

void platform_crash(uintptr_t frame)
{
    if (!begin_report())
        _exit(128 + SIGABRT);
    crash_from(frame);
}

/* Called by code of the stack protector when a canary was overwritten. Replaces
 * that of the C library, which does not name the function. */
void __stack_chk_fail(void) __attribute__((noreturn));

void __stack_chk_fail(void)
{
    platform_smashed((uintptr_t)__builtin_return_address(0));
}

void platform_smashed(uintptr_t at)
{
    char name[160];

    if (!begin_report())
        _exit(128 + SIGABRT);
    modules_read();
    symbols_name(at - 1, name, sizeof name);
    image_say("\n%s crashed: stack smashing detected: %s has written past the "
              "end of an array",
              image_name(), name);
    if (this_thread() == image_thread)
        image_say(", in fiber \"%s\"\n", image_fiber_name());
    else
        image_say(", in thread %ld, which runs no fibers\n", this_thread());
    crash_from((uintptr_t)__builtin_frame_address(0));
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
    uintptr_t low = (uintptr_t)stack.low;

    return stack.guarded && address < low &&
           address >= low - stack_guard_size();
}

/* Prints the address of a memory fault, or the sender of the signal. */
static void print_address(const siginfo_t *info)
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

/* Names a system call. NULL: the image is in no sandbox. */
static const char *(*name_of_call)(int call);

static void print_refusal(const siginfo_t *info)
{
    const char *name = name_of_call ? name_of_call(info->si_syscall) : NULL;

    image_say("the sandbox refuses the system call %s%s%d%s",
              name ? name : "", name ? " (" : "", info->si_syscall,
              name ? ")" : "");
}

static void print_cause(int number, const siginfo_t *info)
{
    const char *fiber = image_fiber_name();
    bool is_fiber = this_thread() == image_thread;

    image_say("\n%s crashed: ", image_name());
    if (is_fiber && number == SIGSEGV && info->si_code > 0 &&
        is_in_guard((uintptr_t)info->si_addr)) {
        image_say("stack overflow in fiber \"%s\": its %zu KiB are used up\n",
                  fiber, image_fiber_stack().size / 1024);
        return;
    }
    if (number == SIGSYS)
        print_refusal(info);
    else
        image_say("%s", fault_name(number));
    if (number == SIGSEGV || number == SIGBUS)
        print_address(info);
    if (is_fiber)
        image_say(", in fiber \"%s\"\n", fiber);
    else
        image_say(", in thread %ld, which runs no fibers\n", this_thread());
}

/* Reads the registers at the fault. */
static void read_registers(struct unwind *u, const ucontext_t *context)
{
#if defined(__linux__) && defined(__x86_64__)
    /* In the order of DWARF's numbers. */
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX,
                                REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                REG_R8, REG_R9, REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        u->value[i] = (uintptr_t)context->uc_mcontext.gregs[order[i]];
    u->known = (1 << sizeof order / sizeof order[0]) - 1;
    u->pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    for (int i = 0; i <= 30; i++)
        u->value[i] = context->uc_mcontext.regs[i];
    u->value[UNWIND_STACK] = context->uc_mcontext.sp;
    u->known = 0xffffffff;
    u->pc = context->uc_mcontext.pc;
#else
    (void)u, (void)context;
#endif
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct unwind u = {0};

    if (!begin_report()) { /* the same fault then ends the process */
        signal(number, SIG_DFL);
        return;
    }
    print_cause(number, info);
    read_registers(&u, context);
    report(&u, number);
}

void crash_install(void)
{
    static _Alignas(16) char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack,
                         .ss_size = sizeof stack};
    struct sigaction fault = {.sa_sigaction = on_fault,
                              .sa_flags = SA_SIGINFO | SA_ONSTACK};

    image_thread = this_thread();
    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGFPE, &fault, NULL);
    sigaction(SIGILL, &fault, NULL);
    sigaction(SIGABRT, &fault, NULL);
}

void crash_report_refusals(const char *(*name)(int call))
{
    struct sigaction refusal = {.sa_sigaction = on_fault,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK};

    name_of_call = name;
    symbols_disable_addr2line();
    sigaction(SIGSYS, &refusal, NULL);
}
