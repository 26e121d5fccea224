/* SPDX-License-Identifier: ISC */
/*
 * A config.c that crashes or loops: the addresses of the calls that led there
 * go to mirage, which finds config.c's line among them.
 */
#define _GNU_SOURCE
#include "crash.h"
#include "report.h"
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

#define TIME_LIMIT 10 /* seconds */

/* The saved frame pointers from frame on, as long as they rise. */
static int print_frames(char *text, size_t size, uintptr_t frame)
{
    int len = 0;

    for (int i = 0; i < 16 && frame && frame % sizeof frame == 0; i++) {
        const uintptr_t *at = (const uintptr_t *)frame;

        len += snprintf(text + len, size - (size_t)len, "\t%#lx",
                        (unsigned long)at[1]);
        if (at[0] <= frame || at[0] - frame > 1 << 20)
            break;
        frame = at[0];
    }
    return len;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    uintptr_t         pc = 0, frame = 0;
    char              text[512];
    int               len;

    (void)info;
#if defined(__linux__) && defined(__x86_64__)
    pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    frame = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
#elif defined(__linux__) && defined(__aarch64__)
    pc = u->uc_mcontext.pc;
    frame = u->uc_mcontext.regs[29];
#else
    (void)u;
#endif
    signal(SIGSEGV, SIG_DFL); /* the frames themselves may be broken */
    signal(SIGBUS, SIG_DFL);
    len = snprintf(text, sizeof text, "crash\t%d\t%#lx", number,
                   (unsigned long)pc);
    if (write(report_descriptor(), text, (size_t)len) != len)
        _exit(1);
    len = print_frames(text, sizeof text, frame);
    text[len++] = '\n';
    if (write(report_descriptor(), text, (size_t)len) != len)
        _exit(1);
    _exit(1);
}

void crash_catch(void)
{
    static _Alignas(16) char stack[64 * 1024];
    stack_t                  alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction         crash = {.sa_sigaction = on_crash,
                                      .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&alternate, NULL);
    for (const int *s = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
                                SIGALRM, 0}; *s; s++)
        sigaction(*s, &crash, NULL);
    alarm(TIME_LIMIT);
}
