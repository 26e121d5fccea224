/* SPDX-License-Identifier: ISC */
/* commands: a function for each; count and words are its arguments. */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct command {
    const char *name;
    const char *summary;
    const char *usage; /* the text of --help, after "usage: mirage NAME " */
    int (*run)(int count, char **words);
    bool is_hidden; /* called by generated Makefiles only */
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

/* Prints the usage of a command. */
void print_usage(const struct command *c);

/*
 * Returns the value of the option `name` if words[*i] is that option, or NULL.
 * The forms are "--name=value", and "--name value" or "-n value", for which *i
 * advances by one. Ends the program with MISUSED if there is no value.
 */
const char *option_value(int count, char **words, int *i, const char *name,
                         const char *short_name);

/* Ends the program with MISUSED and a message: word is none of the options of
 * the command, which end with NULL. */
void refuse_option(const char *command, const char *word,
                   const char *const *options) __attribute__((noreturn));

/* Ends the program with MISUSED and a message unless count is 0. */
void refuse_arguments(const char *command, int count, char **words);

/* Changes to the folder of file, such as f/config.c, with a message that
 * editors understand, and returns the name without the folder. */
const char *enter_folder_of(const char *file);

/*
 * Looks for packages and libraries, and prints those that are missing on
 * standard error. Returns a command that installs those whose package is known,
 * or NULL. *has_unknown: the package of some is not known.
 */
struct needs;
const char *missing(const struct needs *n, bool *has_unknown);

#endif
