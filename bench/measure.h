/* SPDX-License-Identifier: ISC */
/*
 * measure: shared by the programs of bench/. A program prints one line for each
 * figure, which bench/run reads:
 *     NAME VALUE UNIT [CPU]
 * in base units: seconds (s), bytes (B), or a number (1). CPU is the processor
 * time of all threads for VALUE, in seconds.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct moment {
    double wall, cpu; /* seconds */
};

static inline double clock_seconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static inline struct moment moment_now(void)
{
    return (struct moment){clock_seconds(CLOCK_MONOTONIC),
                           clock_seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

/* Prints the time since then, divided by count. */
static inline void report_each(const char *figure, struct moment since,
                               double count)
{
    struct moment now = moment_now();

    printf("%s %.9g s %.9g\n", figure, (now.wall - since.wall) / count,
           (now.cpu - since.cpu) / count);
    fflush(stdout);
}

static inline void report(const char *figure, double value, const char *unit)
{
    printf("%s %.9g %s\n", figure, value, unit);
    fflush(stdout);
}

/* Ends the program with an error, which ends bench/run. */
static inline void give_up(const char *why)
{
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

/* Returns, in bytes, the value in kB after "KEY:" in a file of /proc. */
static inline double proc_bytes(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    char line[256];
    size_t len = strlen(key);
    double kilobytes = -1;

    while (f && kilobytes < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, key, len) == 0 && line[len] == ':')
            kilobytes = strtod(line + len + 1, NULL);
    if (f)
        fclose(f);
    if (kilobytes < 0)
        give_up("a file of /proc lacks what is measured");
    return kilobytes * 1024;
}

static inline int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Sorts the values in place. */
static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

#endif
