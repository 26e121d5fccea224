/* SPDX-License-Identifier: ISC */
/* process: running other programs. */
#ifndef TOOL_PROCESS_H
#define TOOL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* Words for a program's command line. */
struct words {
    char **word; /* count of them, and NULL */
    size_t count, size;
    bool quiet; /* standard error is discarded */
    bool in_english; /* with LC_ALL=C, since its messages are parsed */
};

void add_word(struct words *w, const char *word);
/* Splits text at blanks. */
void add_words(struct words *w, const char *text);

/* The result of a program. */
struct outcome {
    int status; /* as in a shell: 128 plus the signal that ended it */
    int error; /* errno if it could not be started; then status is 127 */
    bool timed_out; /* it was killed after `limit` */
    char *text; /* what it wrote to `captured`: yours, to free */
    size_t len;
};

/*
 * Runs a program, which is found on PATH, and waits for its end. captured: the
 * file descriptor whose output is collected; -1: none. limit: the seconds after
 * which it is killed, with all processes that it has started; it then reads
 * /dev/null; 0: no limit. SIGINT, SIGTERM and SIGHUP are passed on to it, and
 * end us after it.
 */
struct outcome run(const struct words *w, int captured, int limit);

/* Ends our program with a message if that one could not be started. */
void want_started(const struct words *w, const struct outcome *o);

/* Replaces our program by another one (exec). */
void become(const struct words *w) __attribute__((noreturn));

/* Prints the words as a line for a shell, to standard error. */
void print_command(const struct words *w);

#endif
