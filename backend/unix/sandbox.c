/* SPDX-License-Identifier: ISC */
/*
 * --sandbox (decision 0023): changes the user, drops all capabilities but
 * CAP_NET_BIND_SERVICE, and installs a seccomp filter of system calls, after
 * the devices are connected. In a library of its own, libsandbox.a, since it
 * needs libseccomp, for programs whose config.c calls sandbox().
 */
#define _GNU_SOURCE
#include "crash.h"
#include "sandbox.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <mirage/boot.h>
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MOST 512 /* the highest number of a system call, plus one */
#define DROP_TRIES 2000 /* 1 ms apart */

LOG_SOURCE(sandbox);

static bool is_wanted, is_entered;
static const char *user = "";

static const char *set_user(const char *value)
{
    is_wanted = true;
    user = value;
    return NULL;
}

BOOT_OPTIONAL(sandbox, "USER", set_user,
              "give up what is not needed, and as root become USER");

/*
 * System calls of drivers, fibers, crash reports and the C library after the
 * devices are connected. Names that this architecture does not have are
 * skipped.
 */
static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
    /* open files, and metadata of others */
    "access", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fcntl", "fdatasync",
    "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents",
    "getdents64", "lseek", "lstat", "newfstatat", "pipe", "pipe2", "pread64",
    "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "sendfile", "stat", "statfs", "statx",
    "sync_file_range", "write", "writev",
    /* events */
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd2", "io_uring_enter", "poll", "ppoll", "pselect6", "select",
    /* networks; add_sockets restricts socket() */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname",
    "getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg",
    "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
    /* time */
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer",
    "gettimeofday", "nanosleep", "setitimer", "time", "timer_create",
    "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
    "timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
    /* signals and threads; add_threads restricts kill() and clone() */
    "futex", "membarrier", "pause", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address",
    "sigaltstack", "wait4",
    /* the process */
    "exit", "exit_group", "getegid", "geteuid", "getgid", "getgroups",
    "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid",
    "sysinfo", "umask", "uname", NULL};

/* Fail with ENOSYS: the C library has fallbacks. */
static const char *const absent[] = {"clone3", "openat2", NULL};

static const char *names[CALLS_MOST];

static const char *name_of_call(int call)
{
    return call >= 0 && call < CALLS_MOST ? names[call] : NULL;
}

/* Fills names in advance: the report of a refused call must not allocate. */
static void resolve_names(void)
{
    for (int call = 0; call < CALLS_MOST; call++)
        names[call] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
}

static bool add(scmp_filter_ctx filter, uint32_t action, const char *name,
                unsigned count, const struct scmp_arg_cmp *arguments)
{
    int call = seccomp_syscall_resolve_name(name);

    if (call == __NR_SCMP_ERROR || call < 0)
        return true; /* not on this architecture */
    return seccomp_rule_add_array(filter, action, call, count, arguments) == 0;
}

static bool add_all(scmp_filter_ctx filter, uint32_t action,
                    const char *const *list)
{
    for (; *list; list++)
        if (!add(filter, action, *list, 0, NULL))
            return false;
    return true;
}

#define ADD(filter, name, ...)                         \
    add(filter, SCMP_ACT_ALLOW, name,                  \
        sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / \
            sizeof(struct scmp_arg_cmp),               \
        (struct scmp_arg_cmp[]){__VA_ARGS__})

/* libseccomp's own macros for these leave a field out. */
static struct scmp_arg_cmp equals(unsigned argument, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){argument, SCMP_CMP_EQ, value, 0};
}

static struct scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask,
                                  scmp_datum_t value)
{
    return (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, mask, value};
}

/* Files may be opened for reading, and not created or truncated. */
static bool add_opening(scmp_filter_ctx f)
{
    const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC |
                                (O_TMPFILE & ~O_DIRECTORY);

    return ADD(f, "openat", masked(2, writes, O_RDONLY)) &&
           ADD(f, "open", masked(1, writes, O_RDONLY));
}

/* Sockets of networks, and those of getifaddrs. */
static bool add_sockets(scmp_filter_ctx f)
{
    return ADD(f, "socket", equals(0, AF_INET)) &&
           ADD(f, "socket", equals(0, AF_INET6)) &&
           ADD(f, "socket", equals(0, AF_UNIX)) &&
           ADD(f, "socket", equals(0, AF_NETLINK),
               equals(2, NETLINK_ROUTE));
}

/* Without TIOCSTI, which puts input into a terminal that another program reads,
 * and without creating interfaces. The kernel uses the low 32 bits only. */
static bool add_ioctl(scmp_filter_ctx f)
{
    static const unsigned numbers[] = {
        TIOCOUTQ, FIONREAD, FIONBIO, FIOCLEX, TCGETS,
        TIOCGWINSZ, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR,
        SIOCGIFADDR, SIOCGIFCONF, SIOCGIFINDEX, SIOCGIFNAME,
        SIOCGIFNETMASK};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!ADD(f, "ioctl",
                 masked(1, 0xffffffff, numbers[i])))
            return false;
    return true;
}

/* Signals to this process only; clone() for threads only. */
static bool add_threads(scmp_filter_ctx f)
{
    const scmp_datum_t me = (scmp_datum_t)getpid();

    return ADD(f, "kill", equals(0, me)) &&
           ADD(f, "tgkill", equals(0, me)) &&
           ADD(f, "clone",
               masked(0, CLONE_THREAD, CLONE_THREAD)) &&
           ADD(f, "prctl", equals(0, PR_SET_NAME)) &&
           ADD(f, "prctl", equals(0, PR_GET_NAME)) &&
           ADD(f, "prctl", equals(0, PR_SET_TIMERSLACK)) &&
           ADD(f, "prctl", equals(0, 0x53564d41 /* SET_VMA */)) &&
           ADD(f, "prlimit64", equals(2, 0));
}

/* Installs the filter in all threads. Returns 0, or an errno. */
static int load_filter(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
    int error = ENOMEM;

    if (f && add_all(f, SCMP_ACT_ALLOW, allowed) &&
        add_all(f, SCMP_ACT_ERRNO(ENOSYS), absent) && add_opening(f) &&
        add_sockets(f) && add_ioctl(f) && add_threads(f) &&
        seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
        seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 1) == 0)
        error = -seccomp_load(f);
    seccomp_release(f);
    return error;
}

#define KEPT (1u << CAP_NET_BIND_SERVICE)

/* Drops all capabilities of this thread but CAP_NET_BIND_SERVICE (ports below
 * 1024). Capabilities are per thread. */
static bool drop_own_privileges(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    data[0].permitted &= KEPT;
    data[0].effective = data[0].permitted;
    data[1].permitted = data[1].effective = 0;
    data[0].inheritable = data[1].inheritable = 0;
    return syscall(SYS_capset, &header, data) == 0;
}

static void on_drop(int signal)
{
    int error = errno;

    (void)signal;
    (void)drop_own_privileges(); /* is_privileged checks the result */
    errno = error;
}

/* Returns whether the thread has more capabilities than it may keep. */
static bool is_privileged(const char *thread)
{
    char name[300], line[128];
    unsigned long long permitted = 0;
    FILE *in;

    snprintf(name, sizeof name, "/proc/self/task/%s/status", thread);
    in = fopen(name, "re");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "CapPrm: %llx", &permitted) == 1)
            break;
    if (in)
        fclose(in); /* NULL: the thread has ended */
    return (permitted & ~(unsigned long long)KEPT) != 0;
}

/* Signals the threads that have capabilities to drop. False: there are none. */
static bool signal_threads(void)
{
    DIR *threads = opendir("/proc/self/task");
    const struct dirent *e;
    bool is_left = false;

    if (!threads)
        log_warning(&sandbox, "without /proc other threads keep their "
                              "privileges");
    while (threads && (e = readdir(threads)) != NULL)
        if (*e->d_name != '.' && is_privileged(e->d_name)) {
            is_left = true;
            syscall(SYS_tgkill, getpid(), atoi(e->d_name), SANDBOX_SIGNAL);
        }
    if (threads)
        closedir(threads);
    return is_left;
}

static enum status drop_privileges(void)
{
    struct sigaction drop = {.sa_handler = on_drop, .sa_flags = SA_RESTART};
    bool is_left = true;

    if (!drop_own_privileges()) {
        log_error(&sandbox, "the privileges cannot be given up: %s",
                  strerror(errno));
        return ERR_PERMISSION;
    }
    /* The handler stays installed: a second signal may still be pending. */
    sigaction(SANDBOX_SIGNAL, &drop, NULL);
    for (int i = 0; i < DROP_TRIES && (is_left = signal_threads()); i++)
        usleep(1000);
    if (!is_left)
        return OK;
    log_error(&sandbox, "a thread keeps its privileges: it blocks signal %d",
              SANDBOX_SIGNAL);
    return ERR_PERMISSION;
}

static enum status become_user(void)
{
    struct passwd *p = getpwnam(user);

    if (!p) {
        log_error(&sandbox, "there is no user %s; `getent passwd` lists them",
                  user);
        return ERR_NOT_FOUND;
    }
    if (geteuid() != 0 && p->pw_uid == geteuid())
        return OK;
    if (geteuid() != 0) {
        log_error(&sandbox, "only root can become %s; without a name "
                            "--sandbox goes on as who has started it",
                  user);
        return ERR_PERMISSION;
    }
    if (prctl(PR_SET_KEEPCAPS, 1) != 0 || initgroups(user, p->pw_gid) != 0 ||
        setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
        setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0) {
        log_error(&sandbox, "cannot become %s: %s", user, strerror(errno));
        return ERR_PERMISSION;
    }
    /* After a change of user the process could not read its own /proc entries,
     * as crash reports do, nor leave a core dump. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    return OK;
}

enum status sandbox_enter(void)
{
    enum status s;
    int error;

    if (!is_wanted)
        return OK;
    resolve_names();
    if (*user && (s = become_user()) != OK)
        return s;
    if ((s = drop_privileges()) != OK)
        return s;
    error = load_filter();
    if (error) {
        log_error(&sandbox,
                  "the kernel takes no filter for system calls: %s",
                  strerror(error));
        return ERR_UNSUPPORTED;
    }
    crash_report_refusals(name_of_call);
    is_entered = true;
    if (geteuid() == 0)
        log_warning(&sandbox, "it is root's still; --sandbox=USER becomes "
                              "another user");
    log_info(&sandbox, "entered%s%s", *user ? ", as " : "", user);
    return OK;
}

/*
 * posix_spawn of the C library blocks all signals, and a refused call while
 * SIGSYS is blocked ends the process without a report. So these functions are
 * linked with --wrap, and make a refused call themselves, before.
 */
static void refuse_process(void)
{
    if (is_entered)
        syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

int __real_system(const char *command);
int __wrap_system(const char *command);
FILE *__real_popen(const char *command, const char *mode);
FILE *__wrap_popen(const char *command, const char *mode);
int __real_posix_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes,
                       char *const words[], char *const variables[]);
int __wrap_posix_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes,
                       char *const words[], char *const variables[]);
int __real_posix_spawnp(pid_t *pid, const char *file,
                        const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes,
                        char *const words[], char *const variables[]);
int __wrap_posix_spawnp(pid_t *pid, const char *file,
                        const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes,
                        char *const words[], char *const variables[]);

int __wrap_system(const char *command)
{
    refuse_process();
    return __real_system(command);
}

FILE *__wrap_popen(const char *command, const char *mode)
{
    refuse_process();
    return __real_popen(command, mode);
}

int __wrap_posix_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes,
                       char *const words[], char *const variables[])
{
    refuse_process();
    return __real_posix_spawn(pid, path, actions, attributes, words,
                              variables);
}

int __wrap_posix_spawnp(pid_t *pid, const char *file,
                        const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes,
                        char *const words[], char *const variables[])
{
    refuse_process();
    return __real_posix_spawnp(pid, file, actions, attributes, words,
                               variables);
}
