/* SPDX-License-Identifier: ISC */
/*
 * kill_at [-f] N PROGRAM ARGUMENT...: runs the program and kills it, by
 * SIGKILL, before the Nth of its calls that change a file or its name. -f
 * follows its children, and kills them all. The status is 0 if it was killed;
 * 1 if it ended before; 2 if that cannot be done here.
 *
 * ptrace sees the calls. Where it is refused, and with KILL_AT=preload, the
 * library kill_preload.c, whose path is in KILL_PRELOAD, counts those that the
 * program makes into the C library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#include <sys/user.h>

static bool changes_a_file(const struct user_regs_struct *r)
{
    int flags = (int)(r->orig_rax == SYS_open ? r->rsi : r->rdx);

    switch (r->orig_rax) {
    case SYS_open:
    case SYS_openat:
        return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
    case SYS_write:
    case SYS_pwrite64:
    case SYS_writev:
    case SYS_pwritev:
    case SYS_creat:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_rmdir:
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_symlink:
    case SYS_symlinkat:
    case SYS_link:
    case SYS_linkat:
    case SYS_truncate:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_copy_file_range:
    case SYS_sendfile:
    case SYS_utimensat:
    case SYS_fchmod:
    case SYS_fchmodat:
    case SYS_chmod:
        return true;
    default:
        return false;
    }
}

static bool is_counted(pid_t pid)
{
    struct user_regs_struct r;

    return ptrace(PTRACE_GETREGS, pid, NULL, &r) == 0 && changes_a_file(&r);
}
#else
static bool is_counted(pid_t pid)
{
    (void)pid;
    return true; /* every call */
}
#endif

#define MOST    4096
#define NOT_RUN 126

static pid_t traced[MOST];
static bool inside[MOST]; /* of a call */
static int traced_count;

static int place_of(pid_t pid)
{
    for (int i = 0; i < traced_count; i++)
        if (traced[i] == pid)
            return i;
    if (traced_count == MOST)
        exit(2);
    traced[traced_count] = pid;
    return traced_count++;
}

static void kill_all(void)
{
    for (int i = 0; i < traced_count; i++)
        if (traced[i] > 0)
            kill(traced[i], SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        ;
}

static int by_ptrace(long n, bool follows, char **words)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    int status;
    pid_t first = fork(), pid;

    if (first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(NOT_RUN);
        raise(SIGSTOP);
        execvp(words[0], words);
        _exit(NOT_RUN);
    }
    if (follows)
        options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE;
    if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, first, NULL, options) != 0)
        return 2;
    place_of(first);
    ptrace(PTRACE_SYSCALL, first, NULL, 0);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int signal = 0, i = place_of(pid);

        if (!WIFSTOPPED(status)) {
            traced[i] = 0; /* its number may come again */
            if (pid != first)
                continue;
            return WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN ? 2 : 1;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            inside[i] = !inside[i];
            if (inside[i] && is_counted(pid) && --n == 0) {
                kill_all();
                return 0;
            }
        } else if (WSTOPSIG(status) != SIGTRAP &&
                   WSTOPSIG(status) != SIGSTOP) {
            signal = WSTOPSIG(status);
        }
        ptrace(PTRACE_SYSCALL, pid, NULL, signal);
    }
    return 1;
}

static int by_wrapper(const char *n, char **words)
{
    const char *library = getenv("KILL_PRELOAD");
    int status;
    pid_t pid;

    if (!library)
        return 2;
    pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", library, 1);
        setenv("KILL_AT_N", n, 1);
        execvp(words[0], words);
        _exit(NOT_RUN);
    }
    if (waitpid(pid, &status, 0) != pid)
        return 2;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool follows = argc > 1 && strcmp(argv[1], "-f") == 0;
    const char *how = getenv("KILL_AT");
    int status = 2;

    argv += follows;
    argc -= follows;
    if (argc < 3)
        return 2;
    if (!how || strcmp(how, "preload") != 0)
        status = by_ptrace(atol(argv[1]), follows, argv + 2);
    if (status == 2 && !follows)
        status = by_wrapper(argv[1], argv + 2);
    return status;
}
