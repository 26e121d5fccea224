/* SPDX-License-Identifier: ISC */
/* Copies parts of generated files, with placeholders filled in. */
#define _GNU_SOURCE
#include "parts.h"
#include "root.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

static const struct filling *find(const struct filling *f, const char *text)
{
    for (; f->name; f++) {
        size_t len = strlen(f->name);

        if (strncmp(text, f->name, len) == 0 && text[len] == '@')
            return f;
    }
    return NULL;
}

static void put_line(FILE *out, const char *line, const struct filling *all)
{
    const char *at;

    while ((at = strchr(line, '@')) != NULL) {
        const struct filling *f = find(all, at + 1);

        fwrite(line, 1, (size_t)(at - line), out);
        fputs(f ? f->value : "@", out);
        line = at + (f ? strlen(f->name) + 2 : 1);
    }
    fputs(line, out);
}

void put_part(FILE *out, const char *part, const struct filling *fillings)
{
    char *name = text_of("%s/share/mirage/make/%s", root(), part);
    FILE *in = fopen(name, "r");
    char *line = NULL;
    size_t size = 0;

    if (!in)
        die(FAILED, "%s is missing: this mirage is not installed whole", name);
    while (getline(&line, &size, in) > 0)
        if (!strstr(line, "SPDX-License-Identifier:"))
            put_line(out, line, fillings);
    free(line);
    fclose(in);
}
