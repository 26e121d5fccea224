/* SPDX-License-Identifier: ISC */
/*
 * log: messages for those who run the image.
 *
 * A line has a level and a source. Lines of at least the level that is set for
 * their source are printed: on standard error in a Unix process, on the console
 * in a virtual machine, as
 *     [    0.001234] warning tcp: 10.0.0.7 sent a segment without ACK
 * with the seconds since boot. Lines of every level are also written to a ring
 * buffer of LOG_RING bytes, which the crash report prints.
 *
 * The boot arguments --log=LEVEL and --log=SOURCE:LEVEL set the levels; the
 * default is warning. Logging does not block and does not allocate. A line
 * longer than LOG_LINE bytes is cut.
 */
#ifndef MIRAGE_LOG_H
#define MIRAGE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_RING ((size_t)16384)
#define LOG_LINE ((size_t)512)

enum log_level { LEVEL_ERROR,
                 LEVEL_WARNING,
                 LEVEL_INFO,
                 LEVEL_DEBUG };

/* A part of the program that logs. Made by LOG_SOURCE; for the log itself. */
struct log_source {
    const char *name;
    enum log_level level; /* the least important that is printed */
    struct log_source *next;
};

/*
 * Defines a source for one file: LOG_SOURCE(tcp) defines a static variable tcp
 * for the calls below, and --log knows it as "tcp". If several files share a
 * source, one has LOG_SOURCE_SHARED(tcp), and the others have
 * extern struct log_source tcp.
 */
#define LOG_SOURCE(id) static LOG_SOURCE_SHARED(id)
#define LOG_SOURCE_SHARED(id)                                      \
    struct log_source id = {#id, LEVEL_WARNING, 0};                \
    static __attribute__((constructor)) void log_source_##id(void) \
    {                                                              \
        log_register(&id);                                         \
    }                                                              \
    struct log_source /* eats the semicolon */

#define log_error(source, ...)   log_write(source, LEVEL_ERROR, __VA_ARGS__)
#define log_warning(source, ...) log_write(source, LEVEL_WARNING, __VA_ARGS__)
#define log_info(source, ...)    log_write(source, LEVEL_INFO, __VA_ARGS__)
#define log_debug(source, ...)   log_write(source, LEVEL_DEBUG, __VA_ARGS__)

/* Logs one line, and adds the line end. Formats are those of mirage/text.h. */
void log_write(struct log_source *source, enum log_level level,
               const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Prints lines from now on as "PREFIX: TEXT", without time, level and source,
 * and warnings as "PREFIX: warning: TEXT"; NULL: as before. The ring still gets
 * whole lines. For tools on the host that use the library. Keeps prefix.
 */
void log_plainly(const char *prefix);

/* Returns how many lines of level error have been logged since the start. */
size_t log_errors(void);

/* For LOG_SOURCE. Keeps source. */
void log_register(struct log_source *source);

/* Prints the ring, oldest line first, by platform_put. Does not allocate. */
void log_dump(void);

#endif
