/* SPDX-License-Identifier: ISC */
/* Tests of stacks and their guards. */
#include "stack.c"
#include "check.h"
#include <signal.h>
#include <sys/wait.h>

static void touch(volatile uint8_t *at)
{
    *at = 1;
}

/* Returns the signal that ends a child which writes the byte, or 0. */
static int signal_of_touching(uint8_t *at)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        touch(at);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check_kind(bool guarded)
{
    struct stack s;

    CHECK(platform_stack(10000, &s) == OK);
    CHECK(s.size == 12288 && s.guarded == guarded);
    touch(s.low);
    touch(s.low + s.size - 1);
    CHECK(signal_of_touching(s.low) == 0);
    CHECK(signal_of_touching(s.low - 1) == (guarded ? SIGSEGV : 0));
    CHECK(signal_of_touching(s.low - page) == (guarded ? SIGSEGV : 0));
    platform_stack_free(&s);
}

TEST(madvise_makes_a_guard_if_the_kernel_can)
{
    struct stack s;

    CHECK(platform_stack(1, &s) == OK);
    platform_stack_free(&s);
    if (guard == GUARD_INSTALL)
        check_kind(true);
}

TEST(mprotect_makes_a_guard)
{
    size_t before =
        mprotected; /* that of the running fiber may be one of them */

    stack_set_guard(GUARD_MPROTECT);
    check_kind(true);
    CHECK(mprotected == before);
}

TEST(beyond_the_limit_of_mappings_a_stack_is_not_guarded)
{
    size_t limit = mprotect_limit;
    struct stack s[3];

    stack_set_guard(GUARD_MPROTECT);
    mprotect_limit = mprotected + 2;
    for (int i = 0; i < 3; i++)
        CHECK(platform_stack(4096, &s[i]) == OK);
    CHECK(s[0].guarded && s[1].guarded && !s[2].guarded);
    for (int i = 0; i < 3; i++)
        platform_stack_free(&s[i]);
    mprotect_limit = limit;
    stack_set_guard(GUARD_CANARY);
    check_kind(false);
}

static void overrun(void *ctx)
{
    struct stack s = image_fiber_stack();

    (void)ctx;
    memset(s.low, 0, 8); /* as an overflow would */
    fiber_yield();
}

/* Also checks that the report names the fiber. */
TEST(an_overwritten_canary_is_found_at_the_next_switch)
{
    struct fiber_options o = {"deep", 16384};
    struct fiber *f;
    int ends[2], status;
    char report[4096] = "";
    size_t len = 0;
    ssize_t n;
    pid_t child;

    stack_set_guard(GUARD_CANARY);
    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        if (fiber_spawn(&o, overrun, NULL, &f) != OK)
            _exit(1);
        fiber_yield();
        _exit(0);
    }
    close(ends[1]);
    while ((n = read(ends[0], report + len, sizeof report - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(report, "stack overflow in fiber \"deep\": its 16 KiB are "
                         "used up") != NULL);
}

TEST(a_stack_larger_than_memory_is_refused)
{
    struct stack s = {NULL, 0, false};

    CHECK(platform_stack((size_t)1 << 62, &s) == ERR_NO_MEMORY);
    CHECK(platform_stack(SIZE_MAX, &s) == ERR_NO_MEMORY);
    CHECK(s.low == NULL);
}
