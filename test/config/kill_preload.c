/* SPDX-License-Identifier: ISC */
/*
 * A library for LD_PRELOAD: kills its process, by SIGKILL, before the Nth call
 * into the C library that may change a file or its name; N is in KILL_AT_N.
 * kill_at uses it where ptrace is refused.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static long left;
static pid_t counted; /* its children are not */

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("KILL_AT_N");

    left = n ? atol(n) : 0;
    counted = getpid();
    unsetenv("LD_PRELOAD");
}

static void count(void)
{
    if (getpid() == counted && --left == 0)
        kill(counted, SIGKILL);
}

#define WRAP(type, name, parameters, ...)                 \
    type name parameters                                  \
    {                                                     \
        type(*real) parameters = dlsym(RTLD_NEXT, #name); \
                                                          \
        count();                                          \
        return real(__VA_ARGS__);                         \
    }

WRAP(int, rename, (const char *from, const char *to), from, to)
WRAP(int, unlink, (const char *name), name)
WRAP(int, rmdir, (const char *name), name)
WRAP(int, symlink, (const char *to, const char *name), to, name)
WRAP(int, mkdir, (const char *name, mode_t mode), name, mode)
WRAP(int, fclose, (FILE * file), file)
WRAP(int, futimens, (int fd, const struct timespec when[2]), fd, when)
WRAP(FILE *, fopen, (const char *name, const char *mode), name, mode)

int open(const char *name, int flags, ...)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    count();
    return real(name, flags, mode);
}
