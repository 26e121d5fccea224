/* SPDX-License-Identifier: ISC */
/*
 * sleep: shared by the measurements of sleeping fibers and sleeping threads.
 * Their deadlines are evenly spaced over SLEEP_OVER, in an order that is
 * unrelated to the order in which they were started.
 */
#ifndef BENCH_SLEEP_H
#define BENCH_SLEEP_H

#include "measure.h"

#define SLEEP_OVER   2.0 /* seconds, from the first to the last */
#define SLEEP_BEFORE 0.5 /* seconds, for all to fall asleep */
#define SLEEP_STRIDE 7919 /* a prime that divides no count used here */

struct memory {
    double resident, kernel; /* bytes */
};

/* Memory in the kernel: page tables, and kernel stacks of threads. */
static inline struct memory memory_now(void)
{
    return (struct memory){proc_bytes("/proc/self/status", "VmRSS"),
                           proc_bytes("/proc/self/status", "VmPTE") +
                               proc_bytes("/proc/meminfo", "KernelStack")};
}

/* Returns the deadline of sleeper i, in seconds after the first. */
static inline double sleep_due(size_t i, size_t count)
{
    return (double)(i * SLEEP_STRIDE % count) / (double)count * SLEEP_OVER;
}

static inline void report_as(const char *figure, size_t count, double value,
                             const char *unit)
{
    char name[64];

    snprintf(name, sizeof name, "%s_%zu", figure, count);
    report(name, value, unit);
}

/*
 * Prints the measurements of `done` sleepers, with the names of a run with
 * count of them. made: the time to start them; wake_cpu: the processor time of
 * falling asleep and waking; late and due are in the order of waking.
 */
static inline void report_sleep(size_t count, size_t done, struct moment made,
                                double wake_cpu, struct memory used,
                                const double *late, const double *due)
{
    double *sorted = malloc(done * sizeof *sorted);
    size_t disorder = 0;

    if (!sorted)
        give_up("no memory");
    for (size_t i = 0; i < done; i++) {
        sorted[i] = late[i];
        disorder += i > 0 && due[i] < due[i - 1];
    }
    printf("make_%zu %.9g s %.9g\n", count, made.wall / (double)done,
           made.cpu / (double)done);
    report_as("resident", count, used.resident / (double)done, "B");
    report_as("kernel", count, used.kernel / (double)done, "B");
    report_as("total", count, used.resident + used.kernel, "B");
    printf("late_%zu %.9g s %.9g\n", count, median(sorted, done),
           wake_cpu / (double)done);
    report_as("latest", count, sorted[done - 1], "s");
    report_as("disorder", count, (double)disorder, "1");
    free(sorted);
}

#endif
