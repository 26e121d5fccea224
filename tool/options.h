/* SPDX-License-Identifier: ISC */
/* options: the arguments of commands. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

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

#endif
