/* SPDX-License-Identifier: ISC */
/*
 * The console of a Unix process: standard input and output.
 *
 * The descriptors may be shared with other processes, so they stay blocking.
 * Instead a fiber waits until poll says that one is writable: a pipe or a
 * terminal then takes PIPE_BUF bytes without blocking.
 */
#include "events.h"
#include <errno.h>
#include <limits.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_LOST 74 /* the exit status; EX_IOERR of sysexits.h */

static bool is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, 0) != 0;
}

static void give_up(int error)
{
    char text[256];

    text_format(text, sizeof text, "%s: cannot write to standard output: %s\n",
                image_name(),
                error == EBADF   ? "it is closed"
                : error == EPIPE ? "its reader has gone"
                                 : strerror(error));
    platform_put(text, strlen(text));
    platform_exit(OUTPUT_LOST);
}

static void terminal_write(struct console *c, const char *text, size_t len)
{
    (void)c;
    while (len > 0) {
        ssize_t n;

        if (!is_ready(STDOUT_FILENO, POLLOUT) &&
            events_wait(STDOUT_FILENO, true, FOREVER) != OK)
            continue; /* the fiber is shielded: cannot be cancelled */
        n = write(STDOUT_FILENO, text, len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            give_up(errno);
        }
        text += n;
        len -= (size_t)n;
    }
}

static enum status terminal_read(struct console *c, void *data, size_t len,
                                 size_t *got)
{
    (void)c;
    for (;;) {
        enum status s = events_wait(STDIN_FILENO, false, FOREVER);
        ssize_t n;

        if (s != OK)
            return s;
        n = read(STDIN_FILENO, data, len);
        if (n == 0 || (n < 0 && errno == EBADF))
            return ERR_EOF; /* a closed input has ended */
        if (n > 0) {
            *got = (size_t)n;
            return OK;
        }
        if (errno != EINTR && errno != EAGAIN)
            return ERR_IO;
    }
}

static const struct console_ops terminal_ops = {
    .write = terminal_write,
    .read = terminal_read,
};

enum status console_unix_connect(const char *name, struct console **console)
{
    static struct console terminal = {.ops = &terminal_ops};

    if (strcmp(name, "0") != 0)
        return ERR_NOT_FOUND;
    *console = &terminal;
    return OK;
}
