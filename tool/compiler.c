/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "compiler.h"
#include "root.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct words compiler(void)
{
    const char *cc = getenv("CC");
    struct words w = {0};

    add_words(&w, cc ? cc : "");
    if (w.count == 0)
        add_word(&w, "cc");
    return w;
}

bool has_compiler(void)
{
    return find_program(compiler().word[0]) != NULL;
}

/* By its name, or that of the file that the link leads to: cc may be clang. */
static bool is_clang(const struct words *w)
{
#ifdef __APPLE__
    (void)w;
    return true;
#else
    char *file = realpath(find_program(w->word[0]), NULL);
    bool is = file && strstr(strrchr(file, '/'), "clang");

    for (size_t i = 0; i < w->count; i++)
        is |= strstr(w->word[i], "clang") != NULL;
    free(file);
    return is;
#endif
}

void add_compiler(struct words *w)
{
    *w = compiler();
    if (!has_compiler())
        die(FAILED, "there is no C compiler: `%s` is not on PATH.\n"
                    "On Debian: apt-get install gcc libc6-dev",
            w->word[0]);
    w->in_english = true;
    add_word(w, is_clang(w) ? "-fmacro-backtrace-limit=1"
                            : "-ftrack-macro-expansion=0");
    if (isatty(STDERR_FILENO))
        add_word(w, "-fdiagnostics-color=always");
}

/* The first error with its notes; the others may result from it. */
static const char *first_error(const char *messages)
{
    const char *first = strstr(messages, "error: ");
    const char *second = first ? strstr(first + 1, "error: ") : NULL;

    if (!second)
        return messages;
    return text_of("%.*s", (int)(second - first), first);
}

void explain_errors(const char *file, const char *messages)
{
    const char *error = first_error(messages);
    const char *given = strstr(error, "JOB(") ? "devices" : "arguments";

    if (strstr(error, "lists too many devices"))
        die(FAILED, "%s lists more devices than a job can take.", file);
    if (strstr(error, "incompatible type for argument") ||
        strstr(error, "to parameter of incompatible type"))
        die(FAILED, "%s gives a device of one type where another is wanted.",
            file);
    if (strstr(error, "too few arguments"))
        die(FAILED, "%s gives too few %s.", file, given);
    if (strstr(error, "too many arguments") ||
        strstr(error, " arguments, but takes "))
        die(FAILED, "%s gives too many %s.", file, given);
    die(FAILED, "%s does not compile.", file);
}

void hint_header(const char *file, const char *own, const char *other)
{
    FILE *in = fopen(file, "r");
    char *text = NULL;
    size_t size = 0;

    if (in && getdelim(&text, &size, '\0', in) > 0 &&
        strstr(text, text_of("<%s>", other)) &&
        !strstr(text, text_of("<%s>", own)))
        say("%s includes <%s>: it needs <%s> instead", file, other, own);
    if (in)
        fclose(in);
    free(text);
}
