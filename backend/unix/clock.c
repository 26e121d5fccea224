/* SPDX-License-Identifier: ISC */
/*
 * What a Unix process takes from its host as it goes: the time, waiting, and
 * entropy. backend/sim has its own of this file.
 */
#include <errno.h>
#include <fcntl.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static nanoseconds read_clock(clockid_t clock)
{
    struct timespec ts;

    if (clock_gettime(clock, &ts) != 0)
        panic("clock_gettime: %s", strerror(errno));
    return (nanoseconds)ts.tv_sec * SECOND + (nanoseconds)ts.tv_nsec;
}

static nanoseconds started;

void clock_start(void)
{
    started = read_clock(CLOCK_MONOTONIC);
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
    events_take(deadline);
}

/* For a host, or a sandbox, without getrandom. */
static bool read_urandom(void *data, size_t len)
{
    int     fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
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
