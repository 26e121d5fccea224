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
int command_strip(int count, char **words);
int command_root(int count, char **words);

const struct command *find_command(const char *name);

/* Prints the usage of a command. */
void print_usage(const struct command *c);

/*
 * Looks for packages and libraries, and prints those that are missing on
 * standard error. Returns a command that installs those whose package is known,
 * or NULL. *has_unknown: the package of some is not known.
 */
struct needs;
const char *missing(const struct needs *n, bool *has_unknown);

#endif
