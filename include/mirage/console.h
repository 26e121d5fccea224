/* SPDX-License-Identifier: ISC */
/* console: lines of text for people, and lines from them. */
#ifndef MIRAGE_CONSOLE_H
#define MIRAGE_CONSOLE_H

#include <mirage/fiber.h>
#include <mirage/status.h>
#include <stddef.h>

#define CONSOLE_LINE ((size_t)4096) /* bytes that console_read_line can take */

struct console {
    const struct console_ops *ops;
    struct fiber_mutex writing, reading; /* console.c's own */
    char *input; /* not yet asked for */
    size_t input_from, input_len;
};

/*
 * Writes a line; the line end is added. Lines of different fibers never mix.
 * Blocks while the console is full. Never fails: a console that is gone for
 * good (a closed pipe, a full disk) ends the image, with a message and a
 * non-zero exit status. A cancelled fiber writes as any other. For formats
 * see mirage/text.h; a line may be of any length.
 */
void console_log(struct console *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same without the line end and without formatting: len bytes of text. */
void console_write(struct console *c, const char *text, size_t len);

/*
 * Waits for input and copies what is there, at most len bytes; *got is at
 * least 1 (len must be). Blocks.
 *
 * ERR_EOF: there will be no more. ERR_CANCELLED: the fiber was asked to end.
 * ERR_IO: the input failed.
 */
MUST_CHECK enum status console_read(struct console *c, void *data, size_t len,
                                    size_t *got);

/*
 * Waits for a whole line and copies it, without its line end and ended by a
 * NUL, into the size bytes at line. The end of the input ends a line too.
 * Blocks.
 *
 * ERR_EOF: there will be no more. ERR_RANGE: the line does not fit into size
 * or into CONSOLE_LINE; it is skipped whole. ERR_NO_MEMORY: there is none for
 * the buffer. ERR_CANCELLED, ERR_IO: as above.
 */
MUST_CHECK enum status console_read_line(struct console *c, char *line,
                                         size_t size);

/*
 * The driver's side. device/console.c calls write and read by one fiber at a
 * time each. write returns when all is written, and deals with failure as
 * console_log promises. read is console_read. A console is there to the end of
 * the image: nobody disconnects it.
 */
struct console_ops {
    void (*write)(struct console *c, const char *text, size_t len);
    enum status (*read)(struct console *c, void *data, size_t len,
                        size_t *got);
};

#endif
