/* SPDX-License-Identifier: ISC */
/* POSIX clocks and sleeps, by the image's clocks. */
#include <mirage/platform.h>
#include <mirage/time.h>
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    nanoseconds wall = platform_wall();

    (void)zone;
    now->tv_sec = wall / SECOND;
    now->tv_usec = wall % SECOND / MICROSECOND;
    return 0;
}

/* CLOCK_REALTIME is 0 in glibc, against which libraries are built, and 1 in
 * newlib. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    nanoseconds time =
        clock <= CLOCK_REALTIME ? platform_wall() : platform_now();

    now->tv_sec = time / SECOND;
    now->tv_nsec = time % SECOND;
    return 0;
}

/* Processor time is not measured; the time since boot is used. */
clock_t times(struct tms *about)
{
    clock_t now = platform_now() / (SECOND / CLOCKS_PER_SEC);

    *about = (struct tms){.tms_utime = now};
    return now;
}

/* Cancelling the fiber has the effect of a signal: EINTR. */
int nanosleep(const struct timespec *length, struct timespec *left)
{
    nanoseconds end = time_after((nanoseconds)length->tv_sec * SECOND +
                                 (nanoseconds)length->tv_nsec);
    nanoseconds now;

    if (time_sleep_until(end) == OK)
        return 0;
    now = time_now();
    if (left != NULL) {
        now = end > now ? end - now : 0;
        left->tv_sec = now / SECOND;
        left->tv_nsec = now % SECOND;
    }
    errno = EINTR;
    return -1;
}

unsigned sleep(unsigned seconds)
{
    struct timespec length = {.tv_sec = seconds}, left;

    return nanosleep(&length, &left) == 0
               ? 0
               : (unsigned)(left.tv_sec + (left.tv_nsec > 0));
}

int usleep(useconds_t length)
{
    struct timespec time = {length / 1000000, length % 1000000 * 1000};

    return nanosleep(&time, NULL);
}
