/* SPDX-License-Identifier: ISC */
/* Processes and signals of POSIX: the image is the only process. */
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void _exit(int code)
{
    platform_exit(code);
}

void abort(void)
{
    panic("abort() was called");
}

void __assert_func(const char *file, int line, const char *function,
                   const char *condition)
{
    image_panic(file, line, "assert(%s) failed, in %s", condition,
                function == NULL ? "a function" : function);
}

void __assert(const char *file, int line, const char *condition)
{
    __assert_func(file, line, NULL, condition);
}

pid_t getpid(void)
{
    return 1;
}

/* Called by raise() for a signal without a handler. */
int kill(pid_t pid, int signal)
{
    if (pid != getpid()) {
        errno = ESRCH;
        return -1;
    }
    if (signal != 0)
        panic("signal %d was raised", signal);
    return 0;
}

/* For sigsetjmp. No signals are ever sent, so none are blocked. */
int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)how;
    (void)set;
    if (old != NULL)
        memset(old, 0, sizeof *old);
    return 0;
}
