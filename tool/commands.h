/* SPDX-License-Identifier: ISC */
/* commands: one function each; count and words are what follows its name. */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct command {
    const char *name;
    const char *summary;
    const char *usage; /* what follows the name, and more lines of help */
    int (*run)(int count, char **words);
    bool is_hidden; /* for Makefiles only */
};

extern const struct command commands[]; /* ends with a name of NULL */

int command_configure(int count, char **words);
int command_build(int count, char **words);
int command_run(int count, char **words);
int command_clean(int count, char **words);
int command_describe(int count, char **words);
int command_init(int count, char **words);
int command_help(int count, char **words);
int command_depend(int count, char **words);
int command_link(int count, char **words);
int command_objects(int count, char **words);
int command_crunch(int count, char **words);
int command_image(int count, char **words);
int command_note(int count, char **words);
int command_root(int count, char **words);

const struct command *find_command(const char *name);

/* The usage of a command, on standard output. */
void print_usage(const struct command *c);

/*
 * The value of an option in words[*i]: "--name=value", or "--name value" (or
 * short_name value), in which case *i moves on. NULL: it is another option.
 */
const char *option_value(int count, char **words, int *i, const char *name,
                         const char *short_name);

/* Ends with MISUSED: the command does not know this option; options, ending
 * with NULL, are what it knows. */
void refuse_option(const char *command, const char *word,
                   const char *const *options) __attribute__((noreturn));

/* Ends with a message unless nothing follows the command. */
void want_no_words(const char *command, int count, char **words);

/* Enters the folder of file (f/config.c), says so, and returns the rest. */
const char *enter_folder_of(const char *file);

/*
 * Checks that packages and libraries are there, and says on standard error
 * which are not. Returns one command that installs those whose package is
 * known, or NULL. has_unknown: there are others.
 */
struct needs;
const char *missing(const struct needs *n, bool *has_unknown);

#endif
