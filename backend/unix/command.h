/* SPDX-License-Identifier: ISC */
/* command: the words of commands that messages advise. */
#ifndef UNIX_COMMAND_H
#define UNIX_COMMAND_H

/* A text as one word of a shell's, in quotes where it needs them. Yours to
 * free; without memory it is "FILE". */
char *shell_word(const char *text);

/* What starts this image again, as a word of a shell's: sudo looks a name
 * without a slash up elsewhere. Yours to free. */
char *own_command(void);

#endif
