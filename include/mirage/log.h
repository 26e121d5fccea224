/* SPDX-License-Identifier: ISC */
/*
 * log: what the image tells the people who run it.
 *
 * A line has a level and a source. Lines at the level of their source or
 * above are printed: on standard error in a Unix process, on the console in a
 * virtual machine, as
 *     [    0.001234] warning tcp: 10.0.0.7 sent a segment without ACK
 * with the seconds since boot. Every line, at every level, also goes into a
 * ring of the last LOG_RING bytes, which the crash report prints.
 *
 * The boot arguments --log=LEVEL and --log=SOURCE:LEVEL set the levels; the
 * default is warning. Logging never blocks the fiber and takes no memory;
 * a line longer than LOG_LINE bytes is cut.
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

/* A part of the program that logs. Made by LOG_SOURCE; the rest is log.c's. */
struct log_source {
    const char *name;
    enum log_level level; /* printed from here on */
    struct log_source *next;
};

/*
 * Declares a source for the file it stands in, under the name that --log
 * takes: LOG_SOURCE(tcp) makes a variable tcp for the calls below. Of several
 * files that log as one, one has LOG_SOURCE_SHARED(tcp), and the others
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

/* Logs one line; a line end is added. For formats see mirage/text.h. */
void log_write(struct log_source *source, enum log_level level,
               const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Prints lines from here on as "PREFIX: TEXT", without time, level and source;
 * a warning as "PREFIX: warning: TEXT". For a tool of the host that runs on
 * the library. The ring has whole lines all the same. Keeps prefix.
 */
void log_plainly(const char *prefix);

/* Returns how many lines of level error were logged since the start. */
size_t log_errors(void);

/* For LOG_SOURCE. Keeps source. */
void log_register(struct log_source *source);

/* Prints the ring, oldest line first, through platform_put. */
void log_dump(void);

#endif
