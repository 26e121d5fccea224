/* SPDX-License-Identifier: ISC */
/*
 * The alternative to sleeping fibers: sleeping threads.
 *
 *     sleep_peer THREADS COUNT...    prints the figures of a run of COUNT
 *     sleep_peer alone               one thread sleeps for a second
 */
#define _GNU_SOURCE
#include "sleep.h"
#include <mirage/fiber.h>
#include <pthread.h>
#include <stdatomic.h>

static pthread_barrier_t made, go;
static struct timespec first_due;
static double *late, *due;
static size_t count;
static atomic_size_t awake;

static void *sleeper(void *ctx)
{
    size_t at;
    double mine = sleep_due((size_t)ctx, count), now;
    struct timespec t;

    pthread_barrier_wait(&made);
    pthread_barrier_wait(&go);
    t = first_due;
    t.tv_nsec += (long)(mine * 1e9);
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
    at = atomic_fetch_add(&awake, 1);
    now = clock_seconds(CLOCK_MONOTONIC);
    due[at] = mine;
    late[at] = now - (double)t.tv_sec - (double)t.tv_nsec * 1e-9;
    return NULL;
}

static void *memory_in_use(size_t size)
{
    void *memory = malloc(size);

    if (!memory)
        give_up("no memory");
    return memset(memory, 1, size);
}

static int sleep_alone(void)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec++;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    report("alone",
           clock_seconds(CLOCK_MONOTONIC) - (double)deadline.tv_sec -
               (double)deadline.tv_nsec * 1e-9,
           "s");
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t *threads;
    pthread_attr_t attributes;
    struct memory before, after;
    struct moment start, end, woken;

    if (argc == 2 && strcmp(argv[1], "alone") == 0)
        return sleep_alone();
    if (argc < 3 || (count = strtoul(argv[1], NULL, 10)) == 0)
        give_up("usage: sleep_peer THREADS COUNT...");
    threads = memory_in_use(count * sizeof *threads);
    late = memory_in_use(count * sizeof *late);
    due = memory_in_use(count * sizeof *due);
    pthread_barrier_init(&made, NULL, (unsigned)count + 1);
    pthread_barrier_init(&go, NULL, (unsigned)count + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, FIBER_STACK);
    before = memory_now();
    start = moment_now();
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attributes, sleeper, (void *)i) != 0)
            give_up("pthread_create failed: too many threads for this system");
    pthread_barrier_wait(&made);
    end = moment_now();
    clock_gettime(CLOCK_MONOTONIC, &first_due);
    first_due.tv_nsec += (long)(SLEEP_BEFORE * 1e9);
    pthread_barrier_wait(&go);
    nanosleep(&(struct timespec){0, (long)(SLEEP_BEFORE * 1e9) / 2}, NULL);
    after = memory_now();
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    woken = moment_now();
    for (int i = 2; i < argc; i++)
        report_sleep(
            strtoul(argv[i], NULL, 10), count,
            (struct moment){end.wall - start.wall, end.cpu - start.cpu},
            woken.cpu - end.cpu,
            (struct memory){after.resident - before.resident,
                            after.kernel - before.kernel},
            late, due);
    return 0;
}
