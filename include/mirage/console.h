/* SPDX-License-Identifier: ISC */
/* console: text output and input for people, by lines. */
#ifndef MIRAGE_CONSOLE_H
#define MIRAGE_CONSOLE_H

#include <mirage/fiber.h>
#include <mirage/status.h>
#include <stddef.h>

#define CONSOLE_LINE ((size_t)4096) /* bytes of a line that is read, at most */

struct console {
    const struct console_ops *ops;
    /* device/console.c's own: */
    struct fiber_mutex writing, reading;
    char *input; /* received, and not read yet */
    size_t input_from, input_len;
};

/*
 * Writes a line; the line end is added. Lines of different fibers never mix.
 * Blocks while the console is full. Never fails: if the console cannot be
 * written to any more (a closed pipe, a full disk), the image ends with a
 * message and a non-zero exit status. (A virtio device that breaks the protocol
 * is given up instead, with a message, and what is written to it is lost.) A
 * cancelled fiber writes as any other.
 * Formats are those of mirage/text.h; a line may have any length.
 */
void console_log(struct console *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes len bytes of text as they are, without a line end; as console_log. */
void console_write(struct console *c, const char *text, size_t len);

/*
 * Blocks until there is input, and copies up to len bytes of it; len must be at
 * least 1, and so is *got.
 *
 * ERR_EOF: the input has ended. ERR_CANCELLED: the fiber was cancelled. ERR_IO:
 * the input failed.
 */
MUST_CHECK enum status console_read(struct console *c, void *data, size_t len,
                                    size_t *got);

/*
 * Blocks until there is a whole line, and copies it, without its line end but
 * with a NUL, into the size bytes at line. The end of the input ends a line,
 * too.
 *
 * ERR_EOF: the input has ended. ERR_RANGE: the line does not fit into size or
 * into CONSOLE_LINE; it is skipped. ERR_NO_MEMORY: there is none for the
 * buffer. ERR_CANCELLED, ERR_IO: as above.
 */
MUST_CHECK enum status console_read_line(struct console *c, char *line,
                                         size_t size);

/*
 * The driver's side. device/console.c calls write, and read, from one fiber at
 * a time. write returns when all is written, and ends the image if that fails,
 * as console_log says. read is console_read. A console exists until the image
 * ends: it has no disconnect.
 */
struct console_ops {
    void (*write)(struct console *c, const char *text, size_t len);
    enum status (*read)(struct console *c, void *data, size_t len,
                        size_t *got);
};

#endif
