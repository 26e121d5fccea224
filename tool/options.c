/* SPDX-License-Identifier: ISC */
/* Arguments of commands: options, their values, a file in another folder. */
#define _GNU_SOURCE
#include "options.h"
#include "say.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *option_value(int count, char **words, int *i, const char *name,
                         const char *short_name)
{
    size_t len = strlen(name);

    const char *option = words[*i];
    const char *value = NULL;

    if (strncmp(option, name, len) == 0 && option[len] == '=')
        value = option + len + 1;
    else if (strcmp(option, name) != 0 &&
             (!short_name || strcmp(option, short_name) != 0))
        return NULL;
    else if (*i + 1 < count)
        value = words[++*i];
    if (!value || !*value)
        die(MISUSED, "%s wants a value", option);
    return value;
}

void refuse_option(const char *command, const char *word,
                   const char *const *options)
{
    die_unknown(text_of("option of `mirage %s`", command), word, options);
}

void refuse_arguments(const char *command, int count, char **words)
{
    if (count > 0)
        die(MISUSED, "`mirage %s` takes no arguments, and was given %s",
            command, words[0]);
}

const char *enter_folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *folder;

    if (!slash)
        return file;
    folder = text_of("%.*s/", (int)(slash - file), file);
    if (chdir(folder) != 0)
        die(FAILED, "cannot enter %s: %s", folder, strerror(errno));
    say("Entering directory '%s'", folder); /* as make says it */
    return slash[1] ? slash + 1 : "config.c";
}
