/* SPDX-License-Identifier: ISC */
/*
 * Times a command, from its start to its end or to a line that it prints:
 *
 *     clock [-l] [-e TEXT] [-n TIMES] FIGURE COMMAND [ARGUMENT...]
 *
 * -n TIMES   runs it so many times, and prints the medians
 * -l         up to its first line of output; then it is killed
 * -e TEXT    up to the first line that contains TEXT, since the firmware of a
 *            machine may print lines before
 *
 * If the command fails, prints its output and fails.
 */
#define _GNU_SOURCE
#include "measure.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char output[8192]; /* the beginning of its output */
static const char *wanted; /* in a line that ends the run; or NULL */

static pid_t start(char **command, int *out)
{
    posix_spawn_file_actions_t actions;
    int pipe_ends[2];
    pid_t pid;

    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        give_up("no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
    if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) != 0)
        give_up("the command cannot be run");
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    *out = pipe_ends[0];
    return pid;
}

/* Returns whether the wanted line is complete. */
static int line_has_come(void)
{
    const char *line = wanted ? strstr(output, wanted) : NULL;

    return line && strchr(line, '\n');
}

/* Reads to the end of the output, or of the wanted line. */
static void take_output(int out)
{
    char rest[8192];
    size_t len = 0;
    ssize_t n;

    do {
        size_t room = sizeof output - 1 - len;

        n = room ? read(out, output + len, room) : read(out, rest, sizeof rest);
        if (n > 0 && room)
            len += (size_t)n;
        output[len] = '\0';
    } while (n > 0 && !line_has_come());
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static struct moment run(char **command)
{
    struct rusage used;
    double begin = clock_seconds(CLOCK_MONOTONIC), end;
    int out, status;
    pid_t pid = start(command, &out);

    take_output(out);
    end = clock_seconds(CLOCK_MONOTONIC);
    if (wanted)
        kill(pid, SIGKILL);
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    if (!wanted)
        end = clock_seconds(CLOCK_MONOTONIC);
    if (wanted ? !line_has_come() : status != 0) {
        fprintf(stderr, "%s\nbench: %s failed\n", output, command[0]);
        exit(1);
    }
    close(out);
    return (struct moment){end - begin,
                           seconds(used.ru_utime) + seconds(used.ru_stime)};
}

int main(int argc, char **argv)
{
    int option;
    size_t times = 1;
    double *wall, *cpu;

    while ((option = getopt(argc, argv, "+le:n:")) != -1) {
        if (option == 'l')
            wanted = "";
        else if (option == 'e')
            wanted = optarg;
        else if (option == 'n')
            times = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    if (argc - optind < 2 || times < 1)
        give_up("usage: clock [-l] [-e TEXT] [-n TIMES] FIGURE COMMAND...");
    wall = malloc(times * sizeof *wall);
    cpu = malloc(times * sizeof *cpu);
    if (!wall || !cpu)
        give_up("no memory");
    for (size_t i = 0; i < times; i++) {
        struct moment m = run(argv + optind + 1);

        wall[i] = m.wall;
        cpu[i] = m.cpu;
    }
    printf("%s %.9g s %.9g\n", argv[optind], median(wall, times),
           median(cpu, times));
    return 0;
}
