/* SPDX-License-Identifier: ISC */
/* command: parts of the shell commands that messages advise. */
#ifndef UNIX_COMMAND_H
#define UNIX_COMMAND_H

/* Returns text as one word of a shell command, quoted if need be. Yours to
 * free(). If there is no memory for it: "FILE". */
char *shell_word(const char *text);

/* Returns a path to this program as one word of a shell command, even if it was
 * found by PATH, since sudo has another. Yours to free(). */
char *own_command(void);

#endif
