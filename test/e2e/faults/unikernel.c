/* SPDX-License-Identifier: ISC */
/* Crashes of a Unix process inside the C library, or in a thread. */
#include <assert.h>
#include <mirage.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

BOOT_STRING(act, "nothing", "what to do");

static volatile int zero;
static volatile uintptr_t nowhere;

static __attribute__((noinline)) void aborted(void)
{
    abort();
}

static __attribute__((noinline)) void asserted(void)
{
    assert(zero == 1);
}

static void *sleep_on(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* malloc detects an overwritten block, and calls abort with its lock held. It
 * takes the lock only if there are two threads. */
static __attribute__((noinline)) void heap_destroyed(void)
{
    pthread_t thread;
    volatile size_t size = 100000; /* unknown to the compiler */
    volatile char *block;

    require(pthread_create(&thread, NULL, sleep_on, NULL) == 0);
    block = malloc(size);
    for (size_t i = 0; i < 64; i++)
        block[size + i] = (char)0xff;
    block = malloc(size);
    require(block);
}

static int never_compares(const void *a, const void *b)
{
    (void)a, (void)b;
    require(zero == 1);
    return 0;
}

/* A frame of the C library is between two of the application. */
static __attribute__((noinline)) void sorted(void)
{
    int numbers[] = {3, 1, 2};

    qsort(numbers, 3, sizeof numbers[0], never_compares);
}

static void *write_to_nowhere(void *unused)
{
    (void)unused;
    *(volatile char *)nowhere = 1;
    return NULL;
}

static __attribute__((noinline)) void in_threads(int count)
{
    pthread_t thread[8];

    for (int i = 0; i < count; i++)
        require(pthread_create(&thread[i], NULL, write_to_nowhere, NULL) == 0);
    (void)time_sleep(60 * SECOND); /* until one of them has crashed */
}

/* nanosleep of the C library, which blocks all fibers. */
static void sleep_in_libc(void)
{
    struct timespec length = {1, 500000000};

    require(nanosleep(&length, NULL) == 0);
    (void)time_sleep(MILLISECOND);
}

void start(struct console *c)
{
    if (strcmp(act, "abort") == 0)
        aborted();
    if (strcmp(act, "assert") == 0)
        asserted();
    if (strcmp(act, "heap") == 0)
        heap_destroyed();
    if (strcmp(act, "sort") == 0)
        sorted();
    if (strcmp(act, "thread") == 0)
        in_threads(1);
    if (strcmp(act, "threads") == 0)
        in_threads(8);
    if (strcmp(act, "sleep") == 0) {
        sleep_in_libc();
        return;
    }
    console_log(c, "no act %s", act);
}
