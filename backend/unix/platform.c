/* SPDX-License-Identifier: ISC */
/*
 * An image as a Unix process: memory, signals, start and exit.
 */
#include "crash.h"
#include "events.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/main.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20) /* a large page of the host's */

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* there is nobody left to tell */
        text += n;
        len -= (size_t)n;
    }
}

void platform_put(const char *text, size_t len)
{
    write_all(STDERR_FILENO, text, len);
}

void platform_answer(const char *text, size_t len)
{
    write_all(STDOUT_FILENO, text, len);
}

/* What jobs have said by the C library's stdio is said, too. */
void platform_exit(int code)
{
    fflush(NULL);
    _exit(code);
}

void *platform_pages(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *pages;

    if (count > SIZE_MAX / PAGE_BYTES || page % PAGE_BYTES != 0)
        return NULL;
    pages = mmap(NULL, count * PAGE_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* A disk reads twice as fast into memory that is in one piece for it. */
    if (count * PAGE_BYTES >= HUGE_BYTES)
        (void)madvise(pages, count * PAGE_BYTES, MADV_HUGEPAGE);
#endif
    return pages;
}

void platform_pages_free(void *pages, size_t count)
{
    munmap(pages, count * PAGE_BYTES);
}

static int wake_pipe[2];

/*
 * The first signal asks the jobs to stop. The second ends the process even if
 * a job spins and never waits.
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

/* A shell starts what runs in its background with SIGINT ignored. */
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
    signal(SIGPIPE, SIG_IGN); /* a write says so by itself */
    crash_catch();
}

/*
 * A standard stream that is closed would be the number of the next file that
 * is opened, and take its writes. What is put there instead fails like a
 * closed one: it is opened the wrong way.
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
