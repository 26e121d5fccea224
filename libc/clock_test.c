/* SPDX-License-Identifier: ISC */
/* POSIX clocks and sleeps, on clocks of the test. */
#include <mirage/platform.h>
#include <mirage/time.h>
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>
#define platform_wall()          ((nanoseconds)real_time)
#define platform_now()           ((nanoseconds)boot_time)
#define time_now()               ((nanoseconds)boot_time)
#define time_after(length)       (boot_time + (length))
#define time_sleep_until(end)    tested_sleep(end)
#define gettimeofday(tv, zone)   tested_gettimeofday(tv, zone)
#define clock_gettime(clock, ts) tested_clock_gettime(clock, ts)
#define times(about)             tested_times(about)
#define nanosleep(length, left)  tested_nanosleep(length, left)
#define sleep(seconds)           tested_sleep_seconds(seconds)
#define usleep(length)           tested_usleep(length)
static nanoseconds real_time, boot_time;
static enum status tested_sleep(nanoseconds end);
int gettimeofday(struct timeval *restrict tv, void *restrict zone);
int clock_gettime(clockid_t clock, struct timespec *ts);
clock_t times(struct tms *about);
int nanosleep(const struct timespec *length, struct timespec *left);
unsigned sleep(unsigned seconds);
int usleep(useconds_t length);
#include "clock.c"
#undef platform_wall
#undef platform_now
#undef time_now
#undef time_after
#undef time_sleep_until
#include "check.h"

static nanoseconds cancelled_after = FOREVER, slept_until;

static enum status tested_sleep(nanoseconds end)
{
    slept_until = end;
    if (end - boot_time > cancelled_after) {
        boot_time += cancelled_after;
        return ERR_CANCELLED;
    }
    boot_time = end;
    return OK;
}

TEST(clocks_have_seconds_and_parts_of_them)
{
    struct timeval tv;
    struct timespec ts;
    struct tms used;

    real_time = 1700000000 * SECOND + 123456789;
    boot_time = 77 * SECOND + 987654321;
    CHECK(gettimeofday(&tv, NULL) == 0);
    CHECK(tv.tv_sec == 1700000000 && tv.tv_usec == 123456);
    CHECK(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    CHECK(ts.tv_sec == 1700000000 && ts.tv_nsec == 123456789);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    CHECK(ts.tv_sec == 77 && ts.tv_nsec == 987654321);
    CHECK(times(&used) == 77987654 && used.tms_utime == 77987654);
    CHECK(used.tms_stime == 0);
}

TEST(sleeps_end_after_their_length)
{
    struct timespec length = {.tv_sec = 2, .tv_nsec = 5};

    boot_time = SECOND;
    CHECK(nanosleep(&length, NULL) == 0 && boot_time == 3 * SECOND + 5);
    CHECK(sleep(4) == 0 && boot_time == 7 * SECOND + 5);
    CHECK(usleep(1500001) == 0 && boot_time == 7 * SECOND + 5 + 1500001000);
}

TEST(a_cancelled_sleep_tells_what_is_left)
{
    struct timespec length = {.tv_sec = 5}, left = {0};

    boot_time = SECOND;
    cancelled_after = 2 * SECOND - 7;
    errno = 0;
    CHECK(nanosleep(&length, &left) == -1 && errno == EINTR);
    CHECK(left.tv_sec == 3 && left.tv_nsec == 7);
    CHECK(nanosleep(&length, NULL) == -1);
    CHECK(sleep(5) == 4); /* of more than three, rounded up */
    cancelled_after = 2 * SECOND;
    CHECK(sleep(5) == 3);
    CHECK(usleep(3000000) == -1);
    cancelled_after = FOREVER;
}
