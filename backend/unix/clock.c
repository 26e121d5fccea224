/* SPDX-License-Identifier: ISC */
/*
 * Clocks, idling, and entropy of a Unix process; ticks by which core finds slow
 * fibers. backend/sim replaces this file by its own.
 */
#define _GNU_SOURCE /* SIGEV_THREAD_ID */
#include <errno.h>
#include <fcntl.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define TICK (250 * MILLISECOND) /* of processor time */

static nanoseconds read_clock(clockid_t clock)
{
    struct timespec ts;

    if (clock_gettime(clock, &ts) != 0)
        panic("clock_gettime: %s", strerror(errno));
    return (nanoseconds)ts.tv_sec * SECOND + (nanoseconds)ts.tv_nsec;
}

static nanoseconds started;

#ifdef __linux__
static void on_tick(int number)
{
    int error = errno;

    (void)number;
    fiber_tick(TICK);
    errno = error;
}

/*
 * Starts a timer of this thread's processor time, so that it does not wake an
 * idle image or interrupt a system call that blocks. Uses SIGVTALRM, at which
 * debuggers do not stop; does nothing if the application uses that itself.
 */
static void start_ticks(void)
{
    struct sigaction action = {.sa_handler = on_tick,
                               .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigaction before;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = SIGVTALRM};
    struct itimerspec every = {{0, TICK}, {0, TICK}};
    timer_t timer;

    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (sigaction(SIGVTALRM, NULL, &before) != 0 ||
        before.sa_handler != SIG_DFL ||
        timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
        return;
    if (sigaction(SIGVTALRM, &action, NULL) != 0 ||
        timer_settime(timer, 0, &every, NULL) != 0)
        (void)timer_delete(timer);
}

/* Reads a small file of /proc into text, and adds a NUL. */
static bool read_proc(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Returns for how long the process was runnable but not running (Linux's
 * sched-stats.rst), because of load on the host. FOREVER: unknown. */
static nanoseconds read_delay(void)
{
    unsigned long long ran, waited;
    char text[128];

    return read_proc("/proc/self/schedstat", text, sizeof text) &&
                   sscanf(text, "%llu %llu", &ran, &waited) == 2
               ? waited
               : FOREVER;
}

static bool is_debugged(void)
{
    char text[2048];
    const char *tracer;

    return read_proc("/proc/self/status", text, sizeof text) &&
           (tracer = strstr(text, "TracerPid:\t")) &&
           tracer[strlen("TracerPid:\t")] != '0';
}

bool platform_was_held(nanoseconds length)
{
    static nanoseconds before;
    nanoseconds now = read_delay(), waited = now - before;

    before = now;
    return now == FOREVER || waited > length / 4 || is_debugged();
}
#else
static void start_ticks(void)
{
}

bool platform_was_held(nanoseconds length)
{
    (void)length;
    return true;
}
#endif

void clock_start(void)
{
    started = read_clock(CLOCK_MONOTONIC);
    start_ticks();
}

nanoseconds platform_now(void)
{
    return read_clock(CLOCK_MONOTONIC) - started;
}

nanoseconds platform_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

void platform_wait(nanoseconds deadline)
{
    nanoseconds length = deadline;

    if (deadline > 0 && deadline != FOREVER) {
        nanoseconds now = platform_now();

        length = deadline > now ? deadline - now : 0;
    }
    events_dispatch(length);
}

/* For a host, or a sandbox, without getrandom. */
static bool read_urandom(void *data, size_t len)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    do
        n = read(fd, data, len);
    while (n < 0 && errno == EINTR);
    close(fd);
    return n == (ssize_t)len;
}

void platform_entropy(void *data, size_t len)
{
    if (getentropy(data, len) != 0 && !read_urandom(data, len))
        panic("there are no random numbers: neither getrandom nor "
              "/dev/urandom gives any: %s",
              strerror(errno));
}

void platform_seed(void *data, size_t len)
{
    platform_entropy(data, len);
}

bool platform_is_copied(void)
{
    return false;
}
