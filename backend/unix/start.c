/* SPDX-License-Identifier: ISC */
/* Start of an image as a Unix process: standard streams, signals, events. */
#include "crash.h"
#include "events.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int wake_pipe[2];

/*
 * The first signal asks the jobs to stop. The second ends the process, even if
 * a job computes without ever waiting.
 */
static void on_stop_signal(int number)
{
    static volatile sig_atomic_t asked;
    int error = errno;

    if (asked)
        _exit(128 + number);
    asked = 1;
    if (write(wake_pipe[1], "", 1) != 1)
        _exit(128 + number);
    errno = error;
}

/* A shell starts background jobs with SIGINT ignored: leave it so. */
static void catch_unless_ignored(int number, const struct sigaction *action)
{
    struct sigaction before;

    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, action, NULL);
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop_signal,
                             .sa_flags = SA_RESTART};

    if (pipe(wake_pipe) != 0)
        panic("pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
    }
    catch_unless_ignored(SIGINT, &stop);
    catch_unless_ignored(SIGTERM, &stop);
    signal(SIGPIPE, SIG_IGN); /* write returns EPIPE */
    crash_install();
}

/*
 * Opens a placeholder for each standard stream that is closed: otherwise the
 * next file opened would get its number, and the writes to it. The placeholder
 * has the wrong access mode, so that using it fails as on a closed stream.
 */
static void reserve_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int opened;

        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
        if (opened != fd)
            _exit(1);
    }
}

void platform_start(const char *name, const char *const *words, size_t count)
{
    clock_start();
    reserve_standard_streams();
    catch_signals();
    events_init(wake_pipe[0]);
    image_start(name, words, count, false);
}
