/* SPDX-License-Identifier: ISC */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* names of registers */
#endif
#include "watch.h"
#include "fake.h"
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

#define PAGE      4096u
#define TRAP_FLAG 0x100 /* of EFLAGS */
#define IS_WRITE  2 /* of the error code of a page fault */

static uint8_t *from;
static size_t length;
static seen_fn *on_seen;
static unsigned suspensions;
static struct {
    uint8_t *at;
    bool is_write;
} last;

static void protect(int how)
{
    uintptr_t first = (uintptr_t)from / PAGE * PAGE;
    uintptr_t end = ((uintptr_t)from + length + PAGE - 1) / PAGE * PAGE;

    if (mprotect((void *)first, end - first, how) != 0)
        fake_fail("memory cannot be watched");
}

static bool is_in_pages(const uint8_t *at)
{
    return at && (uintptr_t)at / PAGE >= (uintptr_t)from / PAGE &&
           (uintptr_t)at / PAGE <= ((uintptr_t)from + length - 1) / PAGE;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *c = context;

    last.at = info->si_addr;
    last.is_write = c->uc_mcontext.gregs[REG_ERR] & IS_WRITE;
    if (!on_seen || !is_in_pages(last.at)) {
        signal(number, SIG_DFL); /* and the instruction faults again */
        return;
    }
    protect(PROT_READ | PROT_WRITE);
    c->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *c = context;

    (void)number;
    (void)info;
    c->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if (!on_seen)
        return;
    if (last.at >= from && last.at < from + length)
        on_seen(last.at, last.is_write);
    if (on_seen)
        protect(PROT_NONE);
}

/* Handlers have a stack of their own: those of fibers are small. */
static void set_handlers(void)
{
    static _Alignas(16) uint8_t stack[1 << 16];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction fault = {.sa_sigaction = on_fault,
                              .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction trap = {.sa_sigaction = on_trap,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (sigaltstack(&other, NULL) != 0 ||
        sigaction(SIGSEGV, &fault, NULL) != 0 ||
        sigaction(SIGTRAP, &trap, NULL) != 0)
        fake_fail("accesses cannot be watched");
}

void watch(void *at, size_t len, seen_fn *seen)
{
    from = at;
    length = len;
    on_seen = seen;
    suspensions = 0;
    set_handlers();
    protect(PROT_NONE);
}

void watch_end(void)
{
    on_seen = NULL;
    protect(PROT_READ | PROT_WRITE);
}

void watch_suspend(void)
{
    if (on_seen && suspensions++ == 0)
        protect(PROT_READ | PROT_WRITE);
}

void watch_resume(void)
{
    if (on_seen && --suspensions == 0)
        protect(PROT_NONE);
}
