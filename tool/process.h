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
    bool quiet; /* what it says on standard error is thrown away */
    bool in_english; /* its messages, whatever the user's language */
};

void add_word(struct words *w, const char *word);
/* Splits text at blanks. */
void add_words(struct words *w, const char *text);

/* What became of a program. */
struct outcome {
    int status; /* as a shell has it: 128 and the signal after one */
    int error; /* errno if it could not be started; status is 127 then */
    bool timed_out; /* it was killed */
    char *text; /* what it wrote to the descriptor that was captured */
    size_t len;
};

/*
 * Runs a program, found on PATH, and waits for its end. What it writes to the
 * file descriptor `captured` is collected (-1: none is). limit: seconds after
 * which it is killed, with all that it has started, and it has no input; 0:
 * none. A signal that asks us to end is passed on to it, and ends us after it.
 */
struct outcome run(const struct words *w, int captured, int limit);

/* Ends our program, saying why, if that one could not be started. */
void want_started(const struct words *w, const struct outcome *o);

/* Becomes the program. */
void become(const struct words *w) __attribute__((noreturn));

/* Prints the words as a line that can be pasted into a shell. */
void print_command(const struct words *w);

#endif
