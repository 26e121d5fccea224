/* SPDX-License-Identifier: ISC */
/*
 * Compares the clocks of an image with those of the host, for a minute:
 *
 *     drift NAME COMMAND [ARGUMENT...]
 *
 * The command runs the application bench/drift, which prints its clocks. A line
 * arrives after a variable delay, but never early: so the line in each WINDOW
 * with the least difference is used. The drift is its change since the first
 * window. Each window is printed on standard error.
 */
#define _GNU_SOURCE
#include "measure.h"
#include <mirage/macros.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOW  5.0 /* seconds */
#define WINDOWS 13 /* the middles of the first and last are a minute apart */
#define ENOUGH  4 /* lines that a window needs */

extern char **environ;

struct offsets {
    double now, wall; /* seconds that the image's clocks are behind */
};

static unsigned early;

static pid_t start(char **command, FILE **out)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        give_up("no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) != 0)
        give_up("the command cannot be run");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = fdopen(ends[0], "r");
    return pid;
}

/* The difference in seconds; exact, though a double cannot hold the times. */
static double behind(struct timespec host, unsigned long long image)
{
    long long ns = host.tv_sec * 1000000000ll + host.tv_nsec;

    return (double)(ns - (long long)image) * 1e-9;
}

/* The difference that the next line shows. */
static struct offsets read_line(FILE *out)
{
    unsigned long long now, wall;
    struct timespec host_now, host_wall;
    char line[256];

    do {
        if (!fgets(line, sizeof line, out))
            give_up("the image has ended");
        clock_gettime(CLOCK_MONOTONIC, &host_now);
        clock_gettime(CLOCK_REALTIME, &host_wall);
    } while (sscanf(line, "clocks %llu %llu early %u", &now, &wall,
                    &early) < 3);
    return (struct offsets){behind(host_now, now), behind(host_wall, wall)};
}

static struct offsets read_window(FILE *out)
{
    double end = clock_seconds(CLOCK_MONOTONIC) + WINDOW;
    struct offsets o = read_line(out), next;
    int lines = 1;

    while (clock_seconds(CLOCK_MONOTONIC) < end) {
        next = read_line(out);
        o.now = min(o.now, next.now);
        o.wall = min(o.wall, next.wall);
        lines++;
    }
    if (lines < ENOUGH)
        give_up("the image says too little");
    return o;
}

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

/* Sets *most to the largest drift. */
static void note_offset(double *most, double off)
{
    if (size_of(off) > *most)
        *most = size_of(off);
}

static void report_of(const char *what, const char *name, double value,
                      const char *unit)
{
    char figure[64];

    snprintf(figure, sizeof figure, "%s_%s", what, name);
    report(figure, value, unit);
}

int main(int argc, char **argv)
{
    struct offsets first, next, most = {0, 0};
    FILE *out;
    pid_t pid;

    if (argc < 3)
        give_up("usage: drift NAME COMMAND...");
    pid = start(argv + 2, &out);
    read_line(out);
    first = read_window(out);
    for (int i = 1; i < WINDOWS; i++) {
        next = read_window(out);
        fprintf(stderr, "%s %g s: %+.6f ms, %+.6f ms\n", argv[1], i * WINDOW,
                (first.now - next.now) * 1e3, (first.wall - next.wall) * 1e3);
        note_offset(&most.now, first.now - next.now);
        note_offset(&most.wall, first.wall - next.wall);
    }
    kill(pid, SIGTERM);
    fclose(out);
    waitpid(pid, NULL, 0);
    report_of("off", argv[1], most.now > most.wall ? most.now : most.wall, "s");
    report_of("date", argv[1], size_of(first.wall), "s");
    report_of("early", argv[1], early, "1");
    return 0;
}
