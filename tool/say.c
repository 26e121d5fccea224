/* SPDX-License-Identifier: ISC */
/* Messages, and memory that lives to the end of the program. */
#define _GNU_SOURCE
#include "say.h"
#include <mirage/nearest.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_list(const char *fmt, va_list args)
{
    fflush(stdout);
    fputs("mirage: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_list(fmt, args);
    va_end(args);
}

void die(int status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_list(fmt, args);
    va_end(args);
    exit(status);
}

void die_unknown(const char *kind, const char *word, const char *const *list)
{
    struct nearest n = {.word = word};

    for (const char *const *l = list; *l; l++)
        nearest_offer(&n, *l);
    fflush(stdout);
    fprintf(stderr, "mirage: %s is not %s %s", word,
            strchr("aeio", kind[0]) ? "an" : "a", kind);
    if (n.best)
        fprintf(stderr, "; did you mean %s?", n.best);
    fputs("\nThere are:", stderr);
    for (; *list; list++)
        fprintf(stderr, " %s", *list);
    fputc('\n', stderr);
    exit(MISUSED);
}

void *get_memory(size_t size)
{
    void *p = calloc(1, size);

    if (!p)
        die(FAILED, "out of memory");
    return p;
}

char *text_of(const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        die(FAILED, "out of memory");
    va_end(args);
    return text;
}
