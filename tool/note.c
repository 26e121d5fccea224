/* SPDX-License-Identifier: ISC */
/*
 * mirage note: writes the words of a command of make's, such as the compiler
 * with its flags, to .mirage/NAME.note, but only if they have changed. What the
 * command makes depends on the note, so that a change of a variable of make's
 * takes effect.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "draft.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *words_text(int count, char **words, size_t *len)
{
    char *text;
    FILE *out = open_memstream(&text, len);

    if (!out)
        die(FAILED, "out of memory");
    for (int i = 0; i < count; i++)
        fprintf(out, "%s\n", words[i]);
    fclose(out);
    return text;
}

static bool is_noted(const char *file, const char *text, size_t len)
{
    char *old = get_memory(len + 1);
    FILE *in = fopen(file, "r");
    bool same = in && fread(old, 1, len + 1, in) == len &&
                memcmp(old, text, len) == 0;

    if (in)
        fclose(in);
    free(old);
    return same;
}

int command_note(int count, char **words)
{
    char *file, *text;
    size_t len;
    FILE *out;

    if (count < 2 || strcmp(words[1], "--") != 0)
        die(MISUSED, "`mirage note` wants a name and words:  mirage note "
                     "compile -- cc -O2");
    file = text_of(".mirage/%s.note", words[0]);
    text = words_text(count - 2, words + 2, &len);
    if (is_noted(file, text, len))
        return 0;
    lock_folder();
    out = begin_file(file);
    fwrite(text, 1, len, out);
    finish_file(out, file);
    return 0;
}
