/* SPDX-License-Identifier: ISC */
/* Quoting of shell words, and the name of this program, for messages that
 * advise a command. */
#define _GNU_SOURCE
#include "command.h"
#include <errno.h>
#include <limits.h>
#include <mirage/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
              "_-+=.,:/@%"

char *shell_word(const char *text)
{
    char *word = malloc(4 * strlen(text) + 3), *to = word;

    if (!word)
        return strdup("FILE");
    if (*text && !text[strspn(text, PLAIN)])
        return strcpy(word, text);
    *to++ = '\'';
    for (; *text; text++)
        if (*text == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *text;
    strcpy(to, "'");
    return word;
}

char *own_command(void)
{
    char path[PATH_MAX];
    ssize_t len;

#ifdef __linux__
    if (strchr(program_invocation_name, '/'))
        return shell_word(program_invocation_name);
#endif
    len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        len = snprintf(path, sizeof path, "./%s", image_name());
    path[len] = '\0';
    return shell_word(path);
}
