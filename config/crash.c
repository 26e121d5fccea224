/* SPDX-License-Identifier: ISC */
/*
 * Reports a crash or an endless loop of config.c: the signal, and the return
 * addresses on the stack. mirage finds config.c's line for them (addr2line).
 */
#define _GNU_SOURCE
#include "crash.h"
#include "report.h"
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

#define TIME_LIMIT     10 /* seconds */
#define MOST_ADDRESSES 60

static const uintptr_t *top_of_stack;

extern char __executable_start, etext; /* by the linker: the code's ends */

/*
 * Prints the words on the stack that point into the program's code, from the
 * innermost call on: return addresses among them. Frame pointers cannot be
 * followed through library code, which has none.
 */
static int print_addresses(char *text, size_t size, const uintptr_t *sp)
{
    int len = 0, count = 0;

    for (; sp < top_of_stack && count < MOST_ADDRESSES; sp++)
        if (*sp > (uintptr_t)&__executable_start && *sp < (uintptr_t)&etext) {
            len += snprintf(text + len, size - (size_t)len, "\t%#lx",
                            (unsigned long)*sp);
            count++;
        }
    return len;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    uintptr_t pc = 0, sp = 0;
    static char text[2048];
    int len;

    (void)info;
#if defined(__linux__) && defined(__x86_64__)
    pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__linux__) && defined(__aarch64__)
    pc = u->uc_mcontext.pc;
    sp = u->uc_mcontext.sp;
#else
    (void)u;
#endif
    len = snprintf(text, sizeof text, "crash\t%d\t%#lx", number,
                   (unsigned long)pc);
    report_send(text, (size_t)len);
    len = sp ? print_addresses(text, sizeof text, (const uintptr_t *)sp) : 0;
    report_send(text, (size_t)len);
    _exit(1);
}

void crash_report(char **argv)
{
    static _Alignas(16) char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack,
                         .ss_size = sizeof stack};
    struct sigaction crash = {.sa_sigaction = on_crash,
                              .sa_flags = SA_SIGINFO | SA_ONSTACK};

    top_of_stack = (const uintptr_t *)argv;
    sigaltstack(&alternate, NULL);
    for (const int *s = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
                                SIGALRM, 0};
         *s; s++)
        sigaction(*s, &crash, NULL);
    alarm(TIME_LIMIT);
}
